"""Next times against cronsim, and against the clock itself. `oracle.py` runs many more cases."""

import random
from datetime import datetime, timedelta
from types import ModuleType

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from jobrunner.schedule import next_time, previous_time

# The fixture is a module, the same for every example.
_SHARED = [HealthCheck.function_scoped_fixture]


@settings(max_examples=1000, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False))
def test_cronsim_agrees_or_the_clock_proves_it_wrong(
    oracle: ModuleType, source: random.Random
) -> None:
    case = oracle.random_case(source)
    assert oracle.verdict(case) in {"same", "refused", *oracle.REFUTED}


@pytest.mark.parametrize(
    ("expression", "zone", "after", "found"),
    [
        ("30 2 * * *", "Europe/Paris", "2026-10-25T01:10Z", "not after"),
        ("*/10 2 * * *", "Australia/Lord_Howe", "2027-04-03T14:00Z", "stepped over"),
        ("*/30 1 * * 0", "America/Santiago", "2027-09-04T12:00Z", "stepped over"),
        ("*/30 0 * * 0", "America/Santiago", "2027-09-04T12:00Z", "never shown"),
        ("*/30 0 * * *", "America/Santiago", "2027-09-04T12:00Z", "same"),
        ("*/30 2 * * *", "Europe/Paris", "2027-03-27T12:00Z", "same"),
        ("0 30 2 * * *", "Europe/Paris", "2027-03-27T12:00Z", "same"),
    ],
)
def test_cronsim_is_wrong_in_the_ways_that_are_written_down(
    oracle: ModuleType, expression: str, zone: str, after: str, found: str
) -> None:
    assert oracle.verdict(oracle.Case(expression, zone, datetime.fromisoformat(after))) == found


@settings(max_examples=60, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False))
def test_a_scan_of_all_minutes_finds_the_same_times(
    oracle: ModuleType, source: random.Random
) -> None:
    case = oracle.random_case(source)
    assume(len(case.expression.split()) == 5)
    assume(oracle.answer(case) is not None)
    assert oracle.clock_verdict(case) == "same"


@settings(max_examples=200, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False))
def test_a_scan_finds_the_same_times_of_what_cronsim_does_not_speak(
    oracle: ModuleType, source: random.Random
) -> None:
    assert oracle.clock_verdict(oracle.random_clock_case(source)) == "same"


@settings(max_examples=500, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False), later=st.timedeltas(min_value=timedelta(0)))
def test_no_time_lies_between_an_instant_and_its_next_time(
    oracle: ModuleType, source: random.Random, later: timedelta
) -> None:
    case = oracle.random_case(source)
    first = oracle.answer(case)
    assume(first is not None)
    timing = case.timing
    between = case.after + later % (first - case.after)
    assert first > case.after
    assert next_time(timing, between) == first


@settings(max_examples=300, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False))
def test_the_previous_time_of_a_next_time_is_itself(
    oracle: ModuleType, source: random.Random
) -> None:
    case = oracle.random_case(source)
    first = oracle.answer(case)
    assume(first is not None)
    timing = case.timing
    second = next_time(timing, first)
    assume(second is not None)
    assert second is not None
    assert previous_time(timing, first) == first
    assert previous_time(timing, second - timedelta(microseconds=1)) == first
