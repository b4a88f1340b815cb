"""The app in this process, tokens for it, and a ledger to fill the database."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from jobrunner.access.caller import Role
from jobrunner.access.tokens import new_token
from jobrunner.db.engine import transaction
from jobrunner.db.tokens import insert_token
from jobrunner.settings import Settings
from jobrunner.web.app import make_app
from jobrunner.web.comparisons import Comparisons
from jobrunner.web.context import Web
from tests.ledger import Ledger

Headers = dict[str, str]
SETTINGS = Settings(web_requests_per_second=0)
"""Those of the app under test: as fast as the tests ask."""


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    """Sends requests to the app; without credentials of its own."""
    # However slow the machine is, a page waits for what it shows.
    app = make_app(Web(SETTINGS, engine, comparisons=Comparisons(patience_seconds=60)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=True) as opened:
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
