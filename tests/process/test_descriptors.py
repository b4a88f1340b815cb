"""What a run's process writes to its descriptors, in whatever way, belongs to the run."""

import pytest

from tests.ledger import Ledger
from tests.project import StartedProcess
from tests.waiting import wait_until
from tests.worker.conftest import Send

HEAD_AND_TAIL_BYTES = (64 + 1024) * 1024


@pytest.mark.parametrize("how", ["print", "os.write", "subprocess"])
def test_fault_44_a_gigabyte_of_output_costs_the_worker_little_memory(
    send: Send, ledger: Ledger, how: str
) -> None:
    run_id = send("acme.writes_a_gigabyte", args=[how])
    wait_until(lambda: ledger.state(run_id) == "succeeded", timeout_seconds=60)
    assert int(ledger.run(run_id)["result"]) <= 16 * 1024
    output = ledger.output(run_id)
    assert 0 <= len(output) - HEAD_AND_TAIL_BYTES < 200_000
    assert " bytes were cut here]" in output


def test_what_subprocesses_and_c_code_write_is_kept_in_its_order(
    send: Send, ledger: Ledger
) -> None:
    run_id = send("acme.writes_in_every_way")
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert ledger.output(run_id) == "print\nsubprocess\nos.write\nC code\n"


def test_fault_52_a_run_that_takes_the_descriptors_away_takes_them_from_nobody_else(
    send: Send, ledger: Ledger
) -> None:
    first = send("acme.takes_the_descriptors_away")
    wait_until(lambda: ledger.state(first) == "succeeded")
    after = send("acme.writes_in_every_way")
    wait_until(lambda: ledger.state(after) == "succeeded")
    assert ledger.output(after) == "print\nsubprocess\nos.write\nC code\n"


def test_one_that_writes_on_keeps_no_run_from_ending_and_none_of_the_next_ones_log(
    send: Send, ledger: Ledger
) -> None:
    run_id = send("acme.leaves_one_that_writes_on")
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert ledger.output(run_id).startswith("mine\nmore\n")


def test_the_workers_own_log_stays_out_of_the_runs(
    worker: StartedProcess, send: Send, ledger: Ledger
) -> None:
    run_id = send("acme.writes_in_every_way")
    worker.wait_for_line(f"run={run_id}")
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert "run_ended" not in ledger.output(run_id)
