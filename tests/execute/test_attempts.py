"""Claim, lease and end of attempts, on a real database."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Select, func, select, update

from jobrunner.db import tables
from jobrunner.db.attempts import (
    Claim,
    ClaimedRun,
    Ending,
    WatchedRun,
    claim,
    end_unclaimable,
    finish,
    lost_attempts,
    read_running,
    renew_leases,
    watch_runs,
)
from jobrunner.run import RunState
from tests.ledger import AttemptRow, Ledger

SUCCEEDED = Ending(RunState.SUCCEEDED, "succeeded", result="[1]")
FAILED = Ending(RunState.FAILED, "failed", error_type="ValueError", error="no", traceback="tb")
LOST = Ending(RunState.LOST, "lost", error_type="lost", error="gone")
AGAIN = Ending(RunState.QUEUED, "failed", retry_in=timedelta(seconds=30), error="try again")


def lock_run(run_id: uuid.UUID) -> Select[Any]:
    return select(tables.runs.c.id).where(tables.runs.c.id == run_id).with_for_update()


def try_claim(engine: Engine, run_id: uuid.UUID) -> ClaimedRun | None:
    with engine.begin() as connection:
        return claim(connection, Claim(run_id, uuid.uuid4()), worker="worker@test", pid=7)


def end(engine: Engine, held: Claim, ending: Ending) -> RunState | None:
    with engine.begin() as connection:
        return finish(connection, held, ending)


class TestClaim:
    def test_a_claim_starts_the_first_attempt_with_a_lease(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job(kwargs={"a": 1}))
        claimed = ledger.claim(run_id)
        row = ledger.run(run_id)
        assert (claimed.attempt, claimed.address, claimed.spec.task) == (1, "test/job", "acme.task")
        assert (row["state"], row["claim_token"]) == ("running", claimed.claim.token)
        assert row["lease_until"] - row["started_at"] == pytest.approx(
            timedelta(seconds=20), abs=timedelta(seconds=1)
        )
        assert ledger.attempts(run_id) == [AttemptRow(1, "running", None, None, None)]

    def test_a_run_is_claimed_once_however_many_try(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        with ThreadPoolExecutor(5) as pool:
            claims = list(pool.map(lambda _: try_claim(ledger.engine, run_id), range(20)))
        assert sum(claimed is not None for claimed in claims) == 1
        assert len(ledger.attempts(run_id)) == 1

    def test_a_run_keeps_the_time_limits_of_the_definition_it_was_made_with(
        self, ledger: Ledger
    ) -> None:
        run_id = ledger.add_run(ledger.add_job(timeout="1m30s", soft_timeout="500ms"))
        with ledger.engine.begin() as connection:
            connection.execute(
                update(tables.jobs).values(timeout=timedelta(hours=1), soft_timeout=None)
            )
        spec = ledger.claim(run_id).spec
        limits = (timedelta(seconds=90), timedelta(milliseconds=500))
        assert (spec.timeout, spec.soft_timeout) == limits

    def test_arguments_of_the_trigger_go_over_those_of_the_definition(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job(kwargs={"a": 1, "b": 2}), kwargs={"b": 3})
        assert ledger.claim(run_id).kwargs == {"a": 1, "b": 3}

    @pytest.mark.parametrize(
        ("schedule", "given", "args", "kwargs"),
        [
            (None, None, (1,), {"a": 1, "b": 2}),
            ("plain", None, (1,), {"a": 1, "b": 2}),
            ("own", None, (), {"b": 3}),
            ("own", {"c": 4}, (), {"b": 3, "c": 4}),
            ("gone", None, (1,), {"a": 1, "b": 2}),
        ],
    )
    def test_arguments_of_a_schedule_stand_in_place_of_the_jobs_and_under_the_triggers(
        self,
        ledger: Ledger,
        schedule: str | None,
        given: dict[str, int] | None,
        args: tuple[int, ...],
        kwargs: dict[str, int],
    ) -> None:
        own = {"name": "own", "every": "1h", "args": [], "kwargs": {"b": 3}}
        schedules = [{"name": "plain", "every": "1h"}, own]
        job_id = ledger.add_job(args=[1], kwargs={"a": 1, "b": 2}, schedules=schedules)
        of_schedule = schedule and {"schedule_id": ledger.add_schedule(job_id, schedule)}
        claimed = ledger.claim(ledger.add_run(job_id, kwargs=given, **(of_schedule or {})))
        assert (claimed.args, claimed.kwargs) == (args, kwargs)

    def test_a_held_run_is_not_claimable(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job(), held=True)
        assert try_claim(ledger.engine, run_id) is None

    def test_a_retry_is_not_claimable_before_its_time(self, ledger: Ledger) -> None:
        later = func.now() + timedelta(minutes=1)
        run_id = ledger.add_run(ledger.add_job(), attempt=1, available_at=later)
        assert try_claim(ledger.engine, run_id) is None

    def test_an_expired_run_is_ended_instead(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job(), expires_at=datetime(2026, 1, 1, tzinfo=UTC))
        assert try_claim(ledger.engine, run_id) is None
        with ledger.engine.begin() as connection:
            assert end_unclaimable(connection, run_id) is RunState.EXPIRED

    def test_a_retry_does_not_expire(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(
            ledger.add_job(), attempt=1, expires_at=datetime(2026, 1, 1, tzinfo=UTC)
        )
        assert try_claim(ledger.engine, run_id) is not None

    def test_a_run_of_a_deleted_job_is_cancelled_instead(self, ledger: Ledger) -> None:
        job_id = ledger.add_job()
        run_id = ledger.add_run(job_id)
        ledger.delete_job(job_id)
        assert try_claim(ledger.engine, run_id) is None
        with ledger.engine.begin() as connection:
            assert end_unclaimable(connection, run_id) is RunState.CANCELLED

    def test_a_retry_that_was_cancelled_meanwhile_is_ended_instead(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job(), attempt=1, cancel_requested_at=func.now())
        assert try_claim(ledger.engine, run_id) is None
        with ledger.engine.begin() as connection:
            assert end_unclaimable(connection, run_id) is RunState.CANCELLED

    def test_a_claimable_run_is_not_ended(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        with ledger.engine.begin() as connection:
            assert end_unclaimable(connection, run_id) is None

    def test_a_claim_whose_answer_was_lost_is_found_by_its_token(self, ledger: Ledger) -> None:
        claimed = ledger.claim(ledger.add_run(ledger.add_job()))
        with ledger.engine.begin() as connection:
            assert read_running(connection, claimed.claim) == claimed


class TestFinish:
    def test_a_success_is_written_to_the_run_and_its_attempt(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        assert end(ledger.engine, ledger.claim(run_id).claim, SUCCEEDED) is RunState.SUCCEEDED
        row = ledger.run(run_id)
        assert (row["state"], row["result"], row["lease_until"]) == ("succeeded", [1], None)
        assert row["finished_at"] is not None
        assert ledger.attempts(run_id) == [AttemptRow(1, "succeeded", None, None, None)]

    def test_a_failure_keeps_its_traceback_with_the_attempt(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        end(ledger.engine, ledger.claim(run_id).claim, FAILED)
        assert ledger.run(run_id)["error"] == "no"
        assert ledger.attempts(run_id) == [AttemptRow(1, "failed", "ValueError", "no", "tb")]

    def test_a_retry_goes_back_to_be_sent_later(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        assert end(ledger.engine, ledger.claim(run_id).claim, AGAIN) is RunState.QUEUED
        row = ledger.run(run_id)
        assert (row["state"], row["sent_at"], row["finished_at"]) == ("queued", None, None)
        assert ledger.seconds_until_available(run_id) == pytest.approx(30, abs=2)

    def test_the_next_attempt_has_its_own_row(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        end(ledger.engine, ledger.claim(run_id).claim, AGAIN)
        ledger.change_run(run_id, available_at=func.now())
        end(ledger.engine, ledger.claim(run_id).claim, SUCCEEDED)
        assert [attempt.state for attempt in ledger.attempts(run_id)] == ["failed", "succeeded"]

    def test_a_cancel_that_came_meanwhile_leaves_no_retry(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        claimed = ledger.claim(run_id)
        ledger.change_run(run_id, cancel_requested_at=func.now())
        assert end(ledger.engine, claimed.claim, AGAIN) is RunState.CANCELLED
        assert ledger.run(run_id)["finished_at"] is not None

    def test_lost_attempts_are_counted_in_a_row(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job(), lost_attempts=1)
        lost_again = Ending(RunState.QUEUED, "lost", retry_in=timedelta(0))
        end(ledger.engine, ledger.claim(run_id).claim, lost_again)
        assert ledger.run(run_id)["lost_attempts"] == 2

    def test_another_end_breaks_the_row_of_lost_ones(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job(), lost_attempts=2)
        end(ledger.engine, ledger.claim(run_id).claim, AGAIN)
        assert ledger.run(run_id)["lost_attempts"] == 0

    def test_fault_49_the_end_of_an_older_attempt_is_refused(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        first = ledger.claim(run_id)
        end(ledger.engine, first.claim, Ending(RunState.QUEUED, "lost", retry_in=timedelta(0)))
        second = ledger.claim(run_id)
        assert end(ledger.engine, first.claim, SUCCEEDED) is None
        assert end(ledger.engine, second.claim, FAILED) is RunState.FAILED
        assert [attempt.state for attempt in ledger.attempts(run_id)] == ["lost", "failed"]

    def test_the_end_of_an_attempt_that_waits_to_be_repeated_is_refused(
        self, ledger: Ledger
    ) -> None:
        run_id = ledger.add_run(ledger.add_job())
        held = ledger.claim(run_id).claim
        end(ledger.engine, held, Ending(RunState.QUEUED, "lost", retry_in=timedelta(0)))
        assert end(ledger.engine, held, SUCCEEDED) is None
        assert ledger.state(run_id) == "queued"

    def test_a_late_success_replaces_lost(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        held = ledger.claim(run_id).claim
        end(ledger.engine, held, LOST)
        assert end(ledger.engine, held, SUCCEEDED) is RunState.SUCCEEDED
        assert [attempt.state for attempt in ledger.attempts(run_id)] == ["succeeded"]

    def test_a_late_retry_does_not_replace_lost(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        held = ledger.claim(run_id).claim
        end(ledger.engine, held, LOST)
        assert end(ledger.engine, held, AGAIN) is None
        assert ledger.state(run_id) == "lost"

    def test_an_end_is_written_once(self, ledger: Ledger) -> None:
        held = ledger.claim(ledger.add_run(ledger.add_job())).claim
        end(ledger.engine, held, SUCCEEDED)
        assert end(ledger.engine, held, FAILED) is None


class TestRelease:
    def test_the_end_of_a_run_frees_the_oldest_that_waits(self, ledger: Ledger) -> None:
        job_id = ledger.add_job(overlap="queue")
        running = ledger.claim(ledger.add_run(job_id)).claim
        newer = ledger.add_run(job_id, held=True, scheduled_for=datetime(2026, 2, 2, tzinfo=UTC))
        older = ledger.add_run(job_id, held=True, scheduled_for=datetime(2026, 1, 1, tzinfo=UTC))
        end(ledger.engine, running, SUCCEEDED)
        assert (ledger.run(older)["held"], ledger.run(newer)["held"]) == (False, True)

    def test_a_retry_frees_none(self, ledger: Ledger) -> None:
        job_id = ledger.add_job(overlap="queue")
        running = ledger.claim(ledger.add_run(job_id)).claim
        waiting = ledger.add_run(job_id, held=True)
        end(ledger.engine, running, AGAIN)
        assert ledger.run(waiting)["held"]

    def test_none_is_freed_while_another_run_of_the_job_goes_on(self, ledger: Ledger) -> None:
        job_id = ledger.add_job(overlap="queue")
        running = ledger.claim(ledger.add_run(job_id)).claim
        ledger.claim(ledger.add_run(job_id))
        waiting = ledger.add_run(job_id, held=True)
        end(ledger.engine, running, SUCCEEDED)
        assert ledger.run(waiting)["held"]

    def test_a_run_of_another_job_is_left_alone(self, ledger: Ledger) -> None:
        running = ledger.claim(ledger.add_run(ledger.add_job())).claim
        waiting = ledger.add_run(ledger.add_job(name="other", overlap="queue"), held=True)
        end(ledger.engine, running, SUCCEEDED)
        assert ledger.run(waiting)["held"]


class TestLease:
    def test_a_renewal_moves_only_leases_of_that_token(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        held = ledger.claim(run_id).claim
        before = ledger.run(run_id)["lease_until"]
        stranger = Claim(run_id, uuid.uuid4())
        with ledger.engine.begin() as connection:
            assert renew_leases(connection, [stranger]) == frozenset()
            assert renew_leases(connection, [held, stranger]) == {held}
        assert ledger.run(run_id)["lease_until"] > before

    def test_an_ended_attempt_is_not_renewed(self, ledger: Ledger) -> None:
        held = ledger.claim(ledger.add_run(ledger.add_job())).claim
        end(ledger.engine, held, SUCCEEDED)
        with ledger.engine.begin() as connection:
            assert renew_leases(connection, [held]) == frozenset()

    def test_a_run_that_somebody_has_locked_keeps_no_other_from_being_renewed(
        self, ledger: Ledger
    ) -> None:
        locked, other = (
            ledger.claim(ledger.add_run(ledger.add_job(name=name))).claim for name in "ab"
        )
        with ledger.engine.begin() as somebody, ledger.engine.begin() as connection:
            somebody.execute(lock_run(locked.run_id))
            assert renew_leases(connection, [locked, other]) == {other}

    def test_nothing_is_lost_within_a_lease_of_the_servers_start(self, ledger: Ledger) -> None:
        # The server of the tests may have started a moment ago or long before: either way an
        # attempt whose lease is fresh is not lost.
        ledger.claim(ledger.add_run(ledger.add_job()))
        with ledger.engine.begin() as connection:
            assert lost_attempts(connection, limit=10) == ()

    @pytest.mark.parametrize(
        ("spec", "is_retried"),
        [
            ({}, False),
            ({"retry": {"max_retries": 1}}, True),
            ({"retry": {"max_retries": 1}, "on_lost": "fail"}, False),
            ({"on_lost": "retry"}, True),
        ],
    )
    def test_a_watcher_learns_whether_a_lost_run_is_repeated(
        self, ledger: Ledger, spec: dict[str, Any], *, is_retried: bool
    ) -> None:
        held = ledger.claim(ledger.add_run(ledger.add_job(**spec))).claim
        with ledger.engine.begin() as connection:
            assert watch_runs(connection, [held]) == (
                WatchedRun(held, cancel_requested=False, is_retried_when_lost=is_retried),
            )

    def test_a_watcher_learns_of_a_cancel_request(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        held = ledger.claim(run_id).claim
        ledger.change_run(run_id, cancel_requested_at=func.now())
        with ledger.engine.begin() as connection:
            assert [run.cancel_requested for run in watch_runs(connection, [held])] == [True]

    def test_a_run_that_is_not_claimed_yet_is_not_watched(self, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job())
        with ledger.engine.begin() as connection:
            assert watch_runs(connection, [Claim(run_id, uuid.uuid4())]) == ()
