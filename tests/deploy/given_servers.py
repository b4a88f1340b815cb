"""Servers as an administrator would give them: on TCP, with passwords, and a role of few rights."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from kombu import Connection as BrokerConnection
from psycopg2 import sql

from jobrunner.embedded.account import SERVER_ENVIRONMENT, Account, server_account
from jobrunner.embedded.binaries import Binaries, make_reachable
from jobrunner.embedded.children import Supervisor
from jobrunner.embedded.program import Program
from tests.servers import redis_client
from tests.waiting import wait_until

PASSWORD = "p@ss/w:rd#1 %41?"  # noqa: S105  of servers that live as long as a test
HOST = "127.0.0.1"


@dataclass(frozen=True)
class GivenServers:
    """Where they are. The role and the database are both named `jobs`."""

    postgres_port: int
    redis_port: int

    @property
    def environment(self) -> dict[str, str]:
        """The addresses by their parts."""
        return {
            "POSTGRES_HOST": HOST,
            "POSTGRES_PORT": str(self.postgres_port),
            "POSTGRES_USER": "jobs",
            "POSTGRES_PASSWORD": PASSWORD,
            "POSTGRES_DB": "jobs",
            "REDIS_HOST": HOST,
            "REDIS_PORT": str(self.redis_port),
            "REDIS_PASSWORD": PASSWORD,
        }


@contextmanager
def open_given_servers(binaries: Binaries) -> Iterator[GivenServers]:
    """Start them from these programs, make the role and its database, stop them at the end."""
    account = server_account()
    servers = GivenServers(_free_port(), _free_port())
    with tempfile.TemporaryDirectory(prefix="jobrunner-given-") as parent, Supervisor() as started:
        Path(parent).chmod(0o711)
        reachable = make_reachable(binaries, account, Path(parent))
        folder = Path(parent) / "data"
        account.make_folder(folder)
        _initialise(reachable, folder / "postgres", account)
        started.start(_postgres(reachable, folder, account, servers.postgres_port))
        started.start(_redis(reachable, folder, account, servers.redis_port))
        wait_until(lambda: _database_answers(servers))
        wait_until(lambda: _broker_answers(servers))
        _make_role(servers)
        yield servers


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
    return port


def _initialise(binaries: Binaries, cluster: Path, account: Account) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as password:
        password.write(PASSWORD)
        password.flush()
        if account.user_id is not None:
            shutil.chown(password.name, account.user_id)
        made = account.run(
            str(binaries.postgres_folder / "initdb"),
            *("-D", str(cluster), "-U", "postgres", "--no-sync", "--encoding=UTF8", "--locale=C"),
            *("--auth=scram-sha-256", f"--pwfile={password.name}"),
        )
    assert made.returncode == 0, made.stderr


def _postgres(binaries: Binaries, folder: Path, account: Account, port: int) -> Program:
    options = {
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
    }
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    program = binaries.postgres_folder / "postgres"
    return _program(folder, account, str(program), "-D", str(folder / "postgres"), *settings)


def _redis(binaries: Binaries, folder: Path, account: Account, port: int) -> Program:
    options = {"bind": HOST, "port": str(port), "requirepass": PASSWORD, "save": ""}
    settings = [word for name, value in options.items() for word in (f"--{name}", value)]
    return _program(folder, account, str(binaries.redis_server), *settings)


def _program(folder: Path, account: Account, *argv: str) -> Program:
    return Program(
        name=argv[0],
        argv=argv,
        env=SERVER_ENVIRONMENT,
        cwd=str(folder),
        stage=0,
        stop_timeout_seconds=2.0,
        user_id=account.user_id,
        group_id=account.group_id,
    )


def _database_answers(servers: GivenServers) -> bool:
    try:
        _connect(servers).close()
    except psycopg2.OperationalError:
        return False
    return True


def _connect(servers: GivenServers) -> "psycopg2.extensions.connection":
    return psycopg2.connect(
        host=HOST, port=servers.postgres_port, user="postgres", password=PASSWORD, dbname="postgres"
    )


def _broker_answers(servers: GivenServers) -> bool:
    broker = BrokerConnection(
        transport="redis", hostname=HOST, port=servers.redis_port, password=PASSWORD
    )
    try:
        with broker:
            return bool(redis_client(broker).ping())
    except broker.connection_errors:
        return False


def _make_role(servers: GivenServers) -> None:
    connection = _connect(servers)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE ROLE jobs LOGIN PASSWORD {}").format(sql.Literal(PASSWORD)))
        cursor.execute("CREATE DATABASE jobs OWNER jobs")
    connection.close()
