"""Fixtures for all rooms: real servers, a fresh database and broker a test, a project folder.

One PostgreSQL and one Valkey serve a whole test run. Without xdist they start with the first test
that asks for them; with xdist the process that hands out the tests starts them, since it ends last.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobrunner.db.engine import make_engine
from jobrunner.embedded.children import Supervisor
from tests.project import Project, make_environment
from tests.servers import Servers, empty_virtual_host, open_database, open_servers

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
    workerinput = getattr(pytestconfig, "workerinput", {"workerid": "gw0", "workercount": 1})
    return empty_virtual_host(
        servers,
        process=int(workerinput["workerid"].removeprefix("gw")),
        processes=workerinput["workercount"],
    )


@pytest.fixture
def project(supervisor: Supervisor, database_url: str, broker_url: str) -> Iterator[Project]:
    """An empty project folder whose commands use the fresh database and broker."""
    # Not pytest's own: the path is short enough for sockets, and others than root can enter it.
    with tempfile.TemporaryDirectory(prefix="jobrunner-project-") as parent:
        Path(parent).chmod(0o711)
        home, folder = Path(parent) / "home", Path(parent) / "project"
        home.mkdir()
        folder.mkdir()
        environment = make_environment(home, database_url=database_url, broker_url=broker_url)
        made = Project(folder, supervisor, environment)
        yield made
        made.stop_all()
