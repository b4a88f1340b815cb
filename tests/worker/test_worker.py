"""A real worker: what it runs, what it kills, and how it stops."""

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection
from sqlalchemy import func

from jobrunner.broker import Sender, make_app
from jobrunner.db.processes import SeenProcess, read_processes
from jobrunner.settings import Settings
from tests.ledger import Ledger
from tests.project import Project, StartedProcess
from tests.waiting import wait_until
from tests.worker.conftest import Send, StartWorker, has_line, is_gone, outgoing


def workers(ledger: Ledger) -> tuple[SeenProcess, ...]:
    with ledger.engine.begin() as connection:
        return read_processes(connection, kind="worker")


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


def test_a_message_that_comes_twice_starts_the_run_once(
    start_worker: StartWorker, ledger: Ledger, broker_url: str
) -> None:
    worker = start_worker("-c", "2")
    run_id = ledger.add_run(ledger.add_job("acme.quick"))
    message = outgoing(run_id)
    sender = Sender(make_app(Settings(broker_url=broker_url)))
    sender.send([message] * 5, datetime.now(UTC))
    wait_until(lambda: worker.output.count("run_not_started") == 4)
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert len(ledger.attempts(run_id)) == 1


def test_fault_19_a_run_that_outlasts_the_visibility_time_out_runs_once(
    start_worker: StartWorker, send: Send, ledger: Ledger, broker_url: str, tmp_path: Path
) -> None:
    start_worker("-c", "2")
    run_id = send("acme.slow", args=[str(tmp_path / "file"), 1])
    wait_until(lambda: ledger.state(run_id) == "running")
    assert messages_to_be_seen_again(broker_url) == 0
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert len(ledger.attempts(run_id)) == 1


def messages_to_be_seen_again(broker_url: str) -> int:
    """What a worker's transport has noted as not acknowledged, to bring it back after a while."""
    with Connection(broker_url) as connection:
        channel: Any = connection.default_channel
        number: int = channel.client.hlen(channel.unacked_key)
        return number


@pytest.mark.parametrize("task", ["acme.slow", "acme.leaves_children"])
def test_fault_33_a_killed_worker_leaves_no_child_and_nothing_that_a_run_has_started(
    start_worker: StartWorker, send: Send, tmp_path: Path, task: str
) -> None:
    worker = start_worker("-c", "1")
    file = tmp_path / "pids"
    send(task, args=[str(file)])
    wait_until(lambda: has_line(file))
    worker.kill()
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: all(is_gone(pid) for pid in pids))


def test_a_killed_worker_leaves_no_command_that_another_worker_would_start_again(
    folder: Project, start_worker: StartWorker, send: Send, tmp_path: Path
) -> None:
    folder.environment["JOBRUNNER_ALLOW_COMMANDS"] = "true"
    worker = start_worker("-c", "1")
    file = tmp_path / "pids"
    send(None, command=["sh", "-c", f"echo $$ > {file}; exec sleep 60"])
    wait_until(lambda: has_line(file))
    worker.kill()
    pid = int(file.read_text(encoding="utf-8"))
    wait_until(lambda: is_gone(pid))


def test_leases_are_renewed_while_a_run_goes_on(
    start_worker: StartWorker, send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    start_worker("-c", "1")
    run_id = send("acme.slow", args=[str(tmp_path / "file")])
    wait_until(lambda: ledger.state(run_id) == "running")
    first = ledger.run(run_id)["lease_until"]
    wait_until(lambda: ledger.run(run_id)["lease_until"] > first)


@pytest.mark.alone
def test_fault_35_an_idle_worker_that_is_told_to_stop_waits_for_nothing(
    folder: Project, start_worker: StartWorker
) -> None:
    folder.environment["CELERY_CUSTOM_WORKER_POOL"] = "celery.concurrency.prefork:TaskPool"
    celerys_own = min(seconds_to_stop(start_worker("--pool", "custom")) for _ in range(2))
    ours = min(seconds_to_stop(start_worker()) for _ in range(2))
    assert ours < celerys_own - 0.7  # it sleeps for a second and a half


def seconds_to_stop(worker: StartedProcess) -> float:
    begun = time.monotonic()
    worker.terminate()
    assert worker.wait() == 0
    return time.monotonic() - begun


def test_fault_35_a_stop_lets_a_run_end_within_the_grace_time(
    folder: Project, start_worker: StartWorker, send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    folder.environment["JOBRUNNER_WORKER_GRACE_SECONDS"] = "20"
    worker = start_worker("-c", "1")
    file = tmp_path / "pids"
    run_id = send("acme.slow", args=[str(file), 1])
    wait_until(lambda: has_line(file))
    worker.terminate()
    assert worker.wait() == 0
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
    folder.environment["JOBRUNNER_WORKER_GRACE_SECONDS"] = "0.3"
    worker = start_worker("-c", "1")
    file = tmp_path / "pids"
    run_id = send("acme.stubborn", args=[str(file)], on_lost=on_lost)
    wait_until(lambda: has_line(file))
    worker.terminate()
    worker.wait()
    pids = [int(pid) for pid in file.read_text(encoding="utf-8").split()]
    wait_until(lambda: all(is_gone(pid) for pid in pids))
    assert ledger.state(run_id) == state


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
    worker.kill_if_alive()


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
