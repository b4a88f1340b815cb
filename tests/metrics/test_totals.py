"""Totals of ended runs: exact at any moment, and never lowered, whoever counts or deletes meanwhile."""

import uuid
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, insert, text

from jobrunner.counting import Counting
from jobrunner.db import tables
from jobrunner.db.engine import transaction
from jobrunner.db.totals import (
    BOUNDS_SECONDS,
    QueueTotal,
    count_ended,
    read_error_totals,
    read_queue_totals,
    read_totals,
)
from jobrunner.retention import delete_runs
from tests.ledger import NOON, Ledger
from tests.waiting import wait_until

SECOND = timedelta(seconds=1)


def read(engine: Engine) -> tuple[QueueTotal, ...]:
    with transaction(engine) as connection:
        return read_queue_totals(connection)


def count(engine: Engine, *, limit: int = 1_000) -> int:
    with transaction(engine) as connection:
        return count_ended(connection, limit=limit)


def numbers(engine: Engine) -> Counter[str]:
    found: Counter[str] = Counter()
    for total in read(engine):
        found[total.state] += total.runs
    return found


def errors(engine: Engine) -> dict[str, int]:
    with transaction(engine) as connection:
        found = read_error_totals(connection)
    return {error_type: attempts for (_, _, error_type), attempts in found.items()}


