"""What was done is in the audit, and an administrator of everything reads it."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from jobrunner.db import audit
from jobrunner.db.engine import transaction
from tests.ledger import Ledger
from tests.web.conftest import Headers

AUDIT = "/api/v1/audit"
Sign = Callable[..., Headers]


@pytest.fixture
def admin(sign: Sign) -> Headers:
    """Of root, an administrator of everything."""
    return sign("admin", subject="root")


def test_pages_of_it_hold_every_act_once_the_newest_first(
    client: TestClient, ledger: Ledger, admin: Headers
) -> None:
    with transaction(ledger.engine) as connection:
        for number in range(5):
            audit.record(connection, actor="ada", action="test", target=str(number))
    asked: dict[str, str | int] = {"action": "test", "limit": 3}
    first = client.get(AUDIT, params=asked, headers=admin).json()
    second = client.get(
        AUDIT, params={**asked, "cursor": first["next_cursor"]}, headers=admin
    ).json()
    found = [act["target"] for act in first["items"] + second["items"]]
    assert found == ["4", "3", "2", "1", "0"]
    assert second["next_cursor"] is None


def test_it_is_asked_for_by_who_did_what_to_what(
    client: TestClient, ledger: Ledger, admin: Headers
) -> None:
    with transaction(ledger.engine) as connection:
        for actor, action in (("ada", "pause"), ("bob", "pause"), ("ada", "resume")):
            audit.record(connection, actor=actor, action=action, target="job:test/job")
    asked = {"actor": "ada", "action": "pause", "target": "test/"}
    (act,) = client.get(AUDIT, params=asked, headers=admin).json()["items"]
    assert (act["actor"], act["action"], act["target"]) == ("ada", "pause", "job:test/job")


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WyJhIl0", "WyItMSJd", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OSJd"]
)
def test_a_cursor_that_no_page_has_given_is_refused(
    client: TestClient, admin: Headers, cursor: str
) -> None:
    assert client.get(AUDIT, params={"cursor": cursor}, headers=admin).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("POST", "/api/v1/jobs/test/job/trigger", "run.trigger"),
        ("POST", "/api/v1/jobs/test/job/pause", "pause"),
        ("POST", "/api/v1/runs/{run_id}/cancel", "run.cancel"),
    ],
)
def test_every_act_has_a_row_of_who_did_it(
    client: TestClient,
    ledger: Ledger,
    sign: Sign,
    admin: Headers,
    method: str,
    path: str,
    action: str,
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    answer = client.request(
        method, path.format(run_id=run_id), json={}, headers=sign("operator", subject="ada")
    )
    assert answer.is_success
    (act,) = client.get(AUDIT, params={"actor": "ada"}, headers=admin).json()["items"]
    assert act["action"] == action


def test_signing_in_is_an_act(client: TestClient, sign: Sign, admin: Headers) -> None:
    ours = {"Origin": "http://127.0.0.1"}
    token = sign("viewer")["Authorization"].removeprefix("Bearer ")
    client.post("/sign-in", data={"token": token}, headers=ours, follow_redirects=False)
    client.cookies.clear()
    acts = client.get(AUDIT, params={"actor": "ada"}, headers=admin).json()["items"]
    assert [act["action"] for act in acts] == ["sign-in"]


def test_no_secret_is_in_the_audit(client: TestClient, sign: Sign, admin: Headers) -> None:
    token = sign("viewer")["Authorization"].removeprefix("Bearer ")
    told = client.get(AUDIT, headers=admin).text
    assert token.split("_", 2)[1] in told
    assert token.split("_", 2)[2] not in told
