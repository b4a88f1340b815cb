"""`isolate: true`: a process for each run, which ends as any other run does."""

from pathlib import Path

import pytest
from sqlalchemy import func

from tests.ledger import Ledger
from tests.process.conftest import pids_in
from tests.waiting import wait_until
from tests.worker.conftest import Send, has_line, is_gone


def test_memory_globals_and_threads_are_gone_after_an_isolated_run(
    send: Send, ledger: Ledger
) -> None:
    first = send("acme.counts_its_calls", isolate=True)
    second = send("acme.counts_its_calls", isolate=True)
    wait_until(lambda: ledger.state(second) == "succeeded")
    (calls, pid, parent), (calls_again, other_pid, same_parent) = (
        ledger.run(first)["result"],
        ledger.run(second)["result"],
    )
    assert (calls, calls_again, parent) == (1, 1, same_parent)
    assert pid != other_pid
    assert ledger.output(second).startswith("called\nand its subprocess\n")


def test_an_isolated_run_that_fails_tells_of_its_error(send: Send, ledger: Ledger) -> None:
    run_id = send("acme.changes_all", isolate=True)
    wait_until(lambda: ledger.state(run_id) == "failed")
    assert ledger.run(run_id)["error"] == "ValueError: and fails"


def test_an_isolated_run_whose_process_exits_without_an_error_is_lost_at_once(
    send: Send, ledger: Ledger
) -> None:
    run_id = send("acme.exits", isolate=True)
    wait_until(lambda: ledger.state(run_id) == "lost")
    assert ledger.run(run_id)["error"] == "its process died: exit code 0"


def test_fault_36_the_death_of_an_isolated_runs_process_is_told(send: Send, ledger: Ledger) -> None:
    run_id = send("acme.dies", isolate=True)
    wait_until(lambda: ledger.state(run_id) == "lost")
    assert ledger.run(run_id)["error"] == "its process died: killed (signal 9, likely memory)"
    after = send("acme.quick", isolate=True)
    wait_until(lambda: ledger.state(after) == "succeeded")


def test_a_soft_limit_reaches_an_isolated_run(send: Send, ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    run_id = send("acme.sleeps_beside_a_daemon", args=[str(file)], isolate=True, soft_timeout="1s")
    wait_until(lambda: ledger.state(run_id) == "failed")
    assert "soft time limit" in ledger.run(run_id)["error"]
    wait_until(lambda: all(map(is_gone, pids_in(file))))


@pytest.mark.parametrize("task", ["acme.sleeps_beside_a_daemon", "acme.forks_and_ignores_signals"])
def test_fault_48_an_isolated_run_is_cancelled_within_five_seconds(
    send: Send, ledger: Ledger, tmp_path: Path, task: str
) -> None:
    file = tmp_path / "pids"
    run_id = send(task, args=[str(file)], isolate=True)
    wait_until(lambda: has_line(file))
    ledger.change_run(run_id, cancel_requested_at=func.now())
    wait_until(
        lambda: ledger.state(run_id) == "cancelled", timeout_seconds=10
    )  # twice: for a busy machine
    wait_until(lambda: all(is_gone(pid) for pid in pids_in(file)))


def test_fault_42_a_hard_limit_ends_an_isolated_run(
    send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    run_id = send("acme.forks_and_ignores_signals", args=[str(file)], isolate=True, timeout="1s")
    wait_until(lambda: ledger.state(run_id) == "failed")
    wait_until(lambda: all(is_gone(pid) for pid in pids_in(file)))
