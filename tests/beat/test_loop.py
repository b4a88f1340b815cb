"""One beat's loop, pass by pass, in this process."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, make_url, text

from jobrunner.beat import LONGEST_BACKOFF_SECONDS, POLL_SECONDS, Loop
from jobrunner.broker import Sender, make_app
from jobrunner.db.engine import make_engine
from jobrunner.db.wakeups import Listener
from jobrunner.errors import SchemaMismatch
from jobrunner.settings import Settings
from tests.seeding import AddJob, ReadRuns
from tests.servers import Servers

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each wait of the loop would have been; none is waited out."""
    asked: list[float] = []

    def wait(_: Listener, timeout_seconds: float) -> bool:
        asked.append(timeout_seconds)
        return False

    monkeypatch.setattr(Listener, "wait", wait)
    return asked


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the loop would have rested after what went wrong; no rest is taken."""
    asked: list[float] = []
    monkeypatch.setattr("jobrunner.beat.time.sleep", asked.append)
    return asked


@pytest.fixture
def loop_without_broker(database_url: str) -> Iterator[Loop]:
    settings = Settings(database_url=database_url, broker_url=NOBODY)
    loop = Loop(settings, Sender(make_app(settings)))
    yield loop
    loop.close()


def test_fault_1_a_beat_that_starts_without_its_database_works_once_there_is_one(
    servers: Servers,
    database_url: str,
    add_job: AddJob,
    read_runs: ReadRuns,
    waits: list[float],
    rests: list[float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    add_job(due=datetime.now(UTC))
    let_connect(servers, database_url, is_allowed=False)
    settings = Settings(database_url=database_url, broker_url=NOBODY)
    loop = Loop(settings, Sender(make_app(settings)))
    for _ in range(9):
        loop.run_once()
    assert capsys.readouterr().out.count("database_unavailable") == 1
    assert (len(rests), waits) == (9, [])
    assert rests[0] < 0.5 < max(rests) <= LONGEST_BACKOFF_SECONDS
    let_connect(servers, database_url, is_allowed=True)
    loop.run_once()
    loop.run_once()
    assert (len(rests), len(read_runs())) == (9, 1)
    loop.close()


def let_connect(servers: Servers, database_url: str, *, is_allowed: bool) -> None:
    """Have new connections to the database refused, or not."""
    name = make_url(database_url).database
    admin = make_engine(servers.database_url, application_name="admin")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {is_allowed}")
    admin.dispose()


def test_fault_12_a_broker_that_is_away_is_asked_once_a_second_and_not_without_end(
    loop_without_broker: Loop, add_job: AddJob, read_runs: ReadRuns, waits: list[float]
) -> None:
    add_job(due=datetime.now(UTC))
    loop_without_broker.run_once()
    assert [run.is_sent for run in read_runs()] == [False]
    loop_without_broker.run_once()
    loop_without_broker.run_once()
    assert len(waits) == 2
    assert all(0.5 < seconds <= POLL_SECONDS for seconds in waits)


def test_fault_11_while_the_broker_is_away_all_that_is_due_is_recorded_without_a_pause(
    loop_without_broker: Loop,
    add_job: AddJob,
    read_runs: ReadRuns,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobrunner.dispatch.BATCH_SCHEDULES", 1)
    for number in range(4):
        add_job(f"job-{number}", due=datetime.now(UTC))
    for _ in range(4):
        loop_without_broker.run_once()
    assert [run.is_sent for run in read_runs()] == [False] * 4
    assert waits == []


def test_fault_7_while_the_disk_is_full_a_beat_rests_and_goes_on_by_itself(
    loop_without_broker: Loop,
    engine: Engine,
    add_job: AddJob,
    read_runs: ReadRuns,
    waits: list[float],
    rests: list[float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    add_job("a", due=datetime.now(UTC))
    add_job("b", due=datetime.now(UTC))
    fill_the_disk(engine)
    for _ in range(3):
        loop_without_broker.run_once()
    assert capsys.readouterr().out.count("has no room") == 1
    assert (len(rests), waits, read_runs()) == (3, [], [])
    with engine.begin() as connection:
        assert connection.execute(text("SELECT error FROM jobrunner.schedules")).all() == [
            (None,), (None,),
        ]  # fmt: skip
        connection.execute(text("DROP TRIGGER full_disk ON jobrunner.runs"))
    loop_without_broker.run_once()
    assert len(read_runs()) == 2


def fill_the_disk(engine: Engine) -> None:
    """A new run meets what the server says when there is no room for another page."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100';"
                " END $$;"
                " CREATE TRIGGER full_disk BEFORE INSERT ON jobrunner.runs EXECUTE FUNCTION full_disk()"
            )
        )


