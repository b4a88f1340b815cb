"""Private servers: started, kept apart, found again, and gone with whoever started them."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection
from sqlalchemy import text

from jobrunner.db.engine import make_engine
from jobrunner.embedded.servers import RunningServers, start_servers
from jobrunner.errors import EmbeddedServerError
from tests.servers import redis_client

STARTS_SERVERS = """
import sys
from pathlib import Path
from jobrunner.embedded.servers import start_servers

start_servers(Path(sys.argv[1]), durable=False)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path that other users can pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="jobrunner-test-") as path:
        Path(path).chmod(0o711)
        yield Path(path) / "run"


@pytest.fixture
def running(folder: Path) -> Iterator[RunningServers]:
    servers = start_servers(folder, durable=False)
    yield servers
    servers.stop()


def query(url: str, statement: str) -> object:
    engine = make_engine(url, application_name="tests")
    try:
        with engine.begin() as connection:
            return connection.execute(text(statement)).scalar_one()
    finally:
        engine.dispose()


def ask_broker(url: str, *command: str) -> object:
    with Connection(url) as connection:
        return redis_client(connection).execute_command(*command)


def test_tables_of_an_application_are_apart_from_those_of_jobrunner(
    running: RunningServers,
) -> None:
    assert (
        query(running.database_url, "CREATE SCHEMA jobrunner; SELECT current_schema()") == "public"
    )


def test_both_servers_answer(running: RunningServers) -> None:
    assert query(running.database_url, "SELECT current_user") == "jobrunner"
    assert ask_broker(running.broker_url, "PING") is True


def test_the_database_listens_on_its_socket_only(running: RunningServers) -> None:
    assert query(running.database_url, "SHOW listen_addresses") == ""


def test_the_broker_listens_on_its_socket_only_and_evicts_nothing(running: RunningServers) -> None:
    with Connection(running.broker_url) as connection:
        settings = redis_client(connection).config_get("port", "maxmemory-policy", "save")
    assert settings == {"port": "0", "maxmemory-policy": "noeviction", "save": ""}


def test_the_sockets_are_for_nobody_else(running: RunningServers, folder: Path) -> None:
    assert running.database_url
    assert (folder / "data" / "run").stat().st_mode & 0o777 == 0o700


def test_the_servers_never_run_as_root(running: RunningServers, folder: Path) -> None:
    assert running.database_url
    assert (folder / "data" / "postgres" / "postmaster.pid").stat().st_uid != 0


def test_every_connection_of_a_test_run_fits(running: RunningServers) -> None:
    assert query(running.database_url, "SELECT current_setting('max_connections')::int >= 100")


def test_a_second_start_in_the_same_folder_is_refused(
    running: RunningServers, folder: Path
) -> None:
    assert running.database_url
    with pytest.raises(EmbeddedServerError, match="jobrunner already runs here, as process"):
        start_servers(folder)


def test_the_data_is_kept(folder: Path) -> None:
    first = start_servers(folder)
    query(first.database_url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1) RETURNING n")
    first.stop()
    second = start_servers(folder)
    assert query(second.database_url, "SELECT n FROM kept") == 1
    second.stop()


def test_the_servers_of_a_killed_starter_end_and_make_room_for_the_next(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_SERVERS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
        starter.kill()
    servers = start_servers(folder, durable=False)
    assert query(servers.database_url, "SELECT 1") == 1
    servers.stop()


@pytest.mark.parametrize("name", ["a b, \"c\" 'd' %41 é", "long-" * 30])
def test_any_folder_serves(folder: Path, name: str) -> None:
    servers = start_servers(folder / name, durable=False)
    try:
        assert query(servers.database_url, "SELECT 1") == 1
        assert ask_broker(servers.broker_url, "PING") is True
    finally:
        servers.stop()


def test_a_folder_that_the_servers_account_cannot_enter_serves(tmp_path: Path) -> None:
    barred = tmp_path / "home"
    barred.mkdir(mode=0o700)
    servers = start_servers(barred / "project", durable=False)
    try:
        assert query(servers.database_url, "SELECT 1") == 1
    finally:
        servers.stop()
        shutil.rmtree((barred / "project" / "data").resolve())


def test_one_server_alone_may_be_asked_for(folder: Path) -> None:
    servers = start_servers(folder, postgres=False)
    assert servers.database_url == ""
    assert ask_broker(servers.broker_url, "PING") is True
    servers.stop()


def test_a_process_number_that_others_have_by_now_does_not_matter(folder: Path) -> None:
    start_servers(folder, valkey=False, durable=False).stop()
    stale = folder / "data" / "postgres" / "postmaster.pid"
    stale.write_text(f"1\n{stale.parent}\n0\n5432\n", encoding="ascii")
    servers = start_servers(folder, valkey=False, durable=False)
    assert query(servers.database_url, "SELECT 1") == 1
    servers.stop()


def test_an_interrupted_first_start_is_begun_anew(folder: Path) -> None:
    half = folder / "data" / "postgres.unfinished"
    start_servers(folder, postgres=False).stop()
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n", encoding="ascii")
    servers = start_servers(folder, valkey=False, durable=False)
    assert query(servers.database_url, "SELECT 1") == 1
    servers.stop()


def test_a_server_that_does_not_come_up_says_why(folder: Path) -> None:
    start_servers(folder, valkey=False, durable=False).stop()
    (folder / "data" / "postgres" / "PG_VERSION").write_text("9.0\n", encoding="ascii")
    with pytest.raises(
        EmbeddedServerError,
        match=r"(?s)postgres did not come up.*initialized by PostgreSQL version 9\.0",
    ):
        start_servers(folder, valkey=False, durable=False)


def test_a_failed_start_leaves_the_folder_free(folder: Path) -> None:
    folder.mkdir()
    (folder / "data").write_text("in the way", encoding="utf-8")
    with pytest.raises(EmbeddedServerError, match=r"cannot be started in .*Not a directory"):
        start_servers(folder)
    (folder / "data").unlink()
    start_servers(folder, durable=False).stop()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedServerError, match=r"file/run: Not a directory"):
        start_servers(tmp_path / "file" / "run")


def test_a_sockets_folder_that_is_a_link_is_refused(folder: Path) -> None:
    start_servers(folder, postgres=False).stop()
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (folder / "data" / "run").symlink_to(elsewhere)
    with pytest.raises(EmbeddedServerError, match="is a link, not our folder"):
        start_servers(folder)
