"""A beat beside a database whose clock jumps ahead."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from jobrunner import beat
from jobrunner.beat import Loop
from jobrunner.broker import Sender, make_app
from jobrunner.db.wakeups import Listener
from jobrunner.settings import Settings
from tests.seeding import HOUR, AddJob, ReadRuns


@pytest.fixture
def loop(database_url: str, broker_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    """A beat that never waits."""
    monkeypatch.setattr(Listener, "wait", lambda *_: False)
    settings = Settings(database_url=database_url, broker_url=broker_url)
    made = Loop(settings, Sender(make_app(settings)))
    yield made
    made.close()


def test_fault_28_what_a_jump_makes_overdue_waits_for_somebody_and_what_comes_next_runs(
    loop: Loop,
    add_job: AddJob,
    read_runs: ReadRuns,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    loop.run_once()
    steady_seconds = beat.steady_seconds
    # For the beat it is the same whether the one clock goes two hours ahead or the other one back.
    monkeypatch.setattr(beat, "steady_seconds", lambda: steady_seconds() - 7200)
    now = datetime.now(UTC)
    add_job("overdue", due=now - HOUR / 2, schedules=[{"every": "1d", "anchor": now - HOUR / 2}])
    add_job("fresh", due=now - timedelta(seconds=2))
    loop.run_once()
    assert [(run.state, run.trigger) for run in read_runs()] == [
        ("missed", "catch_up"), ("queued", "schedule"),
    ]  # fmt: skip
    assert capsys.readouterr().out.count("clock_jumped") == 1
    add_job("later", due=now - HOUR, catch_up={"policy": "all"}, schedules=[{"every": "1d"}])
    loop.run_once()
    assert [run.state for run in read_runs() if run.scheduled_for == now - HOUR] == ["queued"]


def test_without_a_jump_what_is_overdue_is_caught_up(
    loop: Loop, add_job: AddJob, read_runs: ReadRuns
) -> None:
    loop.run_once()
    due = datetime.now(UTC) - HOUR / 2
    add_job(due=due, schedules=[{"every": "1d", "anchor": due}])
    loop.run_once()
    assert [run.state for run in read_runs()] == ["queued"]
