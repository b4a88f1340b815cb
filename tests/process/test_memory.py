"""What a run's processes hold in memory is known, bounded, and told when it was the end of them."""

import uuid

import pytest
from sqlalchemy import select

from jobrunner.db import tables
from tests.ledger import Ledger
from tests.project import Project
from tests.waiting import wait_until
from tests.worker.conftest import Send

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {"JOBRUNNER_WORKER_MEMORY_MEBIBYTES": "400"}


def peak_mebibytes(ledger: Ledger, run_id: uuid.UUID) -> int:
    column = tables.attempts.c.memory_peak_bytes
    with ledger.engine.begin() as connection:
        found = connection.execute(select(column).where(tables.attempts.c.run_id == run_id))
        return int(found.scalar_one()) // MEBIBYTE


def test_the_peak_of_a_run_is_its_own(send: Send, ledger: Ledger) -> None:
    large = send("acme.holds", args=[200])
    wait_until(lambda: ledger.state(large) == "succeeded")
    small = send("acme.quick")
    wait_until(lambda: ledger.state(small) == "succeeded")
    assert peak_mebibytes(ledger, large) >= 200
    assert peak_mebibytes(ledger, small) < 200


@pytest.mark.parametrize("isolate", [False, True])
def test_fault_36_the_peak_of_a_killed_run_is_shown(
    send: Send, ledger: Ledger, folder: Project, *, isolate: bool
) -> None:
    run_id = send("acme.holds", args=[200, 1, "die"], isolate=isolate)
    wait_until(lambda: ledger.state(run_id) == "lost")
    assert "killed (signal 9, likely memory)" in ledger.run(run_id)["error"]
    assert 200 <= peak_mebibytes(ledger, run_id) < 400
    assert (
        f"memory peak {peak_mebibytes(ledger, run_id)} MiB"
        in folder.run("runs", "show", str(run_id)).stdout
    )


@pytest.mark.parametrize(("task", "mebibytes"), [("acme.holds", 500), ("acme.holds_together", 250)])
def test_a_run_whose_processes_hold_more_than_allowed_is_ended(
    send: Send, ledger: Ledger, task: str, mebibytes: int
) -> None:
    extra = [60] if task == "acme.holds" else []
    run_id = send(task, args=[mebibytes, *extra])
    wait_until(lambda: ledger.state(run_id) == "lost")
    error = ledger.run(run_id)["error"]
    assert "and this worker allows 400 MiB (JOBRUNNER_WORKER_MEMORY_MEBIBYTES)" in error


def test_fault_37_three_deaths_in_a_row_end_a_run_and_others_go_on(
    send: Send, ledger: Ledger, folder: Project
) -> None:
    retry = {"max_retries": 9, "delay": "1s", "jitter": False, "backoff": "fixed"}
    beat = folder.start("beat")
    poison = send("acme.dies", retry=retry)
    other = send("acme.quick")
    wait_until(lambda: ledger.state(other) == "succeeded")
    wait_until(lambda: ledger.state(poison) == "lost", timeout_seconds=30)
    assert [attempt.state for attempt in ledger.attempts(poison)] == ["lost", "lost", "lost"]
    beat.kill_if_alive()
