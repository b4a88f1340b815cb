"""The OpenAPI document: as it was agreed on, and no request that follows it, or does not, is a failure."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from sqlalchemy import Engine
from starlette.testclient import TestClient

from jobrunner.web.api.reference import api_reference
from tests.ledger import Ledger
from tests.seeding import put_job
from tests.web.conftest import Headers
from tests.web.routes import ROWS

Sign = Callable[..., Headers]
SNAPSHOT = Path(__file__).parent / "openapi.json"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"


@pytest.fixture
def document(client: TestClient) -> Any:
    return client.get("/api/v1/openapi.json").json()


def test_the_api_is_the_one_that_was_agreed_on(document: Any) -> None:
    agreed = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert document == agreed, "where it is meant: python docs/make_api.py"


def test_the_reference_page_is_written_from_the_document(document: Any) -> None:
    assert PAGE.read_text(encoding="utf-8") == api_reference(document)


def test_every_route_of_the_api_is_in_the_document(document: Any) -> None:
    told = {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item
    }
    assert told == {row for row in ROWS if " /api/" in row} - {"GET /api/v1/openapi.json"}


def test_no_two_operations_share_a_name(document: Any) -> None:
    names = Counter(
        one["operationId"] for item in document["paths"].values() for one in item.values()
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_five_thousand_requests_are_no_failure(
    client: TestClient, engine: Engine, ledger: Ledger, sign: Sign
) -> None:
    run_id = ledger.add_run(put_job(engine, overlap="allow").job_id)
    ledger.end_run(run_id, "failed")
    known = {"namespace": "test", "name": "job", "run_id": str(run_id)}
    statuses = _call_with_everything(client, sign("admin"), known, cases=2_600)
    assert [status for status in statuses if status >= 500] == []
    assert statuses.total() >= 5_000
    assert {200, 202, 404, 422} <= set(statuses)


def _call_with_everything(
    client: TestClient, headers: Headers, known: Mapping[str, str], *, cases: int
) -> Counter[int]:
    """Calls each operation with what its description allows and with what it does not, on what there is
    (`known`, by the name in the path) and on what there is not. How often which status came back.
    """
    schema = schemathesis.openapi.from_dict(json.loads(SNAPSHOT.read_text(encoding="utf-8")))
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    strategies = [one.as_strategy(mode) for one in operations for mode in GenerationMode]
    statuses: Counter[int] = Counter()
    for strategy in strategies:
        _call(client, headers, strategy, known, examples=cases // len(strategies), seen=statuses)
    return statuses


def _call(
    client: TestClient,
    headers: Headers,
    strategy: Any,
    known: Mapping[str, str],
    *,
    examples: int,
    seen: Counter[int],
) -> None:
    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def call(case: Any) -> None:
        # To make one up takes longer than to send it, so it is sent twice.
        for path in (case.path_parameters, {**case.path_parameters, **known}):
            case.path_parameters = path
            made = case.as_transport_kwargs(base_url="http://127.0.0.1")
            answer = client.request(
                made["method"],
                made["url"],
                params=made.get("params"),
                json=made.get("json"),
                content=made.get("data"),
                headers={**made["headers"], **headers},
            )
            seen[answer.status_code] += 1
            assert answer.status_code < 500, (case.as_curl_command(), answer.text)

    call()
