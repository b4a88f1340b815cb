"""A real worker: what it runs, what it kills, and how it stops."""

import os
import signal
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func

from jobrunner.broker import Sender, make_app
from jobrunner.db.processes import SeenProcess, read_processes
from jobrunner.run import OutgoingRun
from jobrunner.settings import Settings
from tests.execute.ledger import Ledger
from tests.project import Project
from tests.waiting import wait_until
from tests.worker.conftest import Send, StartWorker


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2] == "Z"


def has_line(file: Path) -> bool:
    return file.exists() and file.read_text(encoding="utf-8").endswith("\n")


def workers(ledger: Ledger) -> tuple[SeenProcess, ...]:
    with ledger.engine.begin() as connection:
        return read_processes(connection, kind="worker")


def outgoing(run_id: uuid.UUID, *, timeout_seconds: float) -> OutgoingRun:
    return OutgoingRun(run_id, 0, "test/job", "default", None, timeout_seconds, None)


def test_a_run_is_made_by_a_child_of_the_worker(
    start_worker: StartWorker, send: Send, ledger: Ledger
) -> None:
    worker = start_worker("-c", "1", "-n", "one@test")
    run_id = send("acme.quick", kwargs={"n": 5})
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    row = ledger.run(run_id)
    assert row["result"]["n"] == 5
    assert row["result"]["pid"] != worker.pid
    assert row["worker"] == "one@test"


def test_a_worker_signs_in_with_its_queues_and_out_again(
    start_worker: StartWorker, ledger: Ledger
) -> None:
    worker = start_worker("-c", "1", "-n", "one@test", "-Q", "high,low")
    wait_until(lambda: workers(ledger))
    seen = workers(ledger)[0]
    assert (seen.process.name, seen.process.pid, seen.is_alive) == ("one@test", worker.pid, True)
    assert seen.process.details["queues"] == ["high", "low"]
    worker.terminate()
    assert worker.wait() == 0
    assert workers(ledger)[0].stopped_at is not None


def test_what_a_run_prints_can_be_read_while_it_runs(
    start_worker: StartWorker, send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    start_worker("-c", "1")
    run_id = send("acme.slow", args=[str(tmp_path / "file")])
    wait_until(lambda: ledger.output(run_id) == "started\n")
    assert ledger.state(run_id) == "running"


def test_fault_38_a_forged_message_starts_nothing_and_the_worker_lives(
    start_worker: StartWorker, send: Send, ledger: Ledger, broker_url: str
) -> None:
    worker = start_worker("-c", "1")
    app = make_app(Settings(broker_url=broker_url))
    app.send_task("jobrunner.execute", args=["x", "y"])
    worker.wait_for_line("message_refused")
    app.send_task("jobrunner.execute", args=[1, "not a uuid"])
    app.send_task("jobrunner.execute", args=[1, str(uuid.uuid4()), "and more"])
    app.send_task("os.system", args=["true"])
    run_id = send("acme.quick")
    wait_until(lambda: ledger.state(run_id) == "succeeded")


def test_a_message_that_comes_twice_starts_the_run_once(
    start_worker: StartWorker, ledger: Ledger, broker_url: str
) -> None:
    worker = start_worker("-c", "2")
    run_id = ledger.add_run(ledger.add_job("acme.quick"))
    message = outgoing(run_id, timeout_seconds=60)
    sender = Sender(make_app(Settings(broker_url=broker_url)))
    sender.send([message] * 5, now=datetime.now(UTC))
    wait_until(lambda: worker.output.count("run_not_started") == 4)
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert len(ledger.attempts(run_id)) == 1


def test_fault_42_a_hard_limit_ends_the_whole_group_of_code_that_ignores_signals(
    start_worker: StartWorker, ledger: Ledger, broker_url: str, tmp_path: Path
) -> None:
    start_worker("-c", "1")
    file = tmp_path / "pids"
    run_id = ledger.add_run(ledger.add_job("acme.stubborn", args=[str(file)]))
    sender = Sender(make_app(Settings(broker_url=broker_url)))
    sender.send([outgoing(run_id, timeout_seconds=3)], now=datetime.now(UTC))
    wait_until(lambda: ledger.state(run_id) == "failed", timeout_seconds=12)
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: all(is_gone(pid) for pid in pids), timeout_seconds=5)
    assert ledger.attempts(run_id)[0].error == "not ended within its time limit of 3s"


