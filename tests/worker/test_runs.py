"""What one real worker does with runs: each test has runs of its own and leaves the worker at work."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func

from jobrunner.broker import Sender, make_app
from jobrunner.embedded.children import Supervisor
from jobrunner.settings import Settings
from tests.ledger import Ledger
from tests.of_a_module import one_broker_url, one_database_url
from tests.project import StartedProcess, open_project
from tests.waiting import wait_until
from tests.worker.conftest import TASKS, WORKER, Send, has_line, is_gone, outgoing

__all__ = ["one_broker_url", "one_database_url"]

# Celery takes longer to start and to stop than most of these tests: the module shares one worker,
# and with it the database and the broker.


@pytest.fixture(scope="module")
def running_worker(
    supervisor: Supervisor, database_url: str, broker_url: str
) -> Iterator[StartedProcess]:
    with open_project(supervisor, database_url, broker_url) as folder:
        folder.write("acme.py", TASKS)
        process = folder.start_program(*WORKER, "-c", "1")
        process.wait_for_line("ready")
        yield process
        process.kill_if_alive()


@pytest.fixture(autouse=True)
def worker(running_worker: StartedProcess, ledger: Ledger) -> Iterator[StartedProcess]:
    """The worker, with a child for this test: what it leaves running is cancelled at its end."""
    yield running_worker
    assert running_worker.exit_code is None, running_worker.output
    ledger.cancel_running()


def test_what_a_run_prints_can_be_read_while_it_runs(
    send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    run_id = send("acme.slow", args=[str(tmp_path / "file")])
    wait_until(lambda: ledger.output(run_id) == "started\n")
    assert ledger.state(run_id) == "running"


def test_fault_65_a_run_whose_job_is_deleted_meanwhile_ends_and_stays_in_the_history(
    send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    run_id = send("acme.slow", args=[str(tmp_path / "file"), 2])
    wait_until(lambda: ledger.output(run_id) == "started\n")
    ledger.delete_job(ledger.run(run_id)["job_id"])
    assert ledger.state(run_id) == "running"
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert ledger.run(run_id)["result"] == "done"
    assert [attempt.state for attempt in ledger.attempts(run_id)] == ["succeeded"]


def test_a_run_of_a_schedule_is_called_with_the_arguments_of_the_schedule(
    send: Send, ledger: Ledger
) -> None:
    own = {"name": "own", "every": "1h", "args": [2], "kwargs": {"a": 1, "b": [2]}}
    run_id = send("acme.echo", args=[1], kwargs={"a": 1}, schedules=[own], schedule="own")
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert ledger.run(run_id)["result"] == [[2], {"a": 1, "b": [2]}]


def test_fault_42_a_hard_limit_ends_the_whole_group_of_code_that_ignores_signals(
    send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    run_id = send("acme.stubborn", args=[str(file)], timeout="2s")
    wait_until(lambda: ledger.state(run_id) == "failed")
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: all(is_gone(pid) for pid in pids))
    assert ledger.attempts(run_id)[0].error == "not ended within its time limit of 2s"


def test_a_soft_limit_comes_before_the_hard_one(send: Send, ledger: Ledger, tmp_path: Path) -> None:
    file = str(tmp_path / "file")
    run_id = send("acme.slow", args=[file], soft_timeout="1s")
    wait_until(lambda: ledger.state(run_id) == "failed")
    assert ledger.attempts(run_id)[0].error == "not ended within its soft time limit of 1s"


@pytest.mark.parametrize("task", ["acme.slow", "acme.stubborn", "acme.leaves_children"])
def test_fault_48_a_running_run_is_cancelled_within_five_seconds(
    send: Send, ledger: Ledger, tmp_path: Path, task: str
) -> None:
    file = tmp_path / "pids"
    run_id = send(task, args=[str(file)], retry={"max_retries": 3})
    wait_until(lambda: has_line(file))
    ledger.change_run(run_id, cancel_requested_at=func.now())
    wait_until(
        lambda: ledger.state(run_id) == "cancelled", timeout_seconds=10
    )  # twice: for a busy machine
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: task == "acme.slow" or all(is_gone(pid) for pid in pids))
    assert [attempt.state for attempt in ledger.attempts(run_id)] == ["cancelled"]


def test_a_soft_limit_ends_what_the_run_has_started_and_the_child_goes_on(
    send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    run_id = send("acme.leaves_children", args=[str(file)], soft_timeout="1s")
    wait_until(lambda: ledger.state(run_id) == "failed")
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: all(is_gone(pid) for pid in pids))
    after = send("acme.stubborn", args=[str(file)])
    wait_until(lambda: ledger.state(after) == "running")
    ledger.change_run(after, cancel_requested_at=func.now())
    wait_until(lambda: ledger.state(after) == "cancelled")
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: all(is_gone(pid) for pid in pids))


def test_fault_36_the_death_of_a_child_is_written_down_at_once(send: Send, ledger: Ledger) -> None:
    run_id = send("acme.dies")
    wait_until(lambda: ledger.state(run_id) == "lost")
    assert "killed (signal 9, likely memory)" in ledger.run(run_id)["error"]
    after = send("acme.quick")
    wait_until(lambda: ledger.state(after) == "succeeded")


def test_fault_84_a_message_for_an_unknown_run_starts_nothing(
    worker: StartedProcess, broker_url: str
) -> None:
    said = len(worker.lines)
    sender = Sender(make_app(Settings(broker_url=broker_url)))
    sender.send([outgoing(uuid.uuid4())], datetime.now(UTC))
    worker.wait_for_line("run_not_started", after=said)


def test_fault_84_a_forged_time_limit_ends_no_run(
    ledger: Ledger, broker_url: str, tmp_path: Path
) -> None:
    job_id = ledger.add_job("acme.slow", args=[str(tmp_path / "file")], kwargs={"seconds": 2})
    run_id = ledger.add_run(job_id)
    app = make_app(Settings(broker_url=broker_url))
    app.send_task("jobrunner.execute", args=[1, str(run_id)], task_id=str(run_id), time_limit=1)
    wait_until(lambda: ledger.state(run_id) in {"succeeded", "failed"})
    assert ledger.state(run_id) == "succeeded"
