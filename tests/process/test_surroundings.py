"""What a run changes of its process is as before when the next one starts."""

import pytest
from sqlalchemy import func

from tests.ledger import Ledger
from tests.project import StartedProcess
from tests.waiting import wait_until
from tests.worker.conftest import Send


def test_fault_52_folder_environment_signals_and_the_rest_are_restored(
    send: Send, ledger: Ledger
) -> None:
    before = send("acme.surroundings")
    wait_until(lambda: ledger.state(before) == "succeeded")
    changing = send("acme.changes_all")
    wait_until(lambda: ledger.state(changing) == "failed")
    after = send("acme.surroundings")
    wait_until(lambda: ledger.state(after) == "succeeded")
    assert ledger.run(after)["result"] == ledger.run(before)["result"]


def test_fault_52_a_run_that_blocks_signals_keeps_no_other_from_being_cancelled(
    send: Send, ledger: Ledger
) -> None:
    changing = send("acme.changes_all")
    wait_until(lambda: ledger.state(changing) == "failed")
    run_id = send("acme.sleeps_a_minute")
    wait_until(lambda: ledger.state(run_id) == "running")
    ledger.change_run(run_id, cancel_requested_at=func.now())
    wait_until(lambda: ledger.state(run_id) == "cancelled")
    assert ledger.attempts(run_id)[0].error == "cancelled while running"


@pytest.mark.parametrize("task", ["closes_stdout", "wraps_stdout", "detaches_stdout"])
def test_fault_52_a_run_that_closes_stdout_lets_the_next_one_print(
    send: Send, ledger: Ledger, task: str
) -> None:
    closing, printing = send(f"acme.{task}"), send("acme.prints_a_line")
    wait_until(lambda: ledger.state(printing) in {"succeeded", "failed"})
    assert (ledger.state(closing), ledger.output(printing)) == ("succeeded", "a line\n")


@pytest.mark.parametrize("error", ["MemoryError", "ValueError"])
def test_a_process_that_a_run_has_spoilt_is_replaced_at_once(
    send: Send, ledger: Ledger, error: str
) -> None:
    run_id, after = send("acme.spoils_its_process", args=[error]), send("acme.quick")
    wait_until(lambda: ledger.state(run_id) == "lost")
    told = f"its process failed by itself with {error}, see the worker's log"
    assert ledger.run(run_id)["error"] == told
    wait_until(lambda: ledger.state(after) == "succeeded")


def test_what_a_module_sets_while_it_is_imported_stays(send: Send, ledger: Ledger) -> None:
    first, second = send("acme.set_by_the_module"), send("acme.set_by_the_module")
    wait_until(lambda: ledger.state(second) == "succeeded")
    assert (ledger.run(first)["result"], ledger.run(second)["result"]) == ("once", "once")


def test_fault_52_a_thread_that_goes_on_is_told_of_with_the_address_of_its_job(
    worker: StartedProcess, send: Send, ledger: Ledger
) -> None:
    run_id = send("acme.leaves_a_thread")
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    said = worker.wait_for_line("threads_left_behind")
    assert "threads=['left']" in said
    assert "job=test/" in said
