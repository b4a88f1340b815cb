"""`jobrunner workers` and `jobrunner health worker`: who is at work, on what, and who is not."""

import json
import uuid
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from jobrunner.db.processes import Process, sign_in, sign_out
from jobrunner.db.refused import keep_refused
from tests.cli.conftest import Jobrunner
from tests.ledger import Ledger

DETAILS = {"queues": ["default", "low"], "concurrency": 2, "silent_seconds": 0.4}


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


def sign_worker_in(engine: Engine, **details: Any) -> Process:
    with transaction(engine) as connection:
        return sign_in(connection, "worker", name="worker@test", details=DETAILS | details)


def last_seen_ago(engine: Engine, process_id: uuid.UUID, seconds: int) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text(
                "UPDATE jobrunner.processes SET last_seen_at = now() - make_interval(secs => :s)"
                " WHERE id = :id"
            ),
            {"s": seconds, "id": process_id},
        )


def told(jobrunner: Jobrunner) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(jobrunner("workers", "-o", "json").stdout)
    return found


def test_a_worker_shows_what_it_runs(jobrunner: Jobrunner, ledger: Ledger) -> None:
    sign_worker_in(ledger.engine)
    run_id = ledger.add_run(ledger.add_job(name="report"))
    ledger.claim(run_id)
    ledger.change_run(run_id, progress={"percent": 40, "message": "half of it"})
    worker = told(jobrunner)[0]
    assert (worker["state"], worker["concurrency"]) == ("alive", 2)
    assert [(run["run_id"], run["attempt"]) for run in worker["runs"]] == [(str(run_id), 1)]
    line = jobrunner("workers").stdout.splitlines()[1]
    assert f"test/report {str(run_id)[:8]} 40 % half of it" in line
    assert "1/2" in line


def test_a_worker_that_stops_says_so(jobrunner: Jobrunner, engine: Engine) -> None:
    sign_worker_in(engine, stopping=True)
    assert told(jobrunner)[0]["state"] == "stopping"


def test_a_worker_that_went_without_a_word_is_dead(jobrunner: Jobrunner, engine: Engine) -> None:
    last_seen_ago(engine, sign_worker_in(engine).id, 16)
    assert told(jobrunner)[0]["state"] == "dead"


def test_a_worker_that_said_good_bye_is_not_shown(jobrunner: Jobrunner, engine: Engine) -> None:
    process = sign_worker_in(engine)
    with transaction(engine) as connection:
        sign_out(connection, process)
    assert "No worker is at work. Start one with `jobrunner worker`." in jobrunner("workers").stderr


def test_fault_51_a_worker_that_lives_and_consumes_nothing_is_stuck_and_unhealthy(
    jobrunner: Jobrunner, engine: Engine
) -> None:
    sign_worker_in(engine, silent_seconds=31.0)
    assert told(jobrunner)[0]["state"] == "stuck"
    called = jobrunner("health", "worker")
    assert called.exit_code == 1
    assert "worker@test lives, but has consumed nothing for 31 s" in called.stdout


def test_a_worker_is_looked_for_by_its_name(jobrunner: Jobrunner, engine: Engine) -> None:
    sign_worker_in(engine)
    assert jobrunner("health", "worker", "--name", "worker@test").exit_code == 0
    assert jobrunner("health", "worker", "--name", "other@test").exit_code == 1


def test_refused_messages_are_counted_and_can_be_looked_at(
    jobrunner: Jobrunner, engine: Engine
) -> None:
    sign_worker_in(engine)
    with transaction(engine) as connection:
        keep_refused(connection, worker="worker@test", reason="it is no message", message="hello")
    assert "1 refused message in the last 24 hours" in jobrunner("workers").stderr
    assert "1 refused message in the last 24 hours" in jobrunner("status").stdout
    assert "it is no message" in jobrunner("workers", "--refused").stdout
