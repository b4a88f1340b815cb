"""A real foreign worker: what becomes of the runs that it is given."""

import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import func

from jobrunner.db.engine import transaction
from jobrunner.db.runs import cancel_run
from jobrunner.fsck import check_ledger
from jobrunner.recover import end_lost_attempts, end_or_free_waiting_runs
from tests.celery_task.conftest import AddRun, StartForeignWorker
from tests.ledger import NOON, Ledger
from tests.project import Project, StartedProcess
from tests.waiting import wait_until
from tests.worker.conftest import has_line


def test_a_run_succeeds_by_the_apps_own_worker(
    start_foreign_worker: StartForeignWorker, beat: StartedProcess, add_run: AddRun, ledger: Ledger
) -> None:
    start_foreign_worker("-n", "acme@test")
    run_id = add_run("acme.add", args=[1], kwargs={"b": 2})
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    row = ledger.run(run_id)
    assert (row["result"]["sum"], row["result"]["id"]) == (3, str(run_id))
    assert (row["attempt"], row["worker"]) == (1, "acme@test")
    assert [attempt.state for attempt in ledger.attempts(run_id)] == ["succeeded"]
    assert check_ledger(ledger.engine).findings == ()
    assert beat.exit_code is None


def test_a_run_fails_with_the_tasks_exception(
    start_foreign_worker: StartForeignWorker, beat: StartedProcess, add_run: AddRun, ledger: Ledger
) -> None:
    start_foreign_worker()
    run_id = add_run("acme.fails")
    wait_until(lambda: ledger.state(run_id) == "failed")
    [attempt] = ledger.attempts(run_id)
    assert (attempt.error, attempt.error_type) == ("ValueError: no such customer", "ValueError")
    assert attempt.traceback is not None
    assert "def fails" not in attempt.traceback
    assert 'raise ValueError("no such customer")' in attempt.traceback
    assert beat.exit_code is None


def test_a_retry_by_celery_is_a_further_attempt_of_the_same_run(
    start_foreign_worker: StartForeignWorker, beat: StartedProcess, add_run: AddRun, ledger: Ledger
) -> None:
    start_foreign_worker()
    run_id = add_run("acme.again")
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    states = [(attempt.state, attempt.error) for attempt in ledger.attempts(run_id)]
    assert states == [
        ("failed", "asked to be tried again in 0s, after ConnectionError: away"),
        ("succeeded", None),
    ]
    assert ledger.run(run_id)["result"] == 1
    assert beat.exit_code is None


@pytest.mark.parametrize(
    ("task", "state", "error"),
    [
        ("acme.dies", "lost", "its process died: Worker exited prematurely: signal 9 (SIGKILL)"),
        ("acme.limited", "failed", "TimeLimitExceeded: "),
        ("acme.ignored", "succeeded", ""),
        ("acme.nowhere", "lost", "its Celery app knows no task acme.nowhere"),
    ],
)
def test_other_ends_are_reported_too(
    start_foreign_worker: StartForeignWorker,
    beat: StartedProcess,
    add_run: AddRun,
    ledger: Ledger,
    task: str,
    state: str,
    error: str,
) -> None:
    start_foreign_worker()
    run_id = add_run(task)
    wait_until(lambda: ledger.run(run_id)["finished_at"] is not None)
    assert ledger.state(run_id) == state
    assert (ledger.run(run_id)["error"] or "").startswith(error)
    assert beat.exit_code is None


def test_a_running_run_can_be_cancelled(
    start_foreign_worker: StartForeignWorker,
    beat: StartedProcess,
    add_run: AddRun,
    ledger: Ledger,
    tmp_path: Path,
) -> None:
    start_foreign_worker()
    file = tmp_path / "pid"
    run_id = add_run("acme.slow", args=[str(file)])
    wait_until(lambda: has_line(file) and ledger.state(run_id) == "running")
    with transaction(ledger.engine) as connection:
        cancel_run(connection, run_id, actor="a test")
    wait_until(lambda: ledger.state(run_id) == "cancelled")
    assert ledger.run(run_id)["revoked_at"] is not None
    assert beat.exit_code is None


