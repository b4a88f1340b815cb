"""The trace of a request, on its run."""

import uuid
from collections.abc import Callable

from sqlalchemy import Engine
from starlette.testclient import TestClient

from jobrunner.db.engine import transaction
from jobrunner.tracing import continuing
from jobrunner.triggers import trigger_run
from tests.ledger import Ledger
from tests.web.conftest import Headers, client, ledger, routes, sign

__all__ = ["client", "ledger", "routes", "sign"]

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-1bf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def traceparent(ledger: Ledger, run_id: str) -> object:
    return ledger.run(uuid.UUID(run_id))["traceparent"]


def test_a_run_has_the_trace_in_which_it_was_asked_for(ledger: Ledger, engine: Engine) -> None:
    ledger.add_job()
    with transaction(engine) as connection, continuing(GIVEN):
        asked = trigger_run(connection, "test/job", created_by="ada")
    assert ledger.run(asked.run_id)["traceparent"] == GIVEN


def test_a_run_of_no_trace_has_none(ledger: Ledger, engine: Engine) -> None:
    ledger.add_job()
    with transaction(engine) as connection:
        asked = trigger_run(connection, "test/job", created_by="ada")
    assert ledger.run(asked.run_id)["traceparent"] is None


def test_a_trigger_over_the_api_continues_the_trace_of_its_header(
    client: TestClient, sign: Callable[..., Headers], ledger: Ledger
) -> None:
    ledger.add_job()
    headers = sign("operator") | {"traceparent": GIVEN}
    answer = client.post("/api/v1/jobs/test/job/trigger", json={}, headers=headers).json()
    assert traceparent(ledger, answer["run_id"]) == GIVEN


def test_a_header_that_is_no_trace_context_is_passed_over(
    client: TestClient, sign: Callable[..., Headers], ledger: Ledger
) -> None:
    ledger.add_job()
    headers = sign("operator") | {"traceparent": "'; DROP TABLE runs; --"}
    answer = client.post("/api/v1/jobs/test/job/trigger", json={}, headers=headers).json()
    assert traceparent(ledger, answer["run_id"]) is None


def retried(client: TestClient, ledger: Ledger, headers: Headers) -> object:
    run_id = ledger.add_run(ledger.add_job(), traceparent=GIVEN)
    ledger.end_run(run_id, "failed")
    answer = client.post(f"/api/v1/runs/{run_id}/retry", headers=headers).json()
    return traceparent(ledger, answer["run_id"])


def test_what_is_run_again_stays_in_the_trace_of_the_run(
    client: TestClient, sign: Callable[..., Headers], ledger: Ledger
) -> None:
    assert retried(client, ledger, sign("operator")) == GIVEN


def test_what_is_run_again_by_a_traced_request_is_in_the_trace_of_that(
    client: TestClient, sign: Callable[..., Headers], ledger: Ledger
) -> None:
    assert retried(client, ledger, sign("operator") | {"traceparent": OTHER}) == OTHER
