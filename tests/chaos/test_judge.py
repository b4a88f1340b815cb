"""The judge must be able to find something: made-up journals against made-up ledgers."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.evidence import Attempt, Entry, Evidence, Run, Span, Touch
from tests.chaos.judge import faults, unfinished

RUN = uuid.UUID(int=1)
SCHEDULE = uuid.UUID(int=9)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def run(state: str = "succeeded", *, run_id: uuid.UUID = RUN, created: float = 0.0) -> Run:
    return Run(run_id, "job", SCHEDULE, NOON, state, at(created))


def attempt(number: int, state: str, start: float, end: float | None, *, pid: int = 7) -> Attempt:
    return Attempt(RUN, number, state, pid, at(start), None if end is None else at(end))


def entry(word: str, attempt_number: int, second: float, *, pid: int = 7) -> Entry:
    return Entry(word, RUN, attempt_number, pid, at(second))


GOOD = Evidence(
    runs=[run()],
    attempts=[attempt(1, "succeeded", 1, 4)],
    journal=[entry("START", 1, 2), entry("END", 1, 3)],
)
LOST_AND_DONE = Evidence(
    runs=[run()],
    attempts=[attempt(1, "lost", 1, 24), attempt(2, "succeeded", 25, 28, pid=8)],
    journal=[
        entry("START", 1, 2),
        entry("END", 1, 3),
        entry("START", 2, 26, pid=8),
        entry("END", 2, 27, pid=8),
    ],
    touches=[Touch(7, at(3.1))],
)


def found(evidence: Evidence, *, retries: int = 3) -> Sequence[str]:
    return [f"{fault.kind}: {fault.what}" for fault in faults(evidence, lambda _: retries)]


def test_a_run_that_ended_once_is_right() -> None:
    assert found(GOOD) == []


def test_two_ends_are_right_when_the_first_process_was_killed_before_it_could_say_so() -> None:
    assert found(LOST_AND_DONE) == []


def test_a_lost_attempt_whose_process_nobody_touched_is_a_fault() -> None:
    (fault,) = found(replace(LOST_AND_DONE, touches=[Touch(8, at(3))]))
    assert "nobody has touched its process 7" in fault


def test_a_process_that_is_killed_after_its_attempt_was_lost_was_not_the_cause() -> None:
    (fault,) = found(replace(LOST_AND_DONE, touches=[Touch(7, at(24.5))]))
    assert "nobody has touched its process 7" in fault


def test_two_rows_for_one_time_are_doubled() -> None:
    twin = run(run_id=uuid.UUID(int=2))
    (fault,) = found(replace(GOOD, runs=[run(), replace(twin, state="queued")]))
    assert fault == "doubled: job has 2 rows for 12:00:00"


def test_two_starts_under_one_claim_are_doubled() -> None:
    (fault,) = found(replace(GOOD, journal=[entry("START", 1, 1.5), *GOOD.journal]))
    assert fault.startswith("doubled: attempt 1 of run")


def test_a_call_in_another_process_than_the_one_that_claimed_is_doubled() -> None:
    (fault,) = found(replace(GOOD, journal=[*GOOD.journal, entry("FAIL", 1, 3, pid=8)]))
    assert fault.startswith("doubled: ")
    assert fault.endswith("was claimed by process 7")


def test_a_call_that_the_ledger_does_not_know_is_a_fault() -> None:
    (fault,) = found(replace(GOOD, journal=[*GOOD.journal, entry("START", 2, 5)]))
    assert fault.endswith("is unknown to the ledger")


def test_a_success_that_never_came_to_its_end_is_lost() -> None:
    (fault,) = found(replace(GOOD, journal=GOOD.journal[:1]))
    assert fault.startswith("lost: ")
    assert fault.endswith("stands as succeeded and never came to its end")


def test_a_success_that_stood_before_its_end_was_somebody_elses() -> None:
    early = replace(GOOD, attempts=[attempt(1, "succeeded", 1, 2.5)])
    (fault,) = found(early)
    assert fault.endswith("stood as succeeded before it was")


def test_two_attempts_that_succeeded_are_doubled() -> None:
    both = [replace(LOST_AND_DONE.attempts[0], state="succeeded"), LOST_AND_DONE.attempts[1]]
    assert any("has 2 attempts that succeeded" in fault for fault in found(_with(both)))


@pytest.mark.parametrize("state", ["succeeded", "cancelled", "running"])
def test_a_second_start_after_anything_but_a_loss_or_a_failure_is_doubled(state: str) -> None:
    both = [replace(LOST_AND_DONE.attempts[0], state=state), LOST_AND_DONE.attempts[1]]
    assert any(f"was started again, and was {state}" in fault for fault in found(_with(both)))


def test_a_second_start_before_the_end_of_the_first_attempt_is_doubled() -> None:
    both = [attempt(1, "lost", 1, 25.5), LOST_AND_DONE.attempts[1]]
    (fault,) = found(_with(both))
    assert fault.endswith("was started again before its attempt was over")


def test_a_failure_that_no_callable_has_announced_is_a_fault() -> None:
    both = [replace(LOST_AND_DONE.attempts[0], state="failed"), LOST_AND_DONE.attempts[1]]
    journal = [line for line in LOST_AND_DONE.journal if (line.word, line.attempt) != ("END", 1)]
    (fault,) = found(replace(_with(both), journal=journal))
    assert "attempt 1 of run" in fault
    assert "failed" in fault


def test_a_callable_that_came_to_its_end_did_not_fail() -> None:
    (fault,) = found(replace(GOOD, runs=[run("failed")], attempts=[attempt(1, "failed", 1, 4)]))
    assert fault.endswith("came to its end, and stands as failed")


def test_a_run_is_given_up_when_its_retries_are_used_up_and_not_before() -> None:
    lost = replace(LOST_AND_DONE, runs=[run("lost")], attempts=LOST_AND_DONE.attempts[:1])
    lost = replace(lost, journal=lost.journal[:2])
    assert found(lost, retries=0) == []
    (fault,) = found(lost, retries=1)
    assert fault.endswith("was given up with retries left")


def test_a_time_that_is_recorded_late_needs_an_outage_as_its_cause() -> None:
    late = replace(GOOD, runs=[run(created=21)])
    (fault,) = found(late)
    assert fault.endswith("was recorded 21.0 s late")
    assert found(replace(late, outages=[Span(at(-1), at(2))])) == []


def test_at_the_end_a_run_that_is_not_over_is_lost() -> None:
    (fault,) = unfinished(replace(GOOD, runs=[run("queued")]))
    assert fault.kind == "lost"


def test_at_the_end_a_request_without_its_run_is_lost() -> None:
    (fault,) = unfinished(replace(GOOD, answers={"key": uuid.UUID(int=5)}))
    assert "the request key was answered" in fault.what


def _with(attempts: Sequence[Attempt]) -> Evidence:
    return replace(LOST_AND_DONE, attempts=attempts)
