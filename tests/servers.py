"""The servers of a test run: one PostgreSQL and one Valkey, a database and a virtual host a test."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from kombu import Connection as BrokerConnection
from sqlalchemy import Engine, create_engine, make_url, text

from jobrunner.db.engine import make_engine
from jobrunner.db.migrate import upgrade
from jobrunner.embedded.servers import start_servers

_FOLDER_PREFIX = "jobrunner-tests-"
_LARGEST_TEST_DATA_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Servers:
    """What is shared by all processes of a test run."""

    database_url: str
    """With a role that may create databases."""
    broker_url: str
    template: str
    """A migrated database that nobody is connected to."""


@contextmanager
def open_servers() -> Iterator[Servers]:
    """The servers that the environment names, else private ones, with a template in PostgreSQL."""
    database_url = os.environ.get("JOBRUNNER_TEST_DATABASE_URL", "")
    broker_url = os.environ.get("JOBRUNNER_TEST_BROKER_URL", "")
    with open_folder() as folder:
        private = start_servers(
            folder, postgres=not database_url, valkey=not broker_url, durable=False
        )
        try:
            with _open_template(database_url or private.database_url) as template:
                yield Servers(
                    database_url or private.database_url, broker_url or private.broker_url, template
                )
        finally:
            private.stop()


@contextmanager
def open_database(servers: Servers) -> Iterator[str]:
    """The URL of a fresh migrated database, which nobody else uses; dropped at the end."""
    name = f"{servers.template}_{os.getpid()}_{next(_numbers)}"
    admin = _admin(servers.database_url)
    _execute(admin, f"CREATE DATABASE {name} TEMPLATE {servers.template} {_way_to_copy(admin)}")
    try:
        yield _url_of_database(servers.database_url, name)
    finally:
        _execute(admin, f"DROP DATABASE {name} WITH (FORCE)")


def empty_virtual_host(servers: Servers, *, process: int, processes: int) -> str:
    """The URL of an emptied virtual host of the broker, from the share of this test process."""
    # The first is left alone: on a given server it may be somebody's.
    share = (_virtual_hosts(servers.broker_url) - 1) // processes
    number = 1 + process * share + next(_numbers) % max(share, 1)
    with _kept_client(servers.broker_url).pipeline() as both:
        both.execute_command("SELECT", number)
        both.flushdb()
        both.execute()
    return _url_of_virtual_host(servers.broker_url, number)


def redis_client(connection: BrokerConnection) -> Any:
    """The Redis client behind a broker connection."""
    return connection.default_channel.client  # type: ignore[attr-defined]  # of Redis channels


_numbers = itertools.count()


@cache
def _virtual_hosts(broker_url: str) -> int:
    return int(_kept_client(broker_url).config_get("databases")["databases"])


@cache
def _kept_client(broker_url: str) -> Any:
    """One for all tests of this process: making a connection costs more than what it is for."""
    return redis_client(BrokerConnection(broker_url))


def empty_virtual_host_of(config: pytest.Config, servers: Servers) -> str:
    """The same, for the process that runs these tests: one of several with xdist."""
    worker = getattr(config, "workerinput", {"workerid": "gw0", "workercount": 1})
    return empty_virtual_host(
        servers,
        process=int(worker["workerid"].removeprefix("gw")),
        processes=worker["workercount"],
    )


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder for private servers, in memory where there is room; gone at the end."""
    parent = _memory_folder() or Path(tempfile.gettempdir())
    _remove_left_behind(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-", dir=parent))
    folder.chmod(0o711)  # as root, the servers' account passes through it
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _remove_left_behind(parent: Path) -> None:
    """The folders of test runs that were killed; their servers ended with them."""
    for folder in parent.glob(f"{_FOLDER_PREFIX}*"):
        process_id = int(folder.name.removeprefix(_FOLDER_PREFIX).split("-")[0])
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:
            continue  # of another user, and alive


def _memory_folder() -> Path | None:
    """A file system in memory with room enough, where a database is soon copied; or None."""
    folder = Path("/dev/shm")  # noqa: S108  mkdtemp makes a folder of its own in it
    if not os.access(folder, os.W_OK) or shutil.disk_usage(folder).free < _LARGEST_TEST_DATA_BYTES:
        return None
    return folder


@contextmanager
def _open_template(database_url: str) -> Iterator[str]:
    name = f"jobrunner_test_{os.getpid()}"
    admin = _admin(database_url)
    _execute(admin, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    _execute(admin, f"CREATE DATABASE {name}")
    try:
        engine = make_engine(_url_of_database(database_url, name), application_name="tests")
        upgrade(engine)
        engine.dispose()
        yield name
    finally:
        _execute(admin, f"DROP DATABASE {name} WITH (FORCE)")


@cache
def _admin(database_url: str) -> Engine:
    """Its connection is kept for all tests of this process, and made anew should it be lost."""
    url = make_url(database_url).set(drivername="postgresql+psycopg2")
    return create_engine(url, isolation_level="AUTOCOMMIT", pool_size=1, pool_pre_ping=True)


@cache
def _way_to_copy(admin: Engine) -> str:
    """File by file takes a third of the time of what is usual since 15, which logs each block."""
    with admin.connect() as connection:
        since_15 = (connection.dialect.server_version_info or (0,)) >= (15,)
    return "STRATEGY FILE_COPY" if since_15 else ""


def _execute(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execute(text(statement))


def _url_of_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _url_of_virtual_host(url: str, number: int) -> str:
    if url.startswith("redis+socket:"):
        return f"{url.partition('?')[0]}?virtual_host={number}"
    return urlsplit(url)._replace(path=f"/{number}").geturl()
