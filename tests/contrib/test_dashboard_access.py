"""The paths of a Celery dashboard: who is let in, and what he is not told."""

import uuid

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from jobrunner.access.caller import Permission
from jobrunner.contrib.dashboard import make_dashboard
from jobrunner.errors import UsageError
from jobrunner.settings import Settings
from jobrunner.web.security import declared_needs
from tests.contrib.dashboard_host import (
    PREFIX,
    Sign,
    call,
    client,
    execute,
    job_id,
    of_host,
    settings,
)
from tests.ledger import Ledger
from tests.web.conftest import ledger, sign

__all__ = ["client", "job_id", "ledger", "settings", "sign"]

NEEDS = {
    "GET /status/": Permission.READ,
    "GET /workers/": Permission.READ,
    "GET /queues/": Permission.READ,
    "POST /health_check/": Permission.READ,
    "GET /tasks/": Permission.READ,
    "GET /tasks/{task_id}/": Permission.READ,
    "POST /tasks/{name:path}/execute/": Permission.OPERATE,
    "GET /metrics/prometheus/": Permission.READ,
}
OPERATING = [route for route, needs in NEEDS.items() if needs is Permission.OPERATE]
GOOD = {
    "POST /health_check/": 503,  # nothing is online in these tests
    "POST /tasks/{name:path}/execute/": 202,
}


def test_every_route_says_what_it_needs(settings: Settings) -> None:
    assert declared_needs(make_dashboard(settings)) == NEEDS


@pytest.mark.parametrize("route", NEEDS)
def test_nobody_is_let_in_without_credentials_or_with_wrong_ones(
    route: str, client: TestClient
) -> None:
    wrong = {"Authorization": "Bearer jr_x"}
    told = [call(client, route, each, uuid.uuid4()).status_code for each in ({}, wrong)]
    assert told == [401, 401]


@pytest.mark.parametrize("route", NEEDS)
def test_an_operator_gets_what_he_asks_for(
    route: str, client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID
) -> None:
    answer = call(client, route, sign("operator"), ledger.add_run(job_id))
    assert answer.status_code == GOOD.get(route, 200)


@pytest.mark.parametrize("route", OPERATING)
def test_who_only_reads_starts_nothing(
    route: str, client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID
) -> None:
    assert call(client, route, sign("viewer"), ledger.add_run(job_id)).status_code == 403
    assert len(ledger.run_ids()) == 1


def test_a_person_is_told_of_an_error_as_a_program_is(client: TestClient) -> None:
    answer = client.get(f"{PREFIX}/status/", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_person_is_told_of_a_mistake_of_the_server_as_a_program_is(
    settings: Settings, engine: Engine, sign: Sign
) -> None:
    headers = {**sign("viewer"), "Accept": "text/html"}
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE jobrunner.tokens CASCADE"))
    app = make_dashboard(settings)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        answer = client.get("/status/", headers=headers)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_setting_lets_a_scraper_in(settings: Settings) -> None:
    opened = make_dashboard(settings.model_copy(update={"metrics_open": True}))
    with TestClient(opened, base_url="http://127.0.0.1") as client:
        assert client.get("/metrics/prometheus/").status_code == 200
        assert client.get("/status/").status_code == 401


def test_settings_without_a_database_are_refused() -> None:
    with pytest.raises(UsageError):
        make_dashboard(Settings())


def test_fault_82_of_another_users_run_nothing_is_told(
    client: TestClient, ledger: Ledger, job_id: uuid.UUID
) -> None:
    own, other = (ledger.add_run(job_id, created_by=who) for who in ("ada", "bob"))
    listed = client.get(f"{PREFIX}/tasks/", headers=of_host("ada")).json()["tasks"]
    assert [task["task_id"] for task in listed] == [str(own)]
    assert call(client, "GET /tasks/{task_id}/", of_host("ada"), own).status_code == 200
    hidden = call(client, "GET /tasks/{task_id}/", of_host("ada"), other)
    missing_id = uuid.uuid4()
    missing = call(client, "GET /tasks/{task_id}/", of_host("ada"), missing_id)
    assert hidden.status_code == 404
    assert hidden.text.replace(str(other), "ID") == missing.text.replace(str(missing_id), "ID")


def test_fault_82_a_job_of_another_namespace_does_not_exist(
    client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID
) -> None:
    headers = sign("operator", namespaces=["other"])
    assert execute(client, headers, "test/job").status_code == 404
    assert execute(client, headers, "acme.task").status_code == 404
    assert call(client, "GET /tasks/{task_id}/", headers, ledger.add_run(job_id)).status_code == 404
