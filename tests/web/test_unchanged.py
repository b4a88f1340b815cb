"""Who polls is told by one question that nothing has changed, and by his route of everything else."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel
from sqlalchemy import Engine
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.testclient import TestClient

from jobrunner.db.engine import transaction
from jobrunner.db.tokens import list_tokens, revoke_token
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from jobrunner.web.etags import answer_asked
from jobrunner.web.known_tokens import KnownTokens
from jobrunner.web.security import Reader
from jobrunner.web.unchanged import Unchanged
from tests.ledger import Ledger
from tests.web.conftest import SETTINGS, Headers

Sign = Callable[..., Headers]
RUNS = "/api/v1/runs"


class Thing(BaseModel):
    """What the route answers with."""

    version: str


@dataclass
class Route:
    """One whose answer has a version, and that notes what reaches it."""

    version: str = "one"
    read: list[str] = field(default_factory=list)

    def __call__(self, request: Request, caller: Reader) -> Response:
        self.read.append(f"{request.url.query} {caller.subject}")
        return answer_asked(request, lambda: self.version, lambda: Thing(version=self.version))


@pytest.fixture
def route() -> Route:
    return Route()


@pytest.fixture
def poller(engine: Engine, route: Route) -> Iterator[TestClient]:
    app = FastAPI(middleware=[Middleware(Unchanged)])
    app.state.web = Web(SETTINGS, engine, is_open=True)
    app.get("/thing")(route.__call__)
    with TestClient(app) as opened:
        yield opened


def test_a_poller_with_the_newest_answer_never_reaches_the_route(
    poller: TestClient, route: Route
) -> None:
    tag = poller.get("/thing").headers["etag"]
    again = poller.get("/thing", headers={"If-None-Match": tag})
    assert (again.status_code, again.headers["etag"], again.content) == (304, tag, b"")
    assert again.headers["cache-control"] == "private, no-cache"
    assert len(route.read) == 1


def test_a_poller_with_an_older_answer_gets_the_new_one(poller: TestClient, route: Route) -> None:
    tag = poller.get("/thing").headers["etag"]
    route.version = "two"
    assert poller.get("/thing", headers={"If-None-Match": tag}).json() == {"version": "two"}


def test_a_question_with_another_query_is_the_routes_to_answer(
    poller: TestClient, route: Route
) -> None:
    tag = poller.get("/thing?of=a").headers["etag"]
    poller.get("/thing?of=b", headers={"If-None-Match": tag})
    assert route.read == ["of=a local", "of=b local"]


def test_who_does_not_say_what_he_has_gets_the_answer(poller: TestClient) -> None:
    poller.get("/thing")
    assert poller.get("/thing").json() == {"version": "one"}


def test_a_poller_whose_token_is_revoked_is_refused(engine: Engine, sign: Sign) -> None:
    seconds = [0.0]
    web = Web(SETTINGS, engine, known_tokens=KnownTokens(now=lambda: seconds[0]))
    with TestClient(make_app(web), base_url="http://127.0.0.1") as client:
        headers = sign("viewer")
        known = {**headers, "If-None-Match": client.get(RUNS, headers=headers).headers["etag"]}
        assert client.get(RUNS, headers=known).status_code == 304
        with transaction(engine) as connection:
            (token,) = list_tokens(connection)
            revoke_token(connection, token.id, actor="tests")
        seconds[0] = 1.0
        assert client.get(RUNS, headers=known).status_code == 401


def test_a_poller_sees_a_change_that_his_own_request_has_made(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    headers = sign("operator")
    known = {**headers, "If-None-Match": client.get(RUNS, headers=headers).headers["etag"]}
    assert client.get(RUNS, headers=known).status_code == 304
    client.post(f"{RUNS}/{run_id}/cancel", headers=headers)
    (run,) = client.get(RUNS, headers=known).json()["items"]
    assert run["state"] == "cancelled"
