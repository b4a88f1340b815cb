"""A browser of this machine, the app on a port of its own, and somebody who is signed in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext
from sqlalchemy import Engine

from jobrunner.access.caller import Role
from jobrunner.access.tokens import TokenText, new_token
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.tokens import insert_token
from jobrunner.settings import Settings
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from tests.browser.browsing import open_browser, serve_app
from tests.ledger import Ledger
from tests.servers import Servers, open_database


@dataclass(frozen=True)
class Site:
    """The app with somebody who looks at it."""

    address: str
    context: BrowserContext
    """With the credentials of an administrator."""
    authorization: dict[str, str]
    """The header that holds them."""
    ledger: Ledger
    engine: Engine


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the tests of a file: while it is open, nothing else in the process has an event loop."""
    with open_browser() as opened:
        yield opened


@contextmanager
def _open_site(engine: Engine, browser: Browser) -> Iterator[Site]:
    authorization = {"Authorization": f"Bearer {_make_token(engine)}"}
    with serve_app(make_app(Web(Settings(web_requests_per_second=0), engine))) as address:
        context = browser.new_context(extra_http_headers=authorization)
        yield Site(address, context, authorization, Ledger(engine), engine)
        context.close()


@pytest.fixture
def site(engine: Engine, browser: Browser) -> Iterator[Site]:
    """With a database of its own."""
    with _open_site(engine, browser) as opened:
        yield opened


@pytest.fixture
def address(site: Site) -> str:
    return site.address


@pytest.fixture
def context(site: Site) -> BrowserContext:
    return site.context


@pytest.fixture
def authorization(site: Site) -> dict[str, str]:
    return site.authorization


@pytest.fixture
def ledger(site: Site) -> Ledger:
    return site.ledger


@pytest.fixture(scope="module")
def shared_site(servers: Servers, browser: Browser) -> Iterator[Site]:
    """One for the tests of a file, which only look at it."""
    with open_database(servers) as url:
        engine = make_engine(url, application_name="jobrunner tests")
        with _open_site(engine, browser) as opened:
            yield opened
        engine.dispose()


def _make_token(engine: Engine) -> TokenText:
    token = new_token()
    with transaction(engine) as connection:
        insert_token(
            connection, token, name="tests", subject="ada", role=Role.ADMIN, created_by="tests"
        )
    return token
