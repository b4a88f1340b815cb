"""A real foreign worker: what becomes of the runs that it is given."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobrunner.db.engine import transaction
from jobrunner.db.runs import cancel_run
from jobrunner.embedded.children import Supervisor
from jobrunner.fsck import check_ledger
from jobrunner.recover import end_lost_attempts
from tests.celery_task.conftest import AddRun, start_beat, start_foreign_worker, with_app
from tests.ledger import NOON, Ledger
from tests.of_a_module import one_broker_url, one_database_url
from tests.project import Project, StartedProcess, open_project
from tests.waiting import wait_until
from tests.worker.conftest import has_line

__all__ = ["one_broker_url", "one_database_url"]

# A beat and a worker take longer to start than most of these tests: the module shares them.


@pytest.fixture(scope="module")
def folder(supervisor: Supervisor, database_url: str, broker_url: str) -> Iterator[Project]:
    with open_project(supervisor, database_url, broker_url) as opened:
        yield with_app(opened)
        for process in opened.started:
            process.kill_if_alive()


@pytest.fixture(scope="module")
def started(folder: Project) -> tuple[StartedProcess, StartedProcess]:
    """A beat and a worker."""
    return start_beat(folder), start_foreign_worker(folder, "-n", "acme@test")


@pytest.fixture(autouse=True)
def both_live_on(started: tuple[StartedProcess, StartedProcess], ledger: Ledger) -> Iterator[None]:
    """Whatever a test does, and the ledger is right afterwards."""
    yield
    assert [process.exit_code for process in started] == [None, None]
    assert check_ledger(ledger.engine).findings == ()


def test_a_run_succeeds_by_the_apps_own_worker(add_run: AddRun, ledger: Ledger) -> None:
    run_id = add_run("acme.add", args=[1], kwargs={"b": 2})
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    row = ledger.run(run_id)
    assert (row["result"]["sum"], row["result"]["id"]) == (3, str(run_id))
    assert (row["attempt"], row["worker"]) == (1, "acme@test")
    assert [attempt.state for attempt in ledger.attempts(run_id)] == ["succeeded"]


def test_a_run_fails_with_the_tasks_exception(add_run: AddRun, ledger: Ledger) -> None:
    run_id = add_run("acme.fails")
    wait_until(lambda: ledger.state(run_id) == "failed")
    [attempt] = ledger.attempts(run_id)
    assert (attempt.error, attempt.error_type) == ("ValueError: no such customer", "ValueError")
    assert attempt.traceback is not None
    assert "def fails" not in attempt.traceback
    assert 'raise ValueError("no such customer")' in attempt.traceback


def test_a_retry_by_celery_is_a_further_attempt_of_the_same_run(
    add_run: AddRun, ledger: Ledger
) -> None:
    run_id = add_run("acme.again")
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    states = [(attempt.state, attempt.error) for attempt in ledger.attempts(run_id)]
    assert states == [
        ("failed", "asked to be tried again in 0s, after ConnectionError: away"),
        ("succeeded", None),
    ]
    assert ledger.run(run_id)["result"] == 1


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
    add_run: AddRun,
    ledger: Ledger,
    task: str,
    state: str,
    error: str,
) -> None:
    run_id = add_run(task)
    wait_until(lambda: ledger.run(run_id)["finished_at"] is not None)
    assert ledger.state(run_id) == state
    assert (ledger.run(run_id)["error"] or "").startswith(error)


def test_a_running_run_can_be_cancelled(
    add_run: AddRun,
    ledger: Ledger,
    tmp_path: Path,
) -> None:
    file = tmp_path / "pid"
    run_id = add_run("acme.slow", args=[str(file)])
    wait_until(lambda: has_line(file) and ledger.state(run_id) == "running")
    with transaction(ledger.engine) as connection:
        cancel_run(connection, run_id, actor="a test")
    wait_until(lambda: ledger.state(run_id) == "cancelled")
    assert ledger.run(run_id)["revoked_at"] is not None


def test_a_cancelled_run_is_not_started_by_a_worker_that_has_its_message(
    add_run: AddRun, ledger: Ledger, tmp_path: Path
) -> None:
    busy = [tmp_path / "busy", tmp_path / "busy-too"]
    first, other = (add_run("acme.slow", args=[str(file)]) for file in busy)
    wait_until(lambda: all(has_line(file) for file in busy))
    second = add_run("acme.slow", args=[str(tmp_path / "cancelled")])
    wait_until(lambda: ledger.run(second)["sent_at"] is not None)
    with transaction(ledger.engine) as connection:
        cancel_run(connection, second, actor="a test")
    wait_until(lambda: ledger.run(second)["revoked_at"] is not None)
    for file in busy:
        os.kill(int(file.read_text(encoding="utf-8")), signal.SIGKILL)
    wait_until(lambda: (ledger.state(first), ledger.state(other)) == ("lost", "lost"))
    third = add_run("acme.add", args=[1])
    wait_until(lambda: ledger.state(third) == "succeeded")
    assert not (tmp_path / "cancelled").exists()


def test_a_worker_whose_database_is_away_goes_on_with_its_tasks(
    folder: Project, add_run: AddRun, ledger: Ledger, tmp_path: Path
) -> None:
    away = {"JOBRUNNER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    worker = start_foreign_worker(
        replace(folder, environment=folder.environment | away), "-Q", "acme-routed"
    )
    file = tmp_path / "called"
    run_id = add_run("acme.routed", args=[str(file)])
    wait_until(lambda: has_line(file))
    assert ledger.state(run_id) == "queued"
    worker.kill_if_alive()


def test_a_run_of_whose_end_nothing_is_heard_is_lost_at_its_time_limit_and_not_sent_again(
    add_run: AddRun,
    ledger: Ledger,
    tmp_path: Path,
) -> None:
    run_id = add_run("acme.slow", args=[str(tmp_path / "pid")])
    wait_until(lambda: ledger.state(run_id) == "running")
    assert ledger.run(run_id)["lease_until"] > ledger.run(run_id)["started_at"]
    ledger.change_run(run_id, lease_until=NOON)
    end_lost_attempts(ledger.engine, settle_for=NOON - NOON)
    assert ledger.run(run_id)["error"] == (
        "its Celery app's worker reported no end within the time limit"
    )
    assert ledger.state(run_id) == "lost"
