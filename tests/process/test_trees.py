"""A run is ended with all that it has started, also with what has tried to get away."""

import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import func

from tests.ledger import Ledger
from tests.process.conftest import pids_in
from tests.process.hard_limit import hard_limit_rounds
from tests.project import StartedProcess
from tests.waiting import wait_until
from tests.worker.conftest import Send, has_line, is_gone


def test_fault_42_a_hard_limit_ends_daemons_and_what_forks_all_the_time(
    worker: StartedProcess, send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    rounds = hard_limit_rounds(worker.pid, send, ledger, tmp_path, rounds=2)
    assert [one.left for one in rounds] == [0, 0]
    assert max(one.seconds_over_limit for one in rounds) <= 5


@pytest.mark.parametrize("task", ["acme.forks_and_returns", "acme.forks_and_raises"])
def test_a_copy_of_its_process_that_a_run_lets_come_back_ends_no_run(
    send: Send, ledger: Ledger, task: str
) -> None:
    run_id = send(task)
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert ledger.run(run_id)["result"] == "the run"


def test_a_cancelled_run_takes_its_daemons_with_it(
    send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    run_id = send("acme.sleeps_beside_a_daemon", args=[str(file)])
    wait_until(lambda: has_line(file))
    ledger.change_run(run_id, cancel_requested_at=func.now())
    wait_until(lambda: ledger.state(run_id) == "cancelled")
    wait_until(lambda: all(map(is_gone, pids_in(file))))


def test_a_soft_limit_takes_daemons_with_it(send: Send, ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    run_id = send("acme.sleeps_beside_a_daemon", args=[str(file)], soft_timeout="1s")
    wait_until(lambda: ledger.state(run_id) == "failed")
    wait_until(lambda: all(map(is_gone, pids_in(file))))


def test_what_a_killed_child_leaves_behind_is_swept(
    send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    run_id = send("acme.dies_and_leaves_a_daemon", args=[str(file)])
    wait_until(lambda: ledger.state(run_id) == "lost")
    wait_until(lambda: all(is_gone(pid) for pid in pids_in(file)))


def test_a_daemon_of_a_run_that_has_succeeded_goes_on_and_is_buried_when_it_ends(
    send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    run_id = send("acme.leaves_a_daemon", args=[str(file)])
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    (daemon,) = pids_in(file)
    os.kill(daemon, signal.SIGKILL)
    after = send("acme.quick")
    wait_until(lambda: ledger.state(after) == "succeeded")
    wait_until(lambda: not Path(f"/proc/{daemon}").exists())
