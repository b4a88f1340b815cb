"""How an attempt ends a run, or does not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.run import (
    AttemptEnd,
    End,
    Outcome,
    RunState,
    backoff,
    decide_end,
)
from jobrunner.spec.models import Retry

ONCE = Retry()
TWICE_MORE = Retry(max_retries=2, backoff="fixed", delay=timedelta(seconds=10), jitter=False)
FAILED = AttemptEnd(
    outcome=Outcome.FAILED,
    attempt=1,
    lost_attempts=0,
    retry=ONCE,
    on_lost=None,
    cancel_requested=False,
    error_types=("requests.exceptions.ConnectionError", "builtins.OSError", "builtins.Exception"),
)
LOST = replace(FAILED, outcome=Outcome.LOST, error_types=())
AGAIN = End(RunState.QUEUED, timedelta(seconds=10))


def end(ended: AttemptEnd) -> End:
    return decide_end(ended, random_fraction=0.0)


def test_success_ends_a_run_even_when_a_cancel_came_too_late() -> None:
    assert end(replace(FAILED, outcome=Outcome.SUCCEEDED, cancel_requested=True)) == End(
        RunState.SUCCEEDED
    )


def test_a_failure_without_retries_is_final() -> None:
    assert end(FAILED) == End(RunState.FAILED)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST])
@pytest.mark.parametrize(("attempt", "again"), [(1, True), (2, True), (3, False)])
def test_there_are_max_retries_and_one_attempts(
    outcome: Outcome, attempt: int, *, again: bool
) -> None:
    ended = replace(FAILED, outcome=outcome, attempt=attempt, retry=TWICE_MORE)
    assert (end(ended) == AGAIN) is again


def test_a_cancelled_run_is_not_retried() -> None:
    assert end(replace(FAILED, retry=TWICE_MORE, cancel_requested=True)) == End(RunState.CANCELLED)


def test_a_callable_that_may_not_run_is_not_retried() -> None:
    assert end(replace(FAILED, outcome=Outcome.REFUSED, retry=TWICE_MORE)) == End(RunState.FAILED)


@pytest.mark.parametrize(
    ("retry_for", "not_for", "again"),
    [
        ((), (), True),
        (("requests.exceptions.ConnectionError",), (), True),
        (("OSError",), (), True),
        (("ValueError",), (), False),
        ((), ("OSError",), False),
        (("OSError",), ("requests.exceptions.ConnectionError",), False),
    ],
)
def test_for_and_not_for_choose_by_class_and_its_bases(
    retry_for: tuple[str, ...], not_for: tuple[str, ...], *, again: bool
) -> None:
    retry = TWICE_MORE.model_copy(update={"retry_for": retry_for, "not_for": not_for})
    assert (end(replace(FAILED, retry=retry)).state is RunState.QUEUED) is again


def test_a_lost_attempt_without_retries_ends_as_lost() -> None:
    assert end(LOST) == End(RunState.LOST)


def test_on_lost_retry_repeats_once_without_retries() -> None:
    assert end(replace(LOST, on_lost="retry")).state is RunState.QUEUED
    assert end(replace(LOST, on_lost="retry", attempt=2)).state is RunState.LOST


def test_on_lost_fail_does_not_use_retries() -> None:
    assert end(replace(LOST, retry=TWICE_MORE, on_lost="fail")) == End(RunState.LOST)


def test_three_lost_attempts_in_a_row_end_a_run() -> None:
    many = TWICE_MORE.model_copy(update={"max_retries": 50})
    assert end(replace(LOST, retry=many, attempt=2, lost_attempts=1)).state is RunState.QUEUED
    assert end(replace(LOST, retry=many, attempt=3, lost_attempts=2)).state is RunState.LOST


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [("fixed", [5, 5, 5, 5]), ("linear", [5, 10, 15, 20]), ("exponential", [5, 10, 20, 30])],
)
def test_backoff_grows_by_its_kind_up_to_max_delay(kind: str, seconds: list[int]) -> None:
    retry = Retry.model_validate(
        {"backoff": kind, "delay": "5s", "max_delay": "30s", "jitter": False}
    )
    assert [backoff(retry, attempt, 0.9).total_seconds() for attempt in (1, 2, 3, 4)] == seconds


@given(attempt=st.integers(1, 1000), fraction=st.floats(0, 1, exclude_max=True))
def test_jitter_stays_between_half_and_the_whole_delay(attempt: int, fraction: float) -> None:
    whole = backoff(Retry(jitter=False), attempt, 0.0)
    assert whole / 2 <= backoff(Retry(), attempt, fraction) <= whole


class TestAskedAgain:
    """Celery's `self.retry`: the callable has counted its tries itself."""

    ASKED = replace(
        FAILED, outcome=Outcome.AGAIN, attempt=7, retry_in=timedelta(seconds=3), retry=ONCE
    )

    def test_it_is_tried_again_after_the_time_it_asked_for_whatever_retries_the_job_has(
        self,
    ) -> None:
        assert end(self.ASKED) == End(RunState.QUEUED, timedelta(seconds=3))

    def test_at_once_is_at_once(self) -> None:
        assert end(replace(self.ASKED, retry_in=timedelta(0))).retry_in == timedelta(0)

    def test_a_cancel_request_wins(self) -> None:
        assert end(replace(self.ASKED, cancel_requested=True)) == End(RunState.CANCELLED)
