"""Who may scrape."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from tests.ledger import Ledger
from tests.web.conftest import SETTINGS, Headers, client, routes, sign

__all__ = ["client", "routes", "sign"]


def test_a_reader_gets_prometheus_text(client: TestClient, sign: Callable[..., Headers]) -> None:
    answer = client.get("/metrics", headers=sign("viewer"))
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE jobrunner_runs_total counter" in answer.text


def test_nobody_else_gets_anything(client: TestClient) -> None:
    assert client.get("/metrics").status_code == 401


def test_a_reader_of_a_namespace_sees_its_jobs_alone(
    client: TestClient, sign: Callable[..., Headers], ledger: Ledger
) -> None:
    ledger.add_job()
    seen = client.get("/metrics", headers=sign("viewer", namespaces=["test"])).text
    hidden = client.get("/metrics", headers=sign("viewer", namespaces=["other"])).text
    assert ("test/job" in seen, "test/job" in hidden) == (True, False)


def test_who_sees_his_own_runs_only_gets_no_totals_of_others(
    client: TestClient, sign: Callable[..., Headers]
) -> None:
    answer = client.get("/metrics", headers=sign("viewer", own_runs_only=True))
    assert answer.status_code == 403


@pytest.fixture
def open_client(engine: Engine) -> TestClient:
    settings = SETTINGS.model_copy(update={"metrics_open": True, "metrics_celery_names": True})
    return TestClient(make_app(Web(settings, engine)), base_url="http://127.0.0.1")


def test_a_scraper_needs_no_token_where_an_operator_says_so(open_client: TestClient) -> None:
    assert open_client.get("/metrics").status_code == 200
    assert open_client.get("/api/v1/status").status_code == 401


def test_a_setting_adds_the_names_of_celery_dashboards(open_client: TestClient) -> None:
    assert "celery_workers_count" in open_client.get("/metrics").text