def test_a_cancelled_run_is_not_started_by_a_worker_that_has_its_message(
    start_foreign_worker: StartForeignWorker,
    beat: StartedProcess,
    add_run: AddRun,
    ledger: Ledger,
    tmp_path: Path,
) -> None:
    start_foreign_worker("-c", "1")
    busy, file = tmp_path / "busy", tmp_path / "cancelled"
    first = add_run("acme.slow", args=[str(busy)])
    wait_until(lambda: has_line(busy))
    second = add_run("acme.slow", args=[str(file)])
    wait_until(lambda: ledger.run(second)["sent_at"] is not None)
    with transaction(ledger.engine) as connection:
        cancel_run(connection, second, actor="a test")
    wait_until(lambda: ledger.run(second)["revoked_at"] is not None)
    os.kill(int(busy.read_text(encoding="utf-8")), signal.SIGKILL)
    wait_until(lambda: ledger.state(first) == "lost")
    third = add_run("acme.add", args=[1])
    wait_until(lambda: ledger.state(third) == "succeeded")
    assert not file.exists()
    assert beat.exit_code is None


def test_a_worker_whose_database_is_away_goes_on_with_its_tasks(
    folder: Project,
    start_foreign_worker: StartForeignWorker,
    beat: StartedProcess,
    add_run: AddRun,
    ledger: Ledger,
    tmp_path: Path,
) -> None:
    folder.environment["JOBRUNNER_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/nothing"
    start_foreign_worker("-Q", "acme-routed")
    file = tmp_path / "called"
    run_id = add_run("acme.routed", args=[str(file)])
    wait_until(lambda: has_line(file))
    assert ledger.state(run_id) == "queued"
    assert beat.exit_code is None


def test_a_run_of_whose_start_nothing_is_heard_is_lost_at_its_time_limit(
    add_run: AddRun, ledger: Ledger
) -> None:
    run_id = add_run("acme.add", timeout="1m")
    ledger.change_run(run_id, sent_at=NOON, available_at=NOON)
    other = add_run("acme.add", timeout="1m")
    ledger.change_run(other, sent_at=func.now())
    end_or_free_waiting_runs(ledger.engine)
    assert (ledger.state(run_id), ledger.state(other)) == ("lost", "queued")


@pytest.mark.parametrize("is_held", [True, False])
def test_a_run_that_was_not_handed_over_yet_waits_beyond_its_time_limit(
    ledger: Ledger, add_run: AddRun, *, is_held: bool
) -> None:
    run_id = add_run("acme.slow", timeout="1m", overlap="queue")
    ledger.change_run(run_id, available_at=NOON, held=is_held)
    end_or_free_waiting_runs(ledger.engine)
    assert ledger.state(run_id) == "queued"


def test_a_run_of_whose_end_nothing_is_heard_is_lost_at_its_time_limit_and_not_sent_again(
    start_foreign_worker: StartForeignWorker,
    beat: StartedProcess,
    add_run: AddRun,
    ledger: Ledger,
    tmp_path: Path,
) -> None:
    start_foreign_worker()
    run_id = add_run("acme.slow", args=[str(tmp_path / "pid")])
    wait_until(lambda: ledger.state(run_id) == "running")
    assert ledger.run(run_id)["lease_until"] > ledger.run(run_id)["started_at"]
    ledger.change_run(run_id, lease_until=NOON)
    end_lost_attempts(ledger.engine, settle_for=NOON - NOON)
    assert ledger.run(run_id)["error"] == (
        "its Celery app's worker reported no end within the time limit"
    )
    assert ledger.state(run_id) == "lost"
    assert beat.exit_code is None