def test_a_soft_limit_comes_before_the_hard_one(
    start_worker: StartWorker, ledger: Ledger, broker_url: str, tmp_path: Path
) -> None:
    start_worker("-c", "1")
    job_id = ledger.add_job("acme.slow", args=[str(tmp_path / "file")], soft_timeout="1s")
    run_id = ledger.add_run(job_id)
    message = OutgoingRun(run_id, 0, "test/job", "default", None, 30.0, 1.0)
    Sender(make_app(Settings(broker_url=broker_url))).send([message], now=datetime.now(UTC))
    wait_until(lambda: ledger.state(run_id) == "failed", timeout_seconds=8)
    assert ledger.attempts(run_id)[0].error == "not ended within its soft time limit of 1s"


@pytest.mark.parametrize("task", ["acme.slow", "acme.stubborn", "acme.leaves_children"])
def test_fault_48_a_running_run_is_cancelled_within_five_seconds(
    start_worker: StartWorker, send: Send, ledger: Ledger, tmp_path: Path, task: str
) -> None:
    start_worker("-c", "1")
    file = tmp_path / "pids"
    run_id = send(task, args=[str(file)], retry={"max_retries": 3})
    wait_until(lambda: has_line(file))
    ledger.change_run(run_id, cancel_requested_at=func.now())
    wait_until(lambda: ledger.state(run_id) == "cancelled", timeout_seconds=5)
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: task == "acme.slow" or all(is_gone(pid) for pid in pids), timeout_seconds=2)
    assert [attempt.state for attempt in ledger.attempts(run_id)] == ["cancelled"]


def test_a_soft_limit_ends_what_the_run_has_started_and_the_child_goes_on(
    start_worker: StartWorker, send: Send, ledger: Ledger, broker_url: str, tmp_path: Path
) -> None:
    start_worker("-c", "1")
    file = tmp_path / "pids"
    run_id = ledger.add_run(ledger.add_job("acme.leaves_children", args=[str(file)]))
    message = OutgoingRun(run_id, 0, "test/job", "default", None, 30.0, 1.0)
    Sender(make_app(Settings(broker_url=broker_url))).send([message], now=datetime.now(UTC))
    wait_until(lambda: ledger.state(run_id) == "failed", timeout_seconds=8)
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: all(is_gone(pid) for pid in pids), timeout_seconds=2)
    after = send("acme.stubborn", args=[str(file)])
    wait_until(lambda: ledger.state(after) == "running")
    ledger.change_run(after, cancel_requested_at=func.now())
    wait_until(lambda: ledger.state(after) == "cancelled", timeout_seconds=5)
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: all(is_gone(pid) for pid in pids), timeout_seconds=2)


def test_fault_36_the_death_of_a_child_is_written_down_at_once(
    start_worker: StartWorker, send: Send, ledger: Ledger
) -> None:
    start_worker("-c", "1")
    run_id = send("acme.dies")
    wait_until(lambda: ledger.state(run_id) == "lost", timeout_seconds=5)
    assert "killed (signal 9, likely memory)" in ledger.run(run_id)["error"]
    after = send("acme.quick")
    wait_until(lambda: ledger.state(after) == "succeeded")


def test_a_killed_worker_leaves_no_child(
    start_worker: StartWorker, send: Send, tmp_path: Path
) -> None:
    worker = start_worker("-c", "1")
    file = tmp_path / "pids"
    send("acme.slow", args=[str(file)])
    wait_until(lambda: has_line(file))
    worker.kill()
    pid = int(file.read_text(encoding="utf-8"))
    wait_until(lambda: is_gone(pid), timeout_seconds=5)


