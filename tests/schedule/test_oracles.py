"""Next times against cronsim, and against the clock itself. `oracle.py` runs many more cases."""

import random
from datetime import timedelta
from types import ModuleType
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from jobrunner.schedule import make_timing, next_time, previous_time, times_between

# The fixture is a module, the same for every example.
_SHARED = [HealthCheck.function_scoped_fixture]


@settings(max_examples=2500, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False))
def test_cronsim_agrees_or_the_clock_proves_it_wrong(
    oracle: ModuleType, source: random.Random
) -> None:
    case = oracle.random_case(source)
    assert oracle.verdict(case) in {"same", "refused", "refuted"}


@settings(max_examples=60, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False))
def test_a_scan_of_all_minutes_finds_the_same_times(
    oracle: ModuleType, source: random.Random
) -> None:
    case = oracle.random_case(source)
    assume(len(case.expression.split()) == 5)
    assume(oracle.answer(case) is not None)
    start = case.after.replace(second=0)
    end = start + timedelta(days=2)
    timing = make_timing(cron=case.expression, timezone=case.zone)
    expected = oracle.scan(case.expression, ZoneInfo(case.zone), start, end)
    assert list(times_between(timing, start, end)) == expected


@settings(max_examples=500, deadline=None, suppress_health_check=_SHARED)
@given(source=st.randoms(use_true_random=False), later=st.timedeltas(min_value=timedelta(0)))
def test_no_time_lies_between_an_instant_and_its_next_time(
    oracle: ModuleType, source: random.Random, later: timedelta
) -> None:
    case = oracle.random_case(source)
    first = oracle.answer(case)
    assume(first is not None)
    timing = make_timing(cron=case.expression, timezone=case.zone)
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
    timing = make_timing(cron=case.expression, timezone=case.zone)
    second = next_time(timing, first)
    assume(second is not None)
    assert second is not None
    assert previous_time(timing, first) == first
    assert previous_time(timing, second - timedelta(microseconds=1)) == first
