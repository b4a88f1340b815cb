"""`jobrunner wait`: ends once the servers can be used, and says once what it waits for."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from jobrunner.cli.main import run
from jobrunner.cli.output import Output
from jobrunner.cli.session import Session
from jobrunner.db.engine import transaction
from jobrunner.db.migrate import upgrade
from tests.cli.calling import Called, WatchedTerminal, call
from tests.cli.conftest import Jobrunner

NOBODY = "redis://:secret@127.0.0.1:1/0"


@pytest.fixture
def emptied(engine: Engine) -> Engine:
    """A database without our tables."""
    with transaction(engine) as connection:
        connection.execute(text("DROP SCHEMA jobrunner CASCADE"))
    return engine


def wait_without_broker(*arguments: str, database_url: str = "") -> Called:
    environ = {"JOBRUNNER_BROKER_URL": NOBODY, "JOBRUNNER_DATABASE_URL": database_url}
    return call("wait", *arguments, environ=environ)


def test_servers_that_are_there_are_not_waited_for(jobrunner: Jobrunner) -> None:
    called = jobrunner("wait", "--for", "db,broker,schema")
    assert (called.exit_code, called.stdout, called.stderr) == (
        0,
        "● ready: db, broker, schema\n",
        "",
    )


def test_the_database_may_be_without_tables(jobrunner: Jobrunner, emptied: Engine) -> None:
    del emptied
    assert jobrunner("wait").exit_code == 0


def test_what_is_missing_is_told_once_and_at_the_end(jobrunner: Jobrunner, emptied: Engine) -> None:
    del emptied
    called = jobrunner("wait", "--for", "schema", "--timeout", "1200ms")
    assert (called.exit_code, called.stdout) == (1, "")
    waiting, error, hint = called.stderr.splitlines()
    assert waiting.startswith("Waiting for schema: The database has no jobrunner tables")
    assert error.startswith("error: Given up after 1200ms. The database has no jobrunner tables")
    assert "jobrunner db upgrade" in hint


def test_a_broker_that_is_away_ends_it_with_its_time(database_url: str) -> None:
    called = wait_without_broker("--timeout", "0s", database_url=database_url)
    assert called.exit_code == 1
    assert "The broker at 127.0.0.1:1 does not answer" in called.stderr
    assert "JOBRUNNER_BROKER_URL is right" in called.stderr
    assert "secret" not in called.stderr


@pytest.fixture
def terminal() -> WatchedTerminal:
    return WatchedTerminal()


def test_it_ends_when_somebody_has_made_the_tables(
    database_url: str, emptied: Engine, terminal: WatchedTerminal, folder: Path
) -> None:
    environ = {"JOBRUNNER_DATABASE_URL": database_url, "NO_COLOR": "1", "TERM": "dumb"}
    session = Session(Output(terminal, terminal, environ), environ, folder, terminal)
    exit_codes: list[int] = []
    waiting = threading.Thread(
        target=lambda: exit_codes.append(run(["wait", "--for", "schema"], session))
    )
    waiting.start()
    assert terminal.written.wait(30)
    upgrade(emptied)
    waiting.join(60)
    assert exit_codes == [0]
    assert "● ready: schema" in terminal.getvalue()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--for", "dog"], "--for dog names what cannot be waited for."),
        (["--for", ""], "names what cannot be waited for."),
        (["--timeout", "5"], "--timeout: '5' is no duration"),
    ],
)
def test_what_cannot_be_waited_for_is_refused(arguments: list[str], told: str) -> None:
    called = wait_without_broker(*arguments)
    assert called.exit_code == 64
    assert told in called.stderr


def test_without_an_address_there_is_nothing_to_wait_for() -> None:
    called = call("wait", "--for", "broker", environ={})
    assert called.exit_code == 64
    assert "No broker is known." in called.stderr
