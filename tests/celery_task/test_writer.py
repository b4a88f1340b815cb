"""What waits for a database that is away keeps no process of another app from its end."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Thread

import pytest

from jobrunner.contrib import celery
from jobrunner.db import attempts
from jobrunner.db.attempts import Claim, Ending
from jobrunner.db.engine import transaction
from jobrunner.run import RunState
from tests.celery_task.conftest import AddRun
from tests.ledger import Ledger
from tests.waiting import wait_until


def test_a_process_ends_though_its_reports_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(celery, "REPORTS_MAX", 1)
    monkeypatch.setattr(celery, "CLOSE_SECONDS", 0.1)
    writer = celery._Writer("postgresql://127.0.0.1:1/none")
    writer.write(lambda _: None, wait=False)
    wait_until(writer._queue.empty)  # the thread has it in hand
    writer.write(lambda _: None, wait=False)
    closing = Thread(target=writer.close, daemon=True)
    closing.start()
    closing.join(5)
    assert not closing.is_alive()


def test_a_retry_waits_until_the_attempt_that_asked_for_it_is_written(
    add_run: AddRun, ledger: Ledger
) -> None:
    """Celery sends the message of a retry before anything is written of the attempt before it."""
    run_id = add_run("acme.again")
    first, second = Claim(run_id, uuid.uuid4()), Claim(run_id, uuid.uuid4())

    def begin(claim: Claim, retries: int) -> None:
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            celery._Begin(claim, worker="acme", retries=retries)(connection)

    with ThreadPoolExecutor(1) as other_process:
        retrying = other_process.submit(begin, second, 1)
        begin(first, 0)
        with transaction(ledger.engine) as connection:
            ending = Ending(RunState.QUEUED, "failed", timedelta(0), error="away")
            attempts.finish(connection, first, ending)
        retrying.result(timeout=30)
    found = [(attempt.state, attempt.error) for attempt in ledger.attempts(run_id)]
    assert found == [("failed", "away"), ("running", None)]
