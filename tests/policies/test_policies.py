"""Each policy of a job or a schedule on a real database: which rows it gives."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobrunner.db import tables
from jobrunner.db.attempts import Ending, finish
from jobrunner.db.engine import transaction
from jobrunner.db.pauses import pause, resume
from jobrunner.dispatch import dispatch_due
from jobrunner.run import RunState
from jobrunner.triggers import trigger_run
from tests.ledger import Ledger
from tests.reconcile.acme import NOW, Reconciler, make_job
from tests.seeding import HOUR, NOON, AddJob, Broker, ReadRuns, RunRow

HALF = HOUR / 2


def dispatch(engine: Engine, broker: Broker, *moments: datetime) -> None:
    for now in moments:
        dispatch_due(engine, broker.send, now=now)


def short(runs: list[RunRow]) -> list[str]:
    """`queued`, `held`, `skipped`, `missed 3` …, by the time owed."""
    return [
        "held" if run.held else f"missed {run.missed_count}" if run.missed_count else run.state
        for run in runs
    ]


def next_of(engine: Engine) -> datetime | None:
    with engine.begin() as connection:
        found: datetime | None = connection.execute(
            text("SELECT next_scheduled_for FROM jobrunner.schedules")
        ).scalar_one()
    return found


def test_a_schedules_own_queue_and_priority_win_over_the_jobs(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job(
        overlap="allow",
        queue="slow",
        priority=1,
        schedules=[{"every": "1h"}, {"every": "1h", "queue": "fast", "priority": 0}],
    )
    dispatch(engine, broker, NOON)
    sent = {(message.queue, message.priority) for message in broker.sent}
    assert sent == {("slow", 1), ("fast", 0)}


@pytest.mark.parametrize(("queue", "sent"), [("slow", ["fast"]), ("fast", ["slow"])])
def test_a_pause_of_a_queue_holds_back_what_would_go_there(
    engine: Engine, add_job: AddJob, broker: Broker, queue: str, sent: list[str]
) -> None:
    schedules = [{"every": "1h"}, {"every": "1h", "queue": "fast"}]
    add_job(overlap="allow", queue="slow", schedules=schedules)
    put_pause(engine, "queue", queue)
    dispatch(engine, broker, NOON)
    assert [message.queue for message in broker.sent] == sent


def put_pause(
    engine: Engine, scope: str, target: str, *, started_at: datetime = NOON - HOUR, **values: Any
) -> None:
    with engine.begin() as connection:
        connection.execute(
            tables.pauses.insert().values(
                scope=scope, target=target, paused_by="ops", started_at=started_at, **values
            )
        )


def test_max_runs_ends_a_schedule_and_raising_it_lets_it_go_on(
    engine: Engine, acme: Reconciler, broker: Broker, read_runs: ReadRuns
) -> None:
    def job(max_runs: int) -> Any:
        return make_job(overlap="allow", schedules=[{"every": "1h", "max_runs": max_runs}])

    acme.apply(job(2))
    dispatch(engine, broker, *(NOW + number * HOUR for number in range(1, 5)))
    assert (len(read_runs()), next_of(engine)) == (2, None)
    acme.apply(job(3), now=NOW + 10 * HOUR + HALF)
    assert next_of(engine) == NOW + 11 * HOUR
    dispatch(engine, broker, *(NOW + number * HOUR for number in range(11, 15)))
    assert (len(read_runs()), next_of(engine)) == (3, None)
    acme.apply(job(1), now=NOW + 20 * HOUR)
    assert next_of(engine) is None


def test_max_runs_is_never_exceeded_by_several_late_times(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(overlap="allow", catch_up={"policy": "all"}, schedules=[{"every": "1h", "max_runs": 2}])
    dispatch(engine, broker, NOON + 5 * HOUR)
    assert [run.scheduled_for for run in read_runs()] == [NOON, NOON + HOUR]
    assert next_of(engine) is None


def test_beyond_max_concurrency_runs_wait_in_their_order(
    engine: Engine, add_job: AddJob, broker: Broker, ledger: Ledger, read_runs: ReadRuns
) -> None:
    add_job(overlap="allow", max_concurrency=2)
    dispatch(engine, broker, *(NOON + number * HOUR for number in range(4)))
    assert short(read_runs()) == ["queued", "queued", "held", "held"]
    claimed = ledger.claim(read_runs()[0].id).claim
    with transaction(engine) as connection:
        finish(connection, claimed, Ending(RunState.SUCCEEDED, "succeeded"))
    assert short(read_runs()) == ["succeeded", "queued", "queued", "held"]


def test_fault_20_a_job_with_a_limit_leaves_its_queue_to_the_others(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job("many", schedules=[{"every": "1h"}] * 50, overlap="allow", max_concurrency=2)
    add_job("other")
    dispatch(engine, broker, NOON)
    addresses = [message.address for message in broker.sent]
    assert sorted(addresses) == ["test/many", "test/many", "test/other"]
    assert short(read_runs()).count("held") == 48


def test_fault_47_overlap_queue_keeps_one_waiting_and_replace_the_newest(
    engine: Engine, add_job: AddJob, broker: Broker, ledger: Ledger, read_runs: ReadRuns
) -> None:
    add_job("queue", overlap="queue")
    dispatch(engine, broker, NOON)
    ledger.claim(read_runs()[0].id)
    dispatch(engine, broker, NOON + HOUR, NOON + 2 * HOUR)
    assert short(read_runs()) == ["running", "held", "skipped"]


def test_fault_47_overlap_replace_lets_the_newest_win(
    engine: Engine, add_job: AddJob, broker: Broker, ledger: Ledger, read_runs: ReadRuns
) -> None:
    add_job(overlap="replace")
    dispatch(engine, broker, NOON)
    ledger.claim(read_runs()[0].id)
    dispatch(engine, broker, NOON + HOUR, NOON + 2 * HOUR)
    assert short(read_runs()) == ["running", "cancelled", "held"]
    assert ledger.run(read_runs()[0].id)["cancel_requested_at"] is not None


@pytest.mark.parametrize(
    ("catch_up", "rows"),
    [
        ({"policy": "skip"}, ["missed 4"]),
        ({"policy": "latest"}, ["missed 3", "queued"]),
        ({"policy": "all"}, ["queued", "held", "held", "held"]),
        ({"policy": "all", "max": 2}, ["missed 2", "queued", "held"]),
        ({"policy": "all", "window": "2h"}, ["missed 2", "queued", "held"]),
    ],
)
def test_fault_27_hours_of_downtime_follow_the_policy_and_what_is_passed_over_is_counted(
    engine: Engine,
    add_job: AddJob,
    broker: Broker,
    read_runs: ReadRuns,
    catch_up: dict[str, Any],
    rows: list[str],
) -> None:
    add_job(catch_up=catch_up)
    dispatch(engine, broker, NOON + 3 * HOUR + HALF)
    assert short(read_runs()) == rows
    assert next_of(engine) == NOON + 4 * HOUR


def test_fault_10_a_restored_backup_starts_nothing_by_itself_and_goes_on_with_what_is_fresh(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns, ledger: Ledger
) -> None:
    add_job(overlap="allow", catch_up={"policy": "all"})
    dispatch(engine, broker, NOON + 2000 * HOUR)
    held_back, fresh = read_runs()
    assert (held_back.missed_count, held_back.trigger) == (2000, "catch_up")
    assert (fresh.scheduled_for, fresh.state) == (NOON + 2000 * HOUR, "queued")
    assert ledger.run(held_back.id)["error"] == (
        "2,000 times are overdue, more than 1,000: `jobrunner resume test/job --catch-up` runs them"
    )


def test_fault_28_while_catch_up_is_held_overdue_times_are_recorded_and_not_run(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(catch_up={"policy": "all"})
    now = NOON + 2 * HOUR + HALF
    dispatch_due(engine, broker.send, now=now, why_held=lambda _: "the clock jumped")
    assert short(read_runs()) == ["missed 3"]
    dispatch(engine, broker, NOON + 3 * HOUR)
    assert short(read_runs()) == ["missed 3", "queued"]


def test_the_times_of_a_pause_are_one_row_that_grows_and_a_resume_fires_none_of_them(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns, ledger: Ledger
) -> None:
    add_job(overlap="allow", catch_up={"policy": "all"})
    put_pause(engine, "job", "test/job", reason="disk swap", until=NOON + 3 * HOUR - HALF)
    dispatch(engine, broker, NOON, NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR)
    assert short(read_runs()) == ["missed 3", "queued"]
    row = ledger.run(read_runs()[0].id)
    assert (row["missed_until"], row["error"]) == (NOON + 2 * HOUR, "paused by ops: disk swap")


def test_a_second_pause_has_a_row_of_its_own(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(overlap="allow")
    put_pause(engine, "job", "test/job", ended_at=NOON + HALF)
    dispatch(engine, broker, NOON)
    put_pause(engine, "job", "test/job", started_at=NOON + HALF)
    dispatch(engine, broker, NOON + HOUR, NOON + 2 * HOUR)
    assert short(read_runs()) == ["missed 1", "missed 2"]


def test_a_pause_holds_the_schedules_back_and_not_a_run_by_hand(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job()
    with transaction(engine) as connection:
        pause(connection, "job", "test/job", reason="", paused_by="ops", until=None)
        trigger_run(connection, "test/job", created_by="ada")
        assert resume(connection, "job", "test/job", resumed_by="ada")
        assert not resume(connection, "job", "test/job", resumed_by="ada")
    assert short(read_runs()) == ["queued"]


def test_a_slot_that_is_late_by_less_than_the_grace_runs_whatever_the_policy(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(catch_up={"policy": "skip"}, schedules=[{"every": "1h", "misfire_grace": "10m"}])
    dispatch(engine, broker, NOON + timedelta(minutes=9))
    assert short(read_runs()) == ["queued"]
