"""The tick on a real database: rows first, messages after."""

import threading
import uuid
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, text, update

from jobrunner.db import outbox, tables
from jobrunner.db.engine import transaction
from jobrunner.db.outbox import NewRun
from jobrunner.db.schedules import claim_due, seconds_until_next
from jobrunner.dispatch import dispatch_due, record_due, send_unsent
from jobrunner.errors import BrokerUnavailable
from jobrunner.run import scheduled_run_id
from tests.seeding import HOUR, NOON, AddJob, Broker, ReadRuns


def test_a_due_schedule_gets_one_row_one_message_and_its_next_time(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    job = add_job(queue="reports", priority=7, timeout="90s")
    assert dispatch_due(engine, broker.send, now=NOON) == 1
    [run] = read_runs()
    assert (run.id, run.state, run.is_sent) == (
        scheduled_run_id(job.schedule_ids[0], NOON),
        "queued",
        True,
    )
    [message] = broker.sent
    assert (message.run_id, message.address, message.queue, message.priority, message.timeout_seconds) == (
        run.id, "test/job", "reports", 7, 90.0,
    )  # fmt: skip
    with engine.begin() as connection:
        schedule = connection.execute(tables.schedules.select()).one()
    assert schedule.next_scheduled_for == schedule.next_run_at == NOON + HOUR
    assert (schedule.last_run_at, schedule.total_run_count) == (NOON, 1)


def test_nothing_is_due_before_its_time(engine: Engine, add_job: AddJob, broker: Broker) -> None:
    add_job(due=NOON + HOUR)
    assert dispatch_due(engine, broker.send, now=NOON) == 0
    assert broker.sent == []


def test_without_a_given_clock_the_database_decides(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(due=NOON - 1000 * HOUR, catch_up={"policy": "latest"})
    assert dispatch_due(engine, broker.send) == 1
    assert [run.state for run in read_runs()] == ["missed", "queued"]


def test_a_second_tick_for_the_same_slot_changes_nothing(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job()
    dispatch_due(engine, broker.send, now=NOON)
    with engine.begin() as connection:  # as after a restored backup
        connection.execute(
            update(tables.schedules).values(next_scheduled_for=NOON, next_run_at=NOON)
        )
    dispatch_due(engine, broker.send, now=NOON)
    assert len(read_runs()) == 1
    assert len(broker.sent) == 1


def test_a_broker_that_is_down_loses_nothing_and_sends_in_order_later(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job("a", overlap="allow")
    broker.is_down = True
    with pytest.raises(BrokerUnavailable):
        dispatch_due(engine, broker.send, now=NOON)
    add_job("b", due=NOON + HOUR)
    with pytest.raises(BrokerUnavailable):
        dispatch_due(engine, broker.send, now=NOON + HOUR)
    assert [run.is_sent for run in read_runs()] == [False, False, False]
    broker.is_down = False
    assert send_unsent(engine, broker.send) == 3
    assert [message.address for message in broker.sent] == ["test/a", "test/a", "test/b"]
    assert all(run.is_sent for run in read_runs())
    assert send_unsent(engine, broker.send) == 0


def test_a_run_keeps_the_time_limits_of_the_definition_it_was_dispatched_with(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job(timeout="1m30s", soft_timeout="500ms")
    broker.is_down = True
    with pytest.raises(BrokerUnavailable):
        dispatch_due(engine, broker.send, now=NOON)
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.jobs SET timeout = '5 s', soft_timeout = NULL"))
    broker.is_down = False
    send_unsent(engine, broker.send)
    [message] = broker.sent
    assert (message.timeout_seconds, message.soft_timeout_seconds) == (90.0, 0.5)


def test_a_run_whose_definition_is_gone_is_sent_with_the_limits_of_its_job(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job(timeout="90s")
    broker.is_down = True
    with pytest.raises(BrokerUnavailable):
        dispatch_due(engine, broker.send, now=NOON)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM jobrunner.definitions"))
    broker.is_down = False
    send_unsent(engine, broker.send)
    assert [message.timeout_seconds for message in broker.sent] == [90.0]


def test_what_one_scheduler_is_sending_no_other_sends(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job()
    with transaction(engine) as connection:
        recorded = record_due(connection, now=NOON)
    assert len(recorded.outgoing) == 1
    assert send_unsent(engine, broker.send) == 0


def test_a_scheduler_that_died_before_sending_is_replaced_by_another(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job()
    with transaction(engine) as connection:
        record_due(connection, now=NOON)
    with engine.begin() as connection:  # the few seconds it had are over
        connection.execute(update(tables.runs).values(sending_until=text("now() - interval '1 s'")))
    assert send_unsent(engine, broker.send) == 1


def test_two_schedulers_share_what_is_due(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    for number in range(40):
        add_job(f"job-{number}")
    beats = [
        threading.Thread(target=dispatch_due, args=(engine, broker.send), kwargs={"now": NOON})
        for _ in range(4)
    ]
    for beat in beats:
        beat.start()
    for beat in beats:
        beat.join(timeout=30)
    assert len(read_runs()) == len(broker.sent) == 40


def test_rows_that_another_scheduler_holds_are_passed_over(engine: Engine, add_job: AddJob) -> None:
    add_job()
    with transaction(engine) as one, transaction(engine) as other:
        assert len(claim_due(one, limit=10, now=NOON)) == 1
        assert claim_due(other, limit=10, now=NOON) == ()


def test_two_schedules_of_a_skip_job_at_one_second_give_one_run_and_one_skipped(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(schedules=[{"every": "1h"}, {"cron": "0 * * * *"}], overlap="skip")
    dispatch_due(engine, broker.send, now=NOON)
    assert sorted(run.state for run in read_runs()) == ["queued", "skipped"]
    assert len(broker.sent) == 1


def test_a_queue_job_holds_the_second_run(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(overlap="queue")
    dispatch_due(engine, broker.send, now=NOON)
    dispatch_due(engine, broker.send, now=NOON + HOUR)
    assert [(run.state, run.held) for run in read_runs()] == [("queued", False), ("queued", True)]
    assert len(broker.sent) == 1


def test_a_replace_job_cancels_what_waits_and_starts_anew(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(overlap="replace")
    dispatch_due(engine, broker.send, now=NOON)
    dispatch_due(engine, broker.send, now=NOON + HOUR)
    assert [run.state for run in read_runs()] == ["cancelled", "queued"]
    assert len(broker.sent) == 2


def test_catch_up_all_runs_its_slots_one_after_the_other_whatever_overlap_says(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(overlap="allow", catch_up={"policy": "all"})
    dispatch_due(engine, broker.send, now=NOON + 2 * HOUR + HOUR / 2)
    assert [(run.trigger, run.held) for run in read_runs()] == [
        ("catch_up", False), ("catch_up", True), ("catch_up", True),
    ]  # fmt: skip
    assert len(broker.sent) == 1


def test_forgotten_times_are_one_row_with_a_count(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(catch_up={"policy": "skip"})
    dispatch_due(engine, broker.send, now=NOON + 2 * HOUR + HOUR / 2)
    [run] = read_runs()
    assert (run.state, run.scheduled_for, run.missed_count) == ("missed", NOON, 3)
    assert broker.sent == []


@pytest.mark.parametrize(
    ("scope", "target"),
    [("job", "test/job"), ("tag", "slow"), ("queue", "default"), ("namespace", "test")],
)
def test_a_pause_keeps_its_jobs_from_firing(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns, scope: str, target: str
) -> None:
    add_job(tags=["slow"])
    with engine.begin() as connection:
        connection.execute(
            tables.pauses.insert().values(
                scope=scope, target=target, paused_by="ops", started_at=NOON - HOUR
            )
        )
    assert dispatch_due(engine, broker.send, now=NOON) == 1
    assert read_runs() == []
    assert dispatch_due(engine, broker.send, now=NOON) == 0


def test_a_corrupt_row_is_marked_and_stops_no_other(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    bad, good = add_job("bad"), add_job("good")
    with engine.begin() as connection:
        connection.execute(
            text('UPDATE jobrunner.schedules SET spec = \'{"cron": "nonsense"}\' WHERE id = :id'),
            {"id": bad.schedule_ids[0]},
        )
    dispatch_due(engine, broker.send, now=NOON)
    assert [message.address for message in broker.sent] == [good.address]
    with engine.begin() as connection:
        row = connection.execute(
            tables.schedules.select().where(tables.schedules.c.id == bad.schedule_ids[0])
        ).one()
    assert row.error
    assert row.next_scheduled_for == NOON
    assert row.next_run_at > NOON


def test_a_row_that_the_database_refuses_stops_no_other(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job("bad")
    add_job("good")
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.jobs SET definition_id = -1 WHERE name = 'bad'"))
        connection.execute(text("ALTER TABLE jobrunner.runs ADD CHECK (definition_id > 0)"))
    assert dispatch_due(engine, broker.send, now=NOON) == 2
    assert [message.address for message in broker.sent] == ["test/good"]
    with engine.begin() as connection:
        errors = connection.execute(
            text("SELECT error FROM jobrunner.schedules WHERE error IS NOT NULL")
        ).all()
    assert len(errors) == 1


def test_a_batch_that_takes_too_long_is_tried_one_by_one(
    engine: Engine, add_job: AddJob, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_job("first")
    add_job("second")
    insert_runs = outbox.insert_runs

    def insert_one(connection: Connection, runs: Sequence[NewRun]) -> frozenset[uuid.UUID]:
        if len(runs) > 1:
            connection.execute(text("SET LOCAL statement_timeout = 20; SELECT pg_sleep(10)"))
        return insert_runs(connection, runs)

    monkeypatch.setattr(outbox, "insert_runs", insert_one)
    assert dispatch_due(engine, broker.send, now=NOON) == 2
    assert sorted(message.address for message in broker.sent) == ["test/first", "test/second"]


def test_what_is_too_much_for_one_tick_is_left_to_the_next(
    engine: Engine,
    add_job: AddJob,
    broker: Broker,
    read_runs: ReadRuns,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobrunner.dispatch.BATCH_RUNS_MAX", 2)
    for name in ("a", "b", "c"):
        add_job(name)
    assert dispatch_due(engine, broker.send, now=NOON) == 2
    assert len(read_runs()) == 2
    assert dispatch_due(engine, broker.send, now=NOON) == 1
    assert len(read_runs()) == 3


def test_the_wait_lasts_until_the_next_time(engine: Engine, add_job: AddJob) -> None:
    with transaction(engine) as connection:
        assert seconds_until_next(connection) is None
    add_job(due=NOON.replace(year=2100))
    with transaction(engine) as connection:
        seconds = seconds_until_next(connection)
    assert seconds is not None
    assert seconds > 3600


def test_after_a_short_stop_a_skip_job_runs_the_newest_of_its_late_times(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(schedules=[{"every": "10s"}], overlap="skip")
    dispatch_due(engine, broker.send, now=NOON + timedelta(seconds=25))
    assert [run.state for run in read_runs()] == ["skipped", "skipped", "queued"]
    assert len(broker.sent) == 1
