"""Every route, called by everybody: `routes.py` says what each one asks for."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from httpx2 import Response
from sqlalchemy import Engine
from starlette.testclient import TestClient

from jobrunner.access.tokens import parse_token
from jobrunner.db.engine import transaction
from jobrunner.db.tokens import revoke_token
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from jobrunner.web.security import declared_needs
from tests.ledger import Ledger
from tests.web.conftest import SETTINGS, Headers
from tests.web.routes import ROWS, expected

Call = Callable[[str, Headers], Response]
_GUARDED = [route for route, row in ROWS.items() if row.needs != "nothing"]
_ABOVE_VIEWER = [route for route in _GUARDED if ROWS[route].needs != "viewer"]
_ROLE = {"viewer": "viewer", "operator": "operator", "admin": "admin", "admin of all": "admin"}
_ROLE_BELOW = {"operator": "viewer", "admin": "operator", "admin of all": "operator"}


@pytest.fixture
def call(client: TestClient, ledger: Ledger) -> Call:
    """Sends the request of a row, to a run and a job that exist."""
    job_id = ledger.add_job()
    ledger.add_schedule(job_id, "default")

    def send(route: str, headers: Headers) -> Response:
        method, path = route.split(" ")
        row = ROWS[route]
        run_id = ledger.add_run(job_id, created_by="ada")
        if row.run_is_over:
            ledger.end_run(run_id, "failed")
        world = {"namespace": "test", "name": "job", "schedule": "default", "queue": "default"}
        world |= {"run_id": str(run_id), **row.path}
        return client.request(
            method,
            re.sub(r"\{(\w+)(:\w+)?\}", lambda found: world[found[1]], path),
            params=row.query,
            json=row.json,
            data=row.form,
            headers=headers,
            follow_redirects=False,
        )

    return send


def test_every_route_has_a_row_and_every_row_a_route(engine: Engine) -> None:
    assert declared_needs(make_app(Web(SETTINGS, engine))).keys() == ROWS.keys()


@pytest.mark.parametrize("route", ROWS)
def test_without_credentials(route: str, call: Call) -> None:
    assert call(route, {}).status_code == expected(route, "without credentials")


@pytest.mark.parametrize("route", ROWS)
def test_who_may_gets_what_he_asks_for(
    route: str, call: Call, sign: Callable[..., Headers]
) -> None:
    headers = sign(_ROLE.get(ROWS[route].needs, "viewer"))
    assert call(route, headers).status_code == ROWS[route].good


@pytest.mark.parametrize(
    "header", ["Bearer jr_x", "Bearer " + "a" * 60, "Basic YTpi", "Bearer", ""]
)
@pytest.mark.parametrize("route", _GUARDED)
def test_credentials_of_nobody(route: str, header: str, call: Call) -> None:
    assert call(route, {"Authorization": header}).status_code == expected(route, "wrong")


@pytest.mark.parametrize("route", _GUARDED)
def test_a_token_with_another_ones_secret(
    route: str, call: Call, sign: Callable[..., Headers]
) -> None:
    one, other = sign("admin")["Authorization"], sign("admin")["Authorization"]
    mixed = one[: len("Bearer jr_") + 12] + other[len("Bearer jr_") + 12 :]
    assert call(route, {"Authorization": mixed}).status_code == expected(route, "wrong")


@pytest.mark.parametrize("route", _GUARDED)
def test_an_expired_token(route: str, call: Call, sign: Callable[..., Headers]) -> None:
    expired = sign("admin", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert call(route, expired).status_code == expected(route, "expired")


@pytest.mark.parametrize("route", _GUARDED)
def test_a_revoked_token(
    route: str, call: Call, sign: Callable[..., Headers], engine: Engine
) -> None:
    headers = sign("admin")
    token = parse_token(headers["Authorization"].removeprefix("Bearer "))
    assert token is not None
    with transaction(engine) as connection:
        revoke_token(connection, token.id, actor="tests")
    assert call(route, headers).status_code == expected(route, "revoked")


@pytest.mark.parametrize("route", _ABOVE_VIEWER)
def test_the_role_below(route: str, call: Call, sign: Callable[..., Headers]) -> None:
    headers = sign(_ROLE_BELOW[ROWS[route].needs])
    assert call(route, headers).status_code == expected(route, "wrong role")


@pytest.mark.parametrize("route", _GUARDED)
def test_the_role_in_another_namespace(
    route: str, call: Call, sign: Callable[..., Headers]
) -> None:
    headers = sign(_ROLE[ROWS[route].needs], namespaces=["other"])
    assert call(route, headers).status_code == expected(route, "wrong namespace")


@pytest.mark.parametrize("route", _GUARDED)
def test_who_sees_only_his_own_runs(route: str, call: Call, sign: Callable[..., Headers]) -> None:
    headers = sign(_ROLE[ROWS[route].needs], subject="bob", own_runs_only=True)
    assert call(route, headers).status_code == expected(route, "another")


@pytest.mark.parametrize("route", [route for route, row in ROWS.items() if "run_id" in route])
def test_fault_82_a_run_that_one_may_not_see_answers_as_one_that_does_not_exist(
    route: str, call: Call, sign: Callable[..., Headers], client: TestClient
) -> None:
    headers = sign(_ROLE[ROWS[route].needs], namespaces=["other"])
    unknown = str(uuid.uuid4())
    hidden = call(route, headers)
    method, path = route.split(" ")
    missing = client.request(method, path.replace("{run_id}", unknown), headers=headers)
    told = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", hidden.text)
    assert (hidden.status_code, told) == (missing.status_code, missing.text.replace(unknown, "ID"))
