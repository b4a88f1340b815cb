"""The pages of queues with their workers, and of the audit."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine, insert
from starlette.testclient import TestClient

from jobrunner.db import audit, tables
from jobrunner.db.engine import transaction
from jobrunner.db.refused import keep_refused
from tests.ledger import Ledger
from tests.web.conftest import Headers

Sign = Callable[..., Headers]


def _add_worker(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(tables.processes).values(
                id=uuid.uuid4(),
                kind="worker",
                name="worker@test",
                host="test",
                pid=7,
                version="0.1.0",
                details={"queues": ["default"], "concurrency": 4},
            )
        )


def _record(
    engine: Engine, *, actor: str = "ada", action: str = "pause", target: str = "test/job"
) -> None:
    with transaction(engine) as connection:
        audit.record(connection, actor=actor, action=action, target=target)


def test_a_queue_that_nobody_serves_is_told_with_what_to_type(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_run(ledger.add_job(), queue="lonely")
    page = client.get("/queues", headers=sign("viewer")).text
    assert "and no worker serves it." in page
    assert "jobrunner worker --queues lonely" in page


def test_a_worker_is_shown_with_what_it_has_in_hand(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    _add_worker(engine)
    run_id = ledger.add_run(ledger.add_job())
    ledger.claim(run_id)
    page = client.get("/queues", headers=sign("viewer")).text
    assert f'href="/runs/{run_id}"' in page
    assert "1 / 4" in page


def test_a_run_of_another_namespace_is_a_number_and_no_name(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    _add_worker(engine)
    run_id = ledger.add_run(ledger.add_job())
    ledger.claim(run_id)
    page = client.get("/queues", headers=sign("viewer", namespaces=["other"])).text
    assert "1 run of others" in page
    assert (str(run_id) in page, "test/job" in page) == (False, False)


def test_the_rate_of_a_queue_counts_what_has_ended_lately(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    for _ in range(5):
        run_id = ledger.add_run(job_id, scheduled_for=datetime.now(UTC))
        ledger.claim(run_id)
        ledger.end_run(run_id, "succeeded")
    assert '<td class="number">0.5</td>' in client.get("/queues", headers=sign("viewer")).text


def test_a_refused_message_is_shown_to_who_sees_all_namespaces_only(
    client: TestClient, sign: Sign, engine: Engine
) -> None:
    with transaction(engine) as connection:
        keep_refused(connection, worker="w", reason="no task of ours", message="<celery.chord>")
    shown = client.get("/queues", headers=sign("viewer")).text
    hidden = client.get("/queues", headers=sign("viewer", namespaces=["test"])).text
    assert ("&lt;celery.chord&gt;" in shown, "no task of ours" in hidden) == (True, False)


def test_the_audit_says_who_did_what(client: TestClient, sign: Sign, engine: Engine) -> None:
    _record(engine, actor="grace", target="test/wanted")
    page = client.get("/audit", headers=sign("admin")).text
    assert ("grace" in page, "test/wanted" in page) == (True, True)


def test_the_audit_is_narrowed_down_by_who_act_and_target(
    client: TestClient, sign: Sign, engine: Engine
) -> None:
    _record(engine, actor="grace", action="resume", target="test/wanted")
    _record(engine, actor="grace", action="resume", target="test/other")
    _record(engine, actor="grace", action="pause", target="test/wanted-too")
    query = {"actor": "grace", "action": "resume", "target": "WANTED"}
    page = client.get("/audit", params=query, headers=sign("admin")).text
    assert "test/wanted" in page
    assert ("test/other" in page, "test/wanted-too" in page) == (False, False)


def test_the_next_page_of_the_audit_goes_on(client: TestClient, sign: Sign, engine: Engine) -> None:
    _record(engine, target="test/the-oldest")
    for _ in range(50):
        _record(engine, target="test/newer")
    headers = sign("admin")
    first = client.get("/audit?target=test", headers=headers).text
    address = first.partition('" rel="next"')[0].rpartition('href="')[2].replace("&amp;", "&")
    assert "test/the-oldest" not in first
    assert "test/the-oldest" in client.get(address, headers=headers).text


def test_who_sees_his_own_runs_only_sees_those_that_a_worker_has(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    _add_worker(engine)
    job_id = ledger.add_job()
    own = ledger.add_run(job_id, created_by="bob")
    other = ledger.add_run(job_id, created_by="ada")
    ledger.claim(own)
    ledger.claim(other)
    page = client.get("/queues", headers=sign("viewer", subject="bob", own_runs_only=True)).text
    assert (str(own) in page, str(other) in page) == (True, False)
    assert "1 run of others" in page
