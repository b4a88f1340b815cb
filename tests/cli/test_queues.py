"""`jobrunner queues`: what waits, since when, and who serves it."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, func

from jobrunner.db import queues
from jobrunner.db.engine import transaction
from jobrunner.db.processes import sign_in
from tests.cli.conftest import Jobrunner
from tests.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


def serve(engine: Engine, *names: str, **details: Any) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "worker", name="w@test", details={"queues": names, **details})


def told(jobrunner: Jobrunner) -> dict[str, Any]:
    records = json.loads(jobrunner("queues", "-o", "json").stdout)
    return {record["queue"]: record for record in records}


def test_a_queue_shows_what_waits_runs_is_held_and_waits_for_a_retry(
    jobrunner: Jobrunner, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    ledger.add_run(job_id, priority=9)
    ledger.add_run(job_id, sent_at=None)
    ledger.add_run(job_id, sent_at=None, held=True)
    ledger.add_run(job_id, sent_at=None, available_at=func.now() + func.make_interval(0, 0, 1))
    ledger.claim(ledger.add_run(job_id))
    serve(ledger.engine, "default")
    found = told(jobrunner)["default"]
    counts = [found[name] for name in ("waiting", "running", "held", "later", "unsent")]
    assert counts == [2, 1, 1, 1, 0]
    assert found["waiting_by_priority"] == {"9": 1}
    assert found["oldest_waiting_at"] is not None
    assert found["workers"] == ["w@test"]


def test_a_queue_whose_runs_nobody_will_start_is_said_loudly(
    jobrunner: Jobrunner, ledger: Ledger
) -> None:
    ledger.add_run(ledger.add_job(), queue="mail")
    serve(ledger.engine, "default")
    called = jobrunner("queues")
    assert called.exit_code == 1
    assert "✕ nobody" in called.stdout
    assert "Runs or clean-ups wait in mail, and no living worker serves it." in called.stderr
    assert "jobrunner worker -Q mail" in called.stderr


def test_a_queue_whose_clean_ups_nobody_will_call_is_said_loudly(
    jobrunner: Jobrunner, ledger: Ledger
) -> None:
    run_id = ledger.add_run(ledger.add_job(on_end="acme.tidy"), queue="mail")
    ledger.claim(run_id)
    ledger.end_run(run_id, "succeeded")
    serve(ledger.engine, "default")
    called = jobrunner("queues")
    assert called.exit_code == 1
    assert "1 to clean up" in called.stdout
    assert "clean-ups wait in mail, and no living worker serves it" in called.stderr
    serve(ledger.engine, "mail")
    assert jobrunner("queues").exit_code == 0


def test_a_worker_that_is_stopping_serves_nobody(jobrunner: Jobrunner, ledger: Ledger) -> None:
    ledger.add_run(ledger.add_job())
    serve(ledger.engine, "default", stopping=True)
    assert jobrunner("queues").exit_code == 1


def test_a_queue_without_a_run_may_go_unserved(jobrunner: Jobrunner, ledger: Ledger) -> None:
    ledger.add_job(queue="seldom")
    called = jobrunner("queues")
    assert called.exit_code == 0
    assert "seldom" in called.stdout


def test_a_pause_of_a_queue_shows(jobrunner: Jobrunner, ledger: Ledger) -> None:
    ledger.add_job()
    jobrunner("pause", "--queue", "default", "--reason", "test")
    assert told(jobrunner)["default"]["paused"] is True


def test_what_waits_is_counted_so_far_and_no_further(
    jobrunner: Jobrunner, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "COUNTED", 1)
    monkeypatch.setattr("jobrunner.cli.queues.COUNTED", 1)
    job_id = ledger.add_job()
    ledger.add_run(job_id)
    ledger.add_run(job_id)
    ledger.add_run(job_id)
    assert "> 1" in jobrunner("queues").stdout
    assert told(jobrunner)["default"]["waiting"] == 2
