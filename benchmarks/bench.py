"""The servers of one run, and for each scheduler a place of its own on them."""

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812  it is a class

from benchmarks.onlooker import connect_to_broker
from jobrunner.embedded.servers import start_servers

REPOSITORY = Path(__file__).parents[1]
TIME_LIMIT_SECONDS = 300
_STOP_SECONDS = 20
_SETTLED_SHARE = 0.2
_LOOK_SECONDS = 0.5
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_QUOTED_LOG_CHARACTERS = 2_000
_VIRTUAL_HOSTS = 512
_TASKS = """\
def nothing() -> None:
    pass


def sync(customer: str, full: bool, limit: int) -> None:
    pass
"""


@dataclass(frozen=True)
class Place:
    """A folder, a database and a virtual host of the broker that nobody else uses."""

    folder: Path
    database: str
    database_url: str
    broker_url: str

    @property
    def environment(self) -> dict[str, str]:
        """What the processes get: nothing of the caller's settings."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("JOBRUNNER_", "POSTGRES_", "REDIS_", "DJANGO_"))
        }
        return kept | {
            "JOBRUNNER_DATABASE_URL": self.database_url,
            "JOBRUNNER_BROKER_URL": self.broker_url,
            "PYTHONPATH": str(REPOSITORY),
        }

    def run(self, *command: str, **variables: str) -> None:
        """Run a program to its end; a failure ends the benchmark with its words."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")

    def jobrunner(self, *arguments: str) -> None:
        """Run one command of the product."""
        self.run(sys.executable, "-m", "jobrunner", *arguments)

    def write_jobs(self, name: str, jobs: Mapping[str, Mapping[str, object]]) -> None:
        """A job file, as JSON, which is YAML."""
        file = self.folder / "jobs.d" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"version": 1, "namespace": "bench", "jobs": jobs}, indent=1))

    def start(self, *command: str, **variables: str) -> "Process":
        """Start a program; the caller stops it."""
        log = self.folder / f"process-{next(_numbers)}.log"
        with log.open("wb") as output:
            started = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return Process(started, log)

    def connection(self) -> AbstractContextManager[Connection]:
        """A connection to the database, for the block; each statement is committed by itself."""
        return _connection(self.database_url)


@dataclass(frozen=True)
class Process:
    """A program that was started. As a context it ends with the block."""

    popen: "subprocess.Popen[bytes]"
    log: Path

    def check(self) -> None:
        """A scheduler that has ended measures nothing: say so in its own words."""
        if self.popen.poll() is not None:
            words = self.log.read_text("utf-8", errors="replace")[-_QUOTED_LOG_CHARACTERS:]
            raise SystemExit(f"{self.popen.args!r} ended with {self.popen.returncode}:\n{words}")

    def cpu_seconds(self) -> float:
        """Used so far, all threads."""
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND

    def memory_mebibytes(self) -> float:
        """Held in memory now."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text("utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def wait_until_settled(self, deadline: float) -> bool:
        """Return once it has nearly stopped computing; False when the monotonic deadline came first."""
        earlier = -1.0
        while time.monotonic() < deadline:
            self.check()
            used = self.cpu_seconds()
            if 0 < used - earlier < _SETTLED_SHARE * _LOOK_SECONDS or used == earlier > 0:
                return True
            earlier = used
            time.sleep(_LOOK_SECONDS)
        return False

    def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        self.popen.terminate()
        try:
            self.popen.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass(frozen=True)
class StatementLog:
    """What PostgreSQL writes of the statements it gets."""

    file: Path

    def count(self) -> Counter[str]:
        """So far, by database. BEGIN and COMMIT are statements, too."""
        lines = self.file.read_text("utf-8", errors="replace").splitlines()
        return Counter(found[1] for line in lines if (found := _STATEMENT.match(line)))


_STATEMENT = re.compile(r"(bench_\d+) LOG:  (?:statement|execute)")


@dataclass
class Bench:
    """The servers, and what the command line asked for."""

    folder: Path
    database_url: str
    broker_url: str
    is_quick: bool = False
    _templates: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def open_place(self, kind: str, fill: Callable[[Place], None]) -> Iterator[Place]:
        """A fresh place whose database is a copy of one that `fill` has filled, once for each kind."""
        if kind not in self._templates:
            self._templates[kind] = self._make_template(fill)
        place = self._new_place(f"TEMPLATE {self._templates[kind]} STRATEGY file_copy")
        try:
            yield place
        finally:
            self._execute(f"DROP DATABASE {place.database} WITH (FORCE)")

    def server_versions(self) -> Mapping[str, str]:
        """Of what everybody uses."""
        with _connection(self.database_url) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            ((postgres,),) = cursor.fetchall()
        server = connect_to_broker(f"{self.broker_url.partition('?')[0]}?virtual_host=0").info()
        if "valkey_version" in server:
            return {"PostgreSQL": postgres, "Valkey": server["valkey_version"]}
        return {"PostgreSQL": postgres, "Redis": server["redis_version"]}

    @contextmanager
    def logged_statements(self) -> Iterator[StatementLog]:
        """All statements of all databases, for the block."""
        self._set("log_line_prefix", "'%d '")
        self._set("log_statement", "'all'")
        try:
            yield StatementLog(self.folder / ".jobrunner" / "data" / "postgres.log")
        finally:
            self._set("log_statement", "DEFAULT")

    def _set(self, parameter: str, value: str) -> None:
        self._execute(f"ALTER SYSTEM SET {parameter} = {value}")
        self._execute("SELECT pg_reload_conf()")

    def _make_template(self, fill: Callable[[Place], None]) -> str:
        place = self._new_place("")
        fill(place)
        with place.connection() as connection, connection.cursor() as cursor:
            # As a database at rest: nothing is left for autovacuum to do.
            cursor.execute("VACUUM (ANALYZE, FREEZE)")
        return place.database

    def _new_place(self, options: str) -> Place:
        number = next(_numbers)
        database = f"bench_{number}"
        self._execute(f"CREATE DATABASE {database} {options}")
        self._execute("CHECKPOINT")
        os.sync()  # or the first to be measured would wait for what the copy has left to write
        folder = self.folder / database
        folder.mkdir()
        (folder / "bench_tasks.py").write_text(_TASKS)
        database_url = urlsplit(self.database_url)._replace(path=f"/{database}").geturl()
        broker_url = f"{self.broker_url.partition('?')[0]}?virtual_host={number % _VIRTUAL_HOSTS}"
        connect_to_broker(broker_url).flushdb()
        return Place(folder, database, database_url, broker_url)

    def _execute(self, statement: str) -> None:
        with _connection(self.database_url) as connection, connection.cursor() as cursor:
            cursor.execute(statement)


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def private_bench(*, is_quick: bool) -> Iterator[Bench]:
    """Servers and a folder that are gone afterwards. Commits are as durable as in production."""
    with tempfile.TemporaryDirectory(prefix="jobrunner-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root the servers run under another user, who has to get in
        servers = start_servers(folder / ".jobrunner")
        try:
            yield Bench(folder, servers.database_url, servers.broker_url, is_quick)
        finally:
            servers.stop()


_numbers = itertools.count(1)
