"""The worker's parent takes what is due, also where it cannot start a process for it."""

import sys

import pytest

from jobrunner.cleaner import Cleaner
from jobrunner.settings import Settings
from tests.ledger import NOON, Ledger


def test_one_whose_process_cannot_be_started_is_due_again_and_says_why(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    job_id = ledger.add_job("tidy.work", on_end="tidy.told")
    run_id = ledger.add_run(job_id, state="failed", finished_at=NOON)
    Cleaner(ledger.engine, Settings(), allow=(), queues=lambda: ["default"]).run_once()
    row = ledger.run(run_id)
    assert "cannot be started" in row["on_end_error"]
    assert row["on_end_at"] is not None
