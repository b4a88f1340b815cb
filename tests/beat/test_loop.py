"""One beat's loop, pass by pass, in this process."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, func, update

from jobrunner.beat import POLL_SECONDS, Loop
from jobrunner.broker import Sender, make_app
from jobrunner.db import tables
from jobrunner.db.schedules import seconds_until_next
from jobrunner.db.wakeups import Listener
from jobrunner.dispatch import record_due
from jobrunner.settings import Settings
from tests.seeding import AddJob, ReadRuns

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
def loop_without_broker(database_url: str) -> Iterator[Loop]:
    settings = Settings(database_url=database_url, broker_url=NOBODY)
    loop = Loop(settings, Sender(make_app(settings)))
    yield loop
    loop.close()


def test_fault_12_a_broker_that_is_away_is_asked_at_each_poll_and_not_without_end(
    loop_without_broker: Loop, add_job: AddJob, read_runs: ReadRuns, waits: list[float]
) -> None:
    add_job(due=datetime.now(UTC))
    loop_without_broker.run_once()
    assert [run.is_sent for run in read_runs()] == [False]
    waits.clear()
    loop_without_broker.run_once()
    loop_without_broker.run_once()
    assert waits == [POLL_SECONDS, POLL_SECONDS]


def test_a_run_whose_time_to_start_has_passed_keeps_no_beat_awake(
    engine: Engine, add_job: AddJob
) -> None:
    add_job(due=datetime.now(UTC))
    with engine.begin() as connection:
        record_due(connection)
        connection.execute(update(tables.schedules).values(next_run_at=None))
        connection.execute(update(tables.runs).values(sending_until=None, expires_at=func.now()))
    with engine.begin() as connection:
        assert seconds_until_next(connection) is None
