"""What becomes of what went wrong: plain values."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.alerts.incidents import Again, Incident, Kind, Opened, Wrong, decide
from tests.ledger import NOON

JOB = uuid.UUID(int=1)
MINUTE = timedelta(minutes=1)


def wrong(
    number: int, kind: Kind = "failure", *, job: uuid.UUID = JOB, to: str = "oncall"
) -> Wrong:
    """The run of that number, a minute after the one before it."""
    at = NOON + number * MINUTE
    return Wrong(job, kind, uuid.UUID(int=100 + number), at, at, frozenset(to.split()))


def incident(last: Wrong, *, is_open: bool = True, told: str = "oncall") -> Incident:
    return Incident(
        7, last.job_id, last.kind, last.run_id, last.at, is_open, frozenset(told.split())
    )


def decide_on(known: Incident, *wrongs: Wrong) -> tuple[Opened | Again, ...]:
    return decide(wrongs, {(known.job_id, known.kind): known})


def test_the_first_run_that_fails_opens_an_incident() -> None:
    first = wrong(1)
    assert decide([first], {}) == (Opened(first, first, 1, frozenset({"oncall"})),)


def test_several_at_once_are_one_incident_in_the_order_of_their_ends() -> None:
    assert decide([wrong(3), wrong(1), wrong(2)], {}) == (
        Opened(wrong(1), wrong(3), 3, frozenset({"oncall"})),
    )


def test_while_it_is_open_nobody_is_told_again() -> None:
    assert decide_on(incident(wrong(1)), wrong(2)) == (
        Again(7, wrong(2), wrong(2), 1, frozenset()),
    )


def test_once_it_is_closed_the_next_failure_opens_another() -> None:
    assert decide_on(incident(wrong(1), is_open=False), wrong(2)) == (
        Opened(wrong(2), wrong(2), 1, frozenset({"oncall"})),
    )


def test_what_nobody_asks_for_is_no_incident() -> None:
    assert decide([wrong(1, to="")], {}) == ()


def test_kinds_and_jobs_have_incidents_of_their_own() -> None:
    other = uuid.UUID(int=2)
    decided = decide([wrong(1), wrong(1, "missed"), wrong(1, job=other)], {})
    assert len(decided) == 3


def test_a_missed_row_counts_for_all_its_times() -> None:
    row = replace(wrong(1, "missed"), times=12)
    assert decide([row], {}) == (Opened(row, row, 12, frozenset({"oncall"})),)


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("kind", ["late", "too_long"])
def test_a_run_that_is_still_late_or_going_on_is_no_news(kind: Kind, *, is_open: bool) -> None:
    assert decide_on(incident(wrong(1, kind), is_open=is_open), wrong(1, kind)) == ()


def test_an_older_run_that_is_late_does_not_open_again_what_is_closed() -> None:
    assert decide_on(incident(wrong(2, "late"), is_open=False), wrong(1, "late")) == ()


def test_who_asks_for_a_longer_time_is_told_when_that_has_passed() -> None:
    told_later = wrong(1, "late", to="boss")
    assert decide_on(incident(wrong(1, "late")), told_later) == (
        Again(7, told_later, None, 0, frozenset({"boss"})),
    )


_WRONGS = st.lists(st.builds(wrong, st.integers(0, 20), st.sampled_from(["failure", "late"])))


@given(_WRONGS)
def test_there_is_one_decision_for_a_job_and_a_kind_at_most(wrongs: list[Wrong]) -> None:
    decided = [one for one in decide(wrongs, {}) if isinstance(one, Opened)]
    assert len({one.first.key for one in decided}) == len(decided) == len({w.key for w in wrongs})


@given(_WRONGS)
def test_whoever_asks_is_told_once(wrongs: list[Wrong]) -> None:
    known = incident(wrong(0, "late"), told="oncall")
    assert [one.to for one in decide_on(known, *wrongs) if isinstance(one, Again)] in (
        [],
        [frozenset()],
    )