class Play:
    """A database, what ended in it, and a second beat that may be in the middle of a batch."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.job_id = ledger.add_job(name=f"job-{uuid.uuid4().hex[:8]}")
        self.ended: Counter[str] = Counter()
        self._open: ExitStack | None = None
        self.first = numbers(ledger.engine)

    def end(self, state: str) -> None:
        owed_at = NOON - timedelta(days=1) + self.ended.total() * SECOND
        self.ledger.add_run(
            self.job_id, state=state, attempt=1, scheduled_for=owed_at, finished_at=func.now()
        )
        self.ended[state] += 1

    def count(self) -> None:
        self.end_count()  # of the same job: it is waited for
        count(self.ledger.engine, limit=2)

    def begin_count(self) -> None:
        if self._open is None:
            self._open = ExitStack()
            connection = self._open.enter_context(transaction(self.ledger.engine))
            count_ended(connection, limit=2)

    def end_count(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def delete(self) -> None:
        self.end_count()
        delete_runs(self.ledger.engine, older_than_days=1_000, keep_per_job=1)

    def look(self) -> None:
        assert numbers(self.ledger.engine) - self.first == self.ended


_ACTS = ("count", "begin_count", "end_count", "delete", "look")
_STATES = st.sampled_from(["succeeded", "failed", "cancelled", "skipped"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.sampled_from(_ACTS) | st.tuples(st.just("end"), _STATES), max_size=25))
def test_totals_are_exact_whoever_counts_or_deletes_meanwhile(
    ledger: Ledger, acts: list[str | tuple[str, str]]
) -> None:
    play = Play(ledger)
    try:
        for act in acts:
            name, *values = (act,) if isinstance(act, str) else act
            getattr(play, name)(*values)
            play.look()
    finally:
        play.end_count()
    play.look()


def test_totals_are_exact_while_two_beats_count_and_runs_are_deleted(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.counting.BATCH_RUNS", 2)
    monkeypatch.setattr("jobrunner.retention.BATCH_RUNS", 3)
    beats = [Counting(ledger.engine), Counting(ledger.engine)]
    play = Play(ledger)
    for _ in range(40):
        play.end("succeeded")
        play.end("failed")
        for beat in beats:
            beat.wake()
        play.look()
        play.delete()
        play.look()
    for beat in beats:
        beat.close()
    assert ledger.run_ids() != []
    assert len(ledger.run_ids()) < 80


def test_a_run_is_counted_once(ledger: Ledger, engine: Engine) -> None:
    job_id = ledger.add_job()
    for _ in range(3):
        ledger.end_run(ledger.add_run(job_id), "succeeded")
    assert [count(engine, limit=2), count(engine, limit=2), count(engine, limit=2)] == [2, 1, 0]
    assert numbers(engine) == {"succeeded": 3}


def test_what_another_beat_has_in_hand_is_left_to_it(ledger: Ledger, engine: Engine) -> None:
    ledger.end_run(ledger.add_run(ledger.add_job()), "failed")
    with transaction(engine) as connection:
        assert count_ended(connection, limit=9) == 1
        assert count(engine) == 0


def test_a_loss_that_was_counted_stays_one_when_its_run_succeeds_late(
    ledger: Ledger, engine: Engine
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.end_run(run_id, "lost")
    assert numbers(engine) == {}
    count(engine)
    ledger.change_run(run_id, state="succeeded")
    count(engine)
    assert numbers(engine) == {"lost": 1}


def test_a_loss_that_was_not_counted_is_what_it_turns_out_to_be(
    ledger: Ledger, engine: Engine
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.end_run(run_id, "lost")
    ledger.change_run(run_id, state="succeeded")
    assert numbers(engine) == {"succeeded": 1}


@pytest.fixture(params=["uncounted", "counted"])
def total(request: pytest.FixtureRequest, ledger: Ledger, engine: Engine) -> QueueTotal:
    """Of a run that waited half a second, took one minute exactly and was tried three times."""
    ledger.add_run(
        ledger.add_job(),
        trigger="schedule",
        state="succeeded",
        attempt=3,
        scheduled_for=NOON,
        created_at=NOON + 0.2 * SECOND,
        available_at=NOON + SECOND,
        started_at=NOON + 1.5 * SECOND,
        finished_at=NOON + 61.5 * SECOND,
    )
    if request.param == "counted":
        count(engine)
    [found] = read(engine)
    return found


def test_how_long_a_run_took_is_counted_in_each_bound_it_did_not_exceed(total: QueueTotal) -> None:
    assert total.duration.total_seconds == 60
    assert total.duration.buckets == (0,) * 7 + (1,) * 5
    assert BOUNDS_SECONDS[7] == 60


def test_how_long_it_waited_is_from_when_it_could_be_sent(total: QueueTotal) -> None:
    assert (total.wait.total_seconds, total.wait.buckets[:3]) == (0.5, (0, 0, 1))


def test_how_late_its_row_came_is_from_the_time_owed(total: QueueTotal) -> None:
    assert (total.delay.total_seconds, total.delay.buckets[:2]) == (0.2, (0, 1))


def test_attempts_after_the_first_are_retries(total: QueueTotal) -> None:
    assert total.retries == 2


def test_a_run_that_ended_while_it_waited_for_its_next_attempt_took_no_time(
    ledger: Ledger, engine: Engine
) -> None:
    ledger.add_run(
        ledger.add_job(),
        state="cancelled",
        attempt=1,
        started_at=NOON,
        available_at=NOON + 60 * SECOND,
        finished_at=NOON + 30 * SECOND,
    )
    [found] = read(engine)
    assert found.duration.buckets == (0,) * 12


def add_failed(ledger: Ledger, job_id: uuid.UUID, error_type: str) -> None:
    run_id = ledger.add_run(job_id, state="failed", attempt=1, finished_at=func.now())
    with ledger.engine.begin() as connection:
        connection.execute(
            insert(tables.attempts).values(
                run_id=run_id,
                number=1,
                state="failed",
                claim_token=uuid.uuid4(),
                worker="worker",
                pid=1,
                started_at=func.now(),
                error_type=error_type,
            )
        )


def test_failed_attempts_are_counted_by_the_type_of_their_error(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = ledger.add_job()
    for error_type in ("ValueError", "timeout", "ValueError"):
        add_failed(ledger, job_id, error_type)
        count(engine)
    assert errors(engine) == {"ValueError": 2, "timeout": 1}


def test_fault_86_types_of_errors_that_code_makes_up_are_counted_together(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.db.totals.ERROR_TYPES_MAX", 3)
    job_id = ledger.add_job()
    for batch in (("E1", "E2"), ("E3", "E4", "E5"), ("E6", "E1")):
        for error_type in batch:
            add_failed(ledger, job_id, error_type)
        count(engine)
    assert errors(engine) == {"E1": 2, "E2": 1, "E3": 1, "other": 3}


def test_all_runs_there_ever_were_are_the_counted_the_ended_and_the_others(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = ledger.add_job()
    ledger.end_run(ledger.add_run(job_id), "succeeded")
    count(engine)
    ledger.end_run(ledger.add_run(job_id), "succeeded")
    ledger.add_run(job_id)
    with transaction(engine) as connection:
        assert read_totals(connection) == {"queued": 1, "succeeded": 2}


def test_a_woken_thread_counts_all_there_is(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.counting.BATCH_RUNS", 2)
    job_id = ledger.add_job()
    for _ in range(5):
        ledger.end_run(ledger.add_run(job_id), "succeeded")
    counting = Counting(engine)
    counting.wake()
    wait_until(lambda: uncounted(engine) == 0)
    counting.close()


def uncounted(engine: Engine) -> int:
    with engine.begin() as connection:
        found = connection.execute(text("SELECT count(*) FROM jobrunner.runs WHERE NOT is_counted"))
        return int(found.scalar_one())
