"""Times that have passed become runs: once each, in order, a few at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobrunner.backfill import Backfilled, plan_backfill, plan_catch_up, start_backfill
from jobrunner.db.engine import transaction
from jobrunner.db.holding import release_held
from jobrunner.dispatch import dispatch_due
from jobrunner.errors import NotFound, UsageError
from tests.ledger import Ledger
from tests.seeding import HOUR, AddJob, Broker, ReadRuns

MAY = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


def backfill(
    engine: Engine,
    address: str = "test/job",
    *,
    start: datetime = MAY,
    end: datetime = MAY + DAY,
    max_active: int = 1,
    request_key: str = "",
) -> Backfilled:
    with transaction(engine) as connection:
        planned = plan_backfill(connection, address, start=start, end=end, request_key=request_key)
    return start_backfill(engine, planned, max_active=max_active, created_by="ada")


def release(engine: Engine) -> int:
    with transaction(engine) as connection:
        return release_held(connection, limit=100)


def test_each_time_of_the_half_open_span_gets_a_run_that_waits(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job()
    assert backfill(engine).created == 24
    runs = read_runs()
    assert [run.scheduled_for for run in runs] == [MAY + number * HOUR for number in range(24)]
    assert {(run.state, run.trigger, run.held) for run in runs} == {("queued", "backfill", True)}


def test_spans_that_overlap_give_a_time_one_run(engine: Engine, add_job: AddJob) -> None:
    add_job()
    backfill(engine, end=MAY + DAY)
    again = backfill(engine, start=MAY + 12 * HOUR, end=MAY + 2 * DAY)
    assert (again.created, again.existed) == (24, 12)


def test_another_request_runs_the_times_again(engine: Engine, add_job: AddJob) -> None:
    add_job()
    backfill(engine)
    assert backfill(engine, request_key="again").created == 24
    assert backfill(engine, request_key="again").existed == 24


def test_a_time_that_the_schedule_has_run_gets_another_run(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(due=MAY)
    dispatch_due(engine, broker.send, now=MAY)
    assert backfill(engine, end=MAY + HOUR).created == 1
    assert sorted(run.trigger for run in read_runs()) == ["backfill", "schedule"]


def test_the_times_are_those_of_the_schedule_in_its_zone(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job(
        schedules=[{"cron": "30 6 * * *", "timezone": "Europe/Berlin", "exclude": ["2026-05-02"]}]
    )
    naive = datetime(2026, 5, 1)  # noqa: DTZ001  on the wall clock of the schedule
    backfill(engine, start=naive, end=naive + 3 * DAY)
    assert [run.scheduled_for for run in read_runs()] == [
        datetime(2026, 5, 1, 4, 30, tzinfo=UTC),
        datetime(2026, 5, 3, 4, 30, tzinfo=UTC),
    ]


def test_the_oldest_go_first_and_at_most_max_active_at_once(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job()
    backfill(engine, max_active=3)
    assert release(engine) == 3
    assert release(engine) == 0
    assert [run.held for run in read_runs()][:5] == [False, False, False, True, True]


def test_the_same_backfill_with_another_max_active_goes_faster(
    engine: Engine, add_job: AddJob
) -> None:
    add_job()
    backfill(engine, max_active=1)
    release(engine)
    assert backfill(engine, max_active=5).created == 0
    assert release(engine) == 4


@pytest.mark.parametrize("overlap", ["skip", "queue", "replace", "allow"])
def test_a_backfill_neither_skips_nor_is_skipped(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns, overlap: str
) -> None:
    add_job(overlap=overlap, due=MAY + DAY)
    backfill(engine, end=MAY + 2 * HOUR)
    release(engine)
    dispatch_due(engine, broker.send, now=MAY + DAY)
    assert [(run.trigger, run.state, run.held) for run in read_runs()] == [
        ("backfill", "queued", False),
        ("backfill", "queued", True),
        ("schedule", "queued", False),
    ]
    assert len(broker.sent) == 1


def test_the_limit_counts_runs_of_a_backfill_too(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(overlap="skip", max_concurrency=2, due=MAY + DAY)
    backfill(engine, max_active=10)
    assert release(engine) == 2
    dispatch_due(engine, broker.send, now=MAY + DAY)
    assert read_runs()[-1].held
    assert broker.sent == []


def test_a_place_goes_to_the_schedules_own_run_before_one_of_a_backfill(
    engine: Engine, add_job: AddJob, broker: Broker, ledger: Ledger, read_runs: ReadRuns
) -> None:
    job = add_job(overlap="skip", max_concurrency=1, due=MAY + DAY)
    going_on = ledger.add_run(job.job_id)
    backfill(engine, max_active=10)
    ledger.change_run(going_on, trigger="backfill", backfill_id=_any_backfill(engine))
    dispatch_due(engine, broker.send, now=MAY + DAY)
    ledger.change_run(going_on, state="cancelled", finished_at=MAY)
    assert release(engine) == 1
    assert [run.trigger for run in read_runs() if run.state == "queued" and not run.held] == [
        "schedule"
    ]


def _any_backfill(engine: Engine) -> Any:
    with engine.begin() as connection:
        return connection.execute(text("SELECT id FROM jobrunner.backfills")).scalar_one()


def test_its_runs_expire_by_the_time_of_their_making(
    engine: Engine, add_job: AddJob, ledger: Ledger, read_runs: ReadRuns
) -> None:
    add_job(expires="30m")
    backfill(engine, end=MAY + HOUR)
    run = ledger.run(read_runs()[0].id)
    assert run["expires_at"] - run["available_at"] == timedelta(minutes=30)


def test_a_schedules_own_queue_and_priority_count(
    engine: Engine, add_job: AddJob, ledger: Ledger, read_runs: ReadRuns
) -> None:
    add_job(queue="slow", priority=1, schedules=[{"every": "1h", "queue": "fast", "priority": 9}])
    backfill(engine, end=MAY + HOUR)
    run = ledger.run(read_runs()[0].id)
    assert (run["queue"], run["priority"]) == ("fast", 9)


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (MAY, MAY, "empty"),
        (MAY, datetime(2999, 1, 1, tzinfo=UTC), "future"),
    ],
)
def test_a_span_that_cannot_be_run_is_refused(
    engine: Engine, add_job: AddJob, start: datetime, end: datetime, told: str
) -> None:
    add_job()
    with pytest.raises(UsageError, match=told):
        backfill(engine, start=start, end=end)


def test_more_than_a_hundred_thousand_times_are_refused_with_where_to_split(
    engine: Engine, add_job: AddJob
) -> None:
    add_job(schedules=[{"every": "1s"}])
    with pytest.raises(UsageError, match="more than 100,000") as refused:
        backfill(engine, end=MAY + 2 * DAY)
    assert (MAY + timedelta(seconds=100_000)).isoformat() in refused.value.hint


def test_one_of_several_schedules_is_named(engine: Engine, add_job: AddJob) -> None:
    add_job(schedules=[{"every": "1h"}, {"every": "2h"}])
    with pytest.raises(UsageError) as refused:
        backfill(engine)
    assert "test/job#s0, test/job#s1" in refused.value.hint
    assert backfill(engine, "test/job#s1").created == 12
    with pytest.raises(NotFound, match="no schedule #s2"):
        backfill(engine, "test/job#s2")


def test_a_job_without_a_schedule_has_no_times(engine: Engine, add_job: AddJob) -> None:
    add_job(schedules=[])
    with pytest.raises(NotFound, match="has no schedule"):
        backfill(engine)


def test_fault_10_what_is_held_back_is_caught_up_in_order_when_somebody_asks(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(due=MAY, catch_up={"policy": "all"})
    dispatch_due(engine, broker.send, now=MAY + 1500 * HOUR)
    assert [(run.state, run.missed_count) for run in read_runs()] == [
        ("missed", 1500), ("queued", None),
    ]  # fmt: skip
    catch_up(engine)
    waiting = [run for run in read_runs() if run.trigger == "backfill"]
    assert [run.scheduled_for for run in waiting] == [MAY + n * HOUR for n in range(1500)]
    assert release(engine) == 1
    with pytest.raises(NotFound, match="held back"):
        catch_up(engine)


def catch_up(engine: Engine) -> None:
    with transaction(engine) as connection:
        planned = plan_catch_up(connection, "test/job")
    for one in planned:
        start_backfill(engine, one, max_active=1, created_by="ada")


def test_a_catch_up_that_was_cut_off_goes_on(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(due=MAY, catch_up={"policy": "all"})
    dispatch_due(engine, broker.send, now=MAY + 1500 * HOUR)
    with transaction(engine) as connection:
        (planned,) = plan_catch_up(connection, "test/job")

    def cut_off(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start_backfill(engine, planned, max_active=1, created_by="ada", on_progress=cut_off)
    catch_up(engine)
    assert len([run for run in read_runs() if run.trigger == "backfill"]) == 1500