def test_fault_8_rows_that_are_locked_for_long_are_given_up_and_tried_again(
    loop_without_broker: Loop,
    engine: Engine,
    add_job: AddJob,
    read_runs: ReadRuns,
    waits: list[float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    add_job(due=datetime.now(UTC))
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE jobrunner.schedules IN ACCESS EXCLUSIVE MODE"))
        loop_without_broker.run_once()
        assert "tick_blocked" in capsys.readouterr().out
        assert waits == []
    loop_without_broker.run_once()
    assert len(read_runs()) == 1


def test_a_database_without_tables_is_waited_for(
    engine: Engine,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
    waits: list[float],
    rests: list[float],
) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER SCHEMA jobrunner RENAME TO elsewhere"))
    settings = Settings(database_url=database_url, broker_url=NOBODY)
    loop = Loop(settings, Sender(make_app(settings)))
    loop.run_once()
    assert "jobrunner db upgrade" in capsys.readouterr().out
    assert (rests, waits) == ([POLL_SECONDS], [])
    with engine.begin() as connection:
        connection.execute(text("ALTER SCHEMA elsewhere RENAME TO jobrunner"))
    loop.run_once()
    loop.run_once()
    assert len(waits) == 1
    loop.close()


def test_fault_70_a_database_that_is_newer_ends_the_start(
    engine: Engine, database_url: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.schema_version SET version_num = '9999'"))
        connection.execute(
            text("UPDATE jobrunner.schema_compatibility SET oldest_program = '9999'")
        )
    settings = Settings(database_url=database_url, broker_url=NOBODY)
    with pytest.raises(SchemaMismatch, match="revision 9999"):
        Loop(settings, Sender(make_app(settings)))


def test_at_rest_a_beat_asks_one_statement_a_second(
    loop_without_broker: Loop, waits: list[float]
) -> None:
    loop_without_broker.run_once()
    asked: list[str] = []
    event.listen(
        loop_without_broker._engine,
        "before_cursor_execute",
        lambda *call: asked.append(call[2]),
    )
    loop_without_broker.run_once()
    assert len(asked) == 1
    assert waits == [POLL_SECONDS, POLL_SECONDS]


def test_fault_23_what_a_beat_without_broker_has_recorded_another_one_sends(
    loop_without_broker: Loop,
    database_url: str,
    broker_url: str,
    add_job: AddJob,
    read_runs: ReadRuns,
    waits: list[float],
) -> None:
    add_job(due=datetime.now(UTC))
    loop_without_broker.run_once()
    settings = Settings(database_url=database_url, broker_url=broker_url)
    other = Loop(settings, Sender(make_app(settings)))
    other.run_once()
    assert [run.is_sent for run in read_runs()] == [True]
    assert waits == []
    other.close()


def test_fault_23_without_a_database_a_beat_sends_nothing_and_lives(
    broker_url: str, rests: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(database_url="postgresql://127.0.0.1:1/none", broker_url=broker_url)
    loop = Loop(settings, Sender(make_app(settings)))
    loop.run_once()
    assert "database_unavailable" in capsys.readouterr().out
    assert len(rests) == 1
    loop.close()


def test_fault_26_a_beat_that_is_late_says_by_how_much(
    loop_without_broker: Loop,
    add_job: AddJob,
    waits: list[float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    add_job(due=datetime.now(UTC) - timedelta(seconds=30))
    loop_without_broker.run_once()
    assert re.search(r"tick_late +seconds=3\d\.\d", capsys.readouterr().out)
    assert waits == []
