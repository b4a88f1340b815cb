"""Every route, called by everybody: `routes.py` says what each one asks for."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import get_args

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
from tests.web.routes import ROWS, Caller, expected, is_let_in, is_refused

Call = Callable[[str, Headers], Response]
Sign = Callable[..., Headers]
_CALLERS: tuple[Caller, ...] = get_args(Caller)
_ROLE = {
    "nothing": "viewer",
    "viewer": "viewer",
    "operator": "operator",
    "admin": "admin",
    "admin of all": "admin",
}
_ROLE_BELOW = {"operator": "viewer", "admin": "operator", "admin of all": "operator"}
_LET_IN = [(route, who) for route in ROWS for who in _CALLERS if is_let_in(route, who)]
_GUARDED = [route for route, row in ROWS.items() if row.needs != "nothing"]
_OF_RUNS = [route for route, row in ROWS.items() if row.of == "run"]


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


@pytest.fixture
def headers_of(sign: Sign, engine: Engine) -> Callable[[str, Caller], Headers]:
    """What such a caller of the route sends."""

    def make(route: str, who: Caller) -> Headers:
        role = _ROLE[ROWS[route].needs]
        match who:
            case "without credentials":
                return {}
            case "wrong":
                return _mixed(sign("admin"), sign("admin"))
            case "expired":
                return sign("admin", expires_at=datetime.now(UTC) - timedelta(seconds=1))
            case "revoked":
                return _revoked(sign("admin"), engine)
            case "wrong role":
                return sign(_ROLE_BELOW[ROWS[route].needs])
            case "wrong namespace":
                return sign(role, namespaces=["other"])
            case "another":
                return sign(role, subject="bob", own_runs_only=True)
            case "right":
                return sign(role)

    return make


def _mixed(one: Headers, other: Headers) -> Headers:
    """The id of a token that is good, with the secret of another."""
    head = len("Bearer jr_") + 12
    return {"Authorization": one["Authorization"][:head] + other["Authorization"][head:]}


def _revoked(headers: Headers, engine: Engine) -> Headers:
    token = parse_token(headers["Authorization"].removeprefix("Bearer "))
    assert token is not None
    with transaction(engine) as connection:
        revoke_token(connection, token.id, actor="tests")
    return headers


def test_every_route_has_a_row_and_every_row_a_route(engine: Engine) -> None:
    assert declared_needs(make_app(Web(SETTINGS, engine))).keys() == ROWS.keys()


@pytest.mark.parametrize(("route", "who"), _LET_IN)
def test_who_may_gets_what_he_asks_for(
    route: str, who: Caller, call: Call, headers_of: Callable[[str, Caller], Headers]
) -> None:
    assert call(route, headers_of(route, who)).status_code == ROWS[route].good


@pytest.mark.parametrize("route", _GUARDED)
def test_whoever_may_not_is_refused(
    route: str, call: Call, headers_of: Callable[[str, Caller], Headers]
) -> None:
    due = {who: expected(route, who) for who in _CALLERS if is_refused(route, who)}
    told = {who: call(route, headers_of(route, who)).status_code for who in due}
    assert told == due


@pytest.mark.parametrize(
    "header", ["Bearer jr_x", "Bearer " + "a" * 60, "Basic YTpi", "Bearer", ""]
)
def test_credentials_of_nobody_are_refused(header: str, call: Call) -> None:
    assert call("GET /api/v1/status", {"Authorization": header}).status_code == 401


@pytest.mark.parametrize("route", _OF_RUNS)
def test_fault_82_a_run_that_one_may_not_see_answers_as_one_that_does_not_exist(
    route: str, call: Call, headers_of: Callable[[str, Caller], Headers], client: TestClient
) -> None:
    headers = headers_of(route, "wrong namespace")
    unknown = str(uuid.uuid4())
    hidden = call(route, headers)
    method, path = route.split(" ")
    missing = client.request(method, path.replace("{run_id}", unknown), headers=headers)
    told = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", hidden.text)
    assert (hidden.status_code, told) == (missing.status_code, missing.text.replace(unknown, "ID"))
