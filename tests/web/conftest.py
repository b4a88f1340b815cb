"""The app in this process, tokens for it, and a ledger to fill the database."""

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from jobrunner.access.caller import Role
from jobrunner.access.tokens import new_token
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.tokens import insert_token
from jobrunner.settings import Settings
from jobrunner.web.app import make_app
from jobrunner.web.comparisons import Comparisons
from jobrunner.web.context import Web
from jobrunner.web.run_watch import RunWatch
from tests.ledger import Ledger

Headers = dict[str, str]
SETTINGS = Settings(web_requests_per_second=0)
"""Those of the app under test: as fast as the tests ask."""


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


@pytest.fixture(scope="session")
def routes() -> FastAPI:
    """The app on no database. To make it takes longer than most of these tests last."""
    return make_app(Web(SETTINGS, make_engine("postgresql://127.0.0.1:1/", application_name="")))


@pytest.fixture
def client(engine: Engine, routes: FastAPI) -> Iterator[TestClient]:
    """Sends requests to the app, which knows nothing of the test before; without credentials of its own."""
    # However slow the machine is, a page waits for what it shows.
    routes.state.web = Web(SETTINGS, engine, comparisons=Comparisons(patience_seconds=60))
    routes.state.run_watch = RunWatch(engine)
    routes.middleware_stack = None  # made anew: it remembers callers
    with TestClient(routes, base_url="http://127.0.0.1", raise_server_exceptions=True) as opened:
        yield opened


@pytest.fixture
def sign(engine: Engine) -> Callable[..., Headers]:
    """The headers of somebody with that role: `sign("operator", namespaces=["test"])`."""

    def make(role: str = "admin", *, subject: str = "ada", **limits: object) -> Headers:
        token = new_token()
        with transaction(engine) as connection:
            insert_token(
                connection,
                token,
                name="tests",
                subject=subject,
                role=Role(role),
                created_by="tests",
                **limits,  # type: ignore[arg-type]  # what insert_token takes
            )
        return {"Authorization": f"Bearer {token}"}

    return make
