"""Runs of whose start a foreign worker says nothing."""

import pytest
from sqlalchemy import func

from jobrunner.recover import end_or_free_waiting_runs
from tests.celery_task.conftest import AddRun
from tests.ledger import NOON, Ledger


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
