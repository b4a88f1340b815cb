"""What no honest caller sends: it is refused, or it finds nothing, and never fails."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from tests.ledger import Ledger
from tests.web.conftest import Headers

Sign = Callable[..., Headers]
TEXTS = (
    "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%F0%9F%92%A9", "'", "%25", "_", "\\\\", "%0d%0aX-A:%20b",
    "..%2f..", "a" * 4000, "%e2%80%ae", "-1", "1e999", "NaN", "0x10", "99999999999999999999", "{}",
)  # fmt: skip
PARAMETERS = (
    "jobs?namespace=", "jobs?tag=", "jobs?queue=", "jobs?owner=", "jobs?state=", "jobs?text=",
    "jobs?limit=", "jobs?cursor=", "jobs/test/", "jobs/test/job/next?count=",
    "jobs/test/job/next?after=", "runs?job=", "runs?namespace=", "runs?queue=", "runs?state=",
    "runs?trigger=", "runs?since=", "runs?until=", "runs?limit=", "runs?cursor=", "runs/",
    "plan/drift?project=", "revisions?project=", "revisions?cursor=", "revisions/test/",
    "revisions/x/",
)  # fmt: skip
PAGES = (
    "/jobs?text=", "/jobs?namespace=", "/jobs?tag=", "/jobs?queue=", "/jobs?state=", "/jobs?after=",
    "/jobs/test/", "/jobs/test/job?said=", "/runs?job=", "/runs?error=", "/runs?state=", "/runs?since=",
    "/runs?after=", "/runs/", "/calendar?span=", "/calendar?by=", "/calendar?queue=",
    "/calendar?namespace=", "/changes?project=", "/changes?before=", "/changes?said=",
    "/changes/test/revisions/", "/audit?actor=", "/audit?action=", "/audit?target=", "/audit?before=",
    "/sign-in?next=", "/sign-in/link/", "/zone?next=",
)  # fmt: skip


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_no_text_in_a_parameter_is_a_failure(
    parameter: str, client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    viewer = sign("viewer")
    urls = [f"/api/v1/{parameter}{text}" for text in TEXTS]
    statuses = {client.get(url, headers=viewer).status_code for url in urls}
    assert statuses <= {200, 404, 422}


@pytest.mark.parametrize("page", PAGES)
def test_no_text_in_the_address_of_a_page_is_a_failure(
    page: str, client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    admin = {**sign("admin"), "Accept": "text/html"}
    statuses = {client.get(f"{page}{text}", headers=admin).status_code for text in TEXTS}
    assert statuses <= {200, 404, 422}


@pytest.mark.parametrize(
    "body",
    [
        '{"kwargs": {"a": "\\ud800"}}',
        '{"kwargs": {"\\u0000": 1}}',
        '{"kwargs": {"a": NaN}}',
        '{"kwargs": {"a": 1e999}}',
        '{"kwargs": {"a": ' + "9" * 5000 + "}}",
        '{"kwargs": ' + "[" * 90_000 + "]" * 90_000 + "}",
        '{"\\ud800": 1}',
        '{"request_id": "\\ud800"}',
        '{"kwargs": {"a": "' + "x" * 70_000 + '"}}',
        "[]",
        "null\x00",
        "\udcff",
    ],
)
def test_no_body_of_a_trigger_is_a_failure(
    body: str, client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    headers = {**sign("operator"), "Content-Type": "application/json"}
    answer = client.post(
        "/api/v1/jobs/test/job/trigger",
        content=body.encode("utf-8", "surrogateescape"),
        headers=headers,
    )
    assert answer.status_code in {400, 422}
    assert ledger.run_ids() == []


@pytest.mark.parametrize("reason", ["\\ud800", "\\u0000", "x\\u202ey"])
def test_no_reason_of_a_pause_is_a_failure(
    reason: str, client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    headers = {**sign("operator"), "Content-Type": "application/json"}
    answer = client.post(
        "/api/v1/jobs/test/job/pause", content=f'{{"reason": "{reason}"}}', headers=headers
    )
    assert answer.status_code in {200, 422}
