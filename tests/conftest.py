"""Fixtures for all rooms: real servers, a fresh database and broker a test, a project folder.

One PostgreSQL and one Valkey serve a whole test run. Without xdist they start with the first test
that asks for them; with xdist the process that hands out the tests starts them, since it ends last.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import hypothesis
import pytest
from sqlalchemy import Engine

from jobrunner.db.engine import make_engine
from jobrunner.embedded.children import Supervisor
from tests.project import Project, open_project
from tests.servers import Servers, empty_virtual_host_of, open_database, open_servers

# Speed is judged by benchmarks: a busy machine must fail no property.
hypothesis.settings.register_profile("jobrunner", deadline=None)
hypothesis.settings.load_profile("jobrunner")

_SERVERS = pytest.StashKey[str]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the addresses of the one pair of servers to each xdist worker."""
    stash = node.config.stash
    if _SERVERS not in stash:
        opened = ExitStack()
        stash[_SERVERS] = json.dumps(asdict(opened.enter_context(open_servers())))
        node.config.add_cleanup(opened.close)
    node.workerinput["servers"] = stash[_SERVERS]


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    """The servers of this test run."""
    workerinput = getattr(pytestconfig, "workerinput", None)
    if workerinput is not None:
        yield Servers(**json.loads(workerinput["servers"]))
        return
    with open_servers() as opened:
        yield opened


@pytest.fixture(scope="session")
def supervisor() -> Iterator[Supervisor]:
    """Starts processes that end with the test run, even when that is killed."""
    with Supervisor() as opened:
        yield opened


@pytest.fixture
def database_url(servers: Servers) -> Iterator[str]:
    """A fresh migrated database."""
    with open_database(servers) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine for the fresh migrated database."""
    made = make_engine(database_url, application_name="jobrunner tests")
    yield made
    made.dispose()


@pytest.fixture
def broker_url(servers: Servers, pytestconfig: pytest.Config) -> str:
    """An empty virtual host of the broker."""
    return empty_virtual_host_of(pytestconfig, servers)


@pytest.fixture
def project(supervisor: Supervisor, database_url: str, broker_url: str) -> Iterator[Project]:
    """An empty project folder whose commands use the fresh database and broker."""
    with open_project(supervisor, database_url, broker_url) as opened:
        yield opened