def test_leases_are_renewed_while_a_run_goes_on(
    start_worker: StartWorker, send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    start_worker("-c", "1")
    run_id = send("acme.slow", args=[str(tmp_path / "file")])
    wait_until(lambda: ledger.state(run_id) == "running")
    first = ledger.run(run_id)["lease_until"]
    wait_until(lambda: ledger.run(run_id)["lease_until"] > first, timeout_seconds=8)


def test_fault_35_a_stop_lets_a_run_end_within_the_grace_time(
    folder: Project, start_worker: StartWorker, send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    folder.environment["JOBRUNNER_WORKER_GRACE_SECONDS"] = "20"
    worker = start_worker("-c", "1")
    file = tmp_path / "pids"
    run_id = send("acme.slow", args=[str(file), 2])
    wait_until(lambda: has_line(file))
    worker.terminate()
    assert worker.wait(timeout_seconds=10) == 0
    assert ledger.state(run_id) == "succeeded"


@pytest.mark.parametrize(("on_lost", "state"), [("retry", "queued"), ("fail", "lost")])
def test_fault_35_a_stop_ends_what_outlasts_the_grace_time(
    folder: Project,
    start_worker: StartWorker,
    send: Send,
    ledger: Ledger,
    tmp_path: Path,
    on_lost: str,
    state: str,
) -> None:
    folder.environment["JOBRUNNER_WORKER_GRACE_SECONDS"] = "1"
    worker = start_worker("-c", "1")
    file = tmp_path / "pids"
    run_id = send("acme.stubborn", args=[str(file)], on_lost=on_lost)
    wait_until(lambda: has_line(file))
    worker.terminate()
    worker.wait(timeout_seconds=6)
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: all(is_gone(pid) for pid in pids), timeout_seconds=1)
    assert ledger.state(run_id) == state


def test_fault_84_a_message_for_an_unknown_run_starts_nothing(
    start_worker: StartWorker, broker_url: str
) -> None:
    worker = start_worker("-c", "1")
    sender = Sender(make_app(Settings(broker_url=broker_url)))
    sender.send([outgoing(uuid.uuid4(), timeout_seconds=9)], now=datetime.now(UTC))
    worker.wait_for_line("run_not_started")


def test_fault_43_a_pool_that_cannot_enforce_time_limits_is_refused(folder: Project) -> None:
    process = folder.start_program(
        *("celery", "-A", "jobrunner.app", "worker", "--pool", "threads")
    )
    assert process.wait() != 0
    assert "cannot enforce time limits" in process.output


def test_fault_11_a_worker_asks_for_its_broker_every_few_seconds_and_for_ever(
    folder: Project,
) -> None:
    folder.environment["JOBRUNNER_BROKER_URL"] = "redis://127.0.0.1:1/0"
    worker = folder.start("worker", "-c", "1")
    worker.wait_for_line("Trying again in 1.00 second")
    worker.wait_for_line("Trying again in 2.00 seconds... (2/None)")


def test_a_worker_that_cannot_start_says_why_in_a_sentence(folder: Project) -> None:
    folder.write("jobrunner.yaml", "version: [\n")
    worker = folder.start("worker")
    assert worker.wait() == 1
    assert "error: The project file in" in worker.output
    assert "Traceback" not in worker.output


def test_the_allow_list_of_the_project_file_holds(
    folder: Project, start_worker: StartWorker, send: Send, ledger: Ledger
) -> None:
    folder.write("jobrunner.yaml", 'version: 1\nallow: {tasks: ["other.*"]}\n')
    start_worker("-c", "1")
    run_id = send("acme.quick")
    wait_until(lambda: ledger.state(run_id) == "failed")
    assert ledger.attempts(run_id)[0].error_type == "refused"


def test_a_frozen_worker_that_wakes_changes_nothing_of_the_next_attempt(
    start_worker: StartWorker, send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    worker = start_worker("-c", "1")
    file = tmp_path / "pids"
    run_id = send("acme.slow", args=[str(file), 1], on_lost="retry")
    wait_until(lambda: has_line(file))
    child = int(file.read_text(encoding="utf-8"))
    os.kill(worker.pid, signal.SIGSTOP)
    os.kill(child, signal.SIGSTOP)
    ledger.change_run(run_id, state="queued", lease_until=None, available_at=func.now())
    second = ledger.claim(run_id)
    os.kill(worker.pid, signal.SIGCONT)
    os.kill(child, signal.SIGCONT)
    worker.wait_for_line("run_end_refused")
    row = ledger.run(run_id)
    assert (row["state"], row["claim_token"]) == ("running", second.claim.token)
