"""The tick on a real database: rows first, messages after."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, event, text, update

from jobrunner.db import outbox, tables
from jobrunner.db.attempts import Ending, finish
from jobrunner.db.engine import Limits, make_engine, transaction
from jobrunner.db.schedules import claim_due
from jobrunner.dispatch import dispatch_due, send_unsent
from jobrunner.errors import BrokerUnavailable, DatabaseUnavailable
from jobrunner.recording import record_due
from jobrunner.run import OutgoingRun, RunState, scheduled_run_id
from jobrunner.tick import NewRun
from tests.ledger import Ledger
from tests.seeding import HOUR, NOON, AddJob, Broker, ReadRuns
from tests.waiting import wait_until


def test_a_due_schedule_gets_one_row_one_message_and_its_next_time(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    job = add_job(queue="reports", priority=7)
    assert dispatch_due(engine, broker.send, now=NOON) == 1
    [run] = read_runs()
    assert (str(run.id), run.state, run.is_sent) == (
        scheduled_run_id(job.schedule_ids[0], NOON),
        "queued",
        True,
    )
    [message] = broker.sent
    assert message == OutgoingRun(str(run.id), 0, "test/job", "reports", 7)
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


def test_fault_29_a_second_tick_for_the_same_slot_changes_nothing(
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


def test_fault_12_a_broker_that_is_down_loses_nothing_and_sends_in_order_later(
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
    first, *others = [message.address for message in broker.sent]
    assert (first, sorted(others)) == ("test/a", ["test/a", "test/b"])
    assert all(run.is_sent for run in read_runs())
    assert send_unsent(engine, broker.send) == 0


@pytest.mark.parametrize("is_committed", [True, False])
def test_fault_3_a_commit_of_unknown_outcome_is_repeated_without_harm(
    engine: Engine,
    database_url: str,
    add_job: AddJob,
    broker: Broker,
    read_runs: ReadRuns,
    *,
    is_committed: bool,
) -> None:
    add_job()
    cut_off = make_engine(database_url, application_name="cut off")

    def lose_the_answer(connection: Connection) -> None:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        if is_committed:
            driver.commit()
        driver.close()

    event.listen(cut_off, "commit", lose_the_answer, once=True)
    with pytest.raises(DatabaseUnavailable):
        dispatch_due(cut_off, broker.send, now=NOON)
    assert len(read_runs()) == is_committed
    dispatch_due(cut_off, broker.send, now=NOON)
    make_older(engine)
    give_back_abandoned(engine)
    send_unsent(cut_off, broker.send)
    [run] = read_runs()
    assert [message.run_id for message in broker.sent] == [str(run.id)]
    cut_off.dispose()


def test_fault_5_what_a_failover_forgot_is_dispatched_anew_and_its_late_end_refused(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    job = add_job()
    dispatch_due(engine, broker.send, now=NOON)
    [forgotten] = read_runs()
    held = Ledger(engine).claim(forgotten.id).claim
    with engine.begin() as connection:  # the last commits are on the server that is gone
        connection.execute(text("TRUNCATE jobrunner.runs, jobrunner.attempts, jobrunner.run_logs"))
        connection.execute(
            update(tables.schedules).values(next_scheduled_for=NOON, next_run_at=NOON)
        )
    with transaction(engine) as connection:
        assert finish(connection, held, Ending(RunState.SUCCEEDED, "succeeded")) is None
    dispatch_due(engine, broker.send, now=NOON)
    [run] = read_runs()
    assert str(run.id) == str(forgotten.id) == scheduled_run_id(job.schedule_ids[0], NOON)
    with transaction(engine) as connection:
        assert finish(connection, held, Ending(RunState.SUCCEEDED, "succeeded")) is None
    assert [(run.state, run.is_sent) for run in read_runs()] == [("queued", True)]


def test_what_one_scheduler_is_sending_no_other_sends(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job()
    with transaction(engine) as connection:
        [batch] = record_due(connection, now=NOON, to_send=True).batches
    make_older(engine)
    with transaction(engine) as sender:
        assert outbox.begin_to_send(sender, batch)
        assert give_back_abandoned(engine) == 0
        assert send_unsent(engine, broker.send) == 0


def make_older(engine: Engine) -> None:
    """The batches that are being sent were made a while ago."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.outbox SET sent_at = sent_at - interval '0.5 s'"))
        connection.execute(text("UPDATE jobrunner.runs SET sent_at = sent_at - interval '0.5 s'"))


def give_back_abandoned(engine: Engine) -> int:
    with transaction(engine) as connection:
        return outbox.give_back_abandoned(connection)


def test_fault_24_a_scheduler_that_died_before_sending_is_replaced_by_another(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job()
    with transaction(engine) as connection:
        record_due(connection, now=NOON, to_send=True)
    make_older(engine)
    assert give_back_abandoned(engine) == 1
    assert send_unsent(engine, broker.send) == 1


def test_fault_25_a_scheduler_that_died_while_sending_is_replaced_by_another(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job()

    def send_and_die(runs: Sequence[OutgoingRun], now: datetime) -> None:
        broker.send(runs, now)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dispatch_due(engine, send_and_die, now=NOON)
    make_older(engine)
    assert give_back_abandoned(engine) == 1
    assert send_unsent(engine, broker.send) == 1
    [run] = read_runs()
    assert [message.run_id for message in broker.sent] == [str(run.id)] * 2


def test_fault_9_what_a_frozen_scheduler_was_sending_is_free_and_its_commit_refused(
    engine: Engine, database_url: str, add_job: AddJob
) -> None:
    add_job()
    with transaction(engine) as connection:
        [batch] = record_due(connection, now=NOON, to_send=True).batches
    make_older(engine)
    frozen = make_engine(
        database_url, application_name="frozen", limits=Limits(idle_timeout_seconds=0.1)
    )

    def send_and_freeze() -> None:
        with transaction(frozen) as connection:
            assert outbox.begin_to_send(connection, batch)
            wait_until(lambda: give_back_abandoned(engine) == 1)

    with pytest.raises(DatabaseUnavailable):
        send_and_freeze()
    frozen.dispose()


def test_fault_26_no_time_is_passed_over_when_a_scheduler_is_late(
    engine: Engine,
    add_job: AddJob,
    broker: Broker,
    read_runs: ReadRuns,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobrunner.dispatch.BATCH_SCHEDULES", 1)
    for name in ("a", "b", "c"):
        add_job(name, schedules=[{"every": "1s"}], overlap="allow")
    late = NOON + timedelta(seconds=30)
    for _ in range(3):
        dispatch_due(engine, broker.send, now=late)
    assert dispatch_due(engine, broker.send, now=late) == 0
    seconds = [NOON + timedelta(seconds=n) for n in range(31) for _ in range(3)]
    assert [run.scheduled_for for run in read_runs()] == seconds


def test_a_scheduler_that_stood_still_does_not_send_what_others_may_have_sent(
    engine: Engine, add_job: AddJob
) -> None:
    add_job()
    with transaction(engine) as connection:
        [batch] = record_due(connection, now=NOON, to_send=True).batches
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.outbox SET sent_at = sent_at - interval '2 s'"))
    with transaction(engine) as connection:
        assert not outbox.begin_to_send(connection, batch)


def test_a_run_that_is_queued_again_is_not_given_back_with_its_first_batch(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job()
    with transaction(engine) as connection:
        record_due(connection, now=NOON, to_send=True)
    with engine.begin() as connection:  # sent, claimed, failed, and sent again since
        connection.execute(text("UPDATE jobrunner.runs SET sent_at = sent_at + interval '1 s'"))
        connection.execute(text("UPDATE jobrunner.outbox SET sent_at = sent_at - interval '1 s'"))
    assert give_back_abandoned(engine) == 0
    assert [run.is_sent for run in read_runs()] == [True]


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
    assert dispatch_due(engine, broker.send, now=NOON) == 0
    assert [(run.state, run.missed_count) for run in read_runs()] == [("missed", 1)]
    assert broker.sent == []


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


@pytest.mark.parametrize("spoilt", ["NULL", "'19999-01-01Z'", "'0044-03-15 BC'", "'-infinity'"])
def test_a_time_that_is_none_stops_no_other(
    engine: Engine, add_job: AddJob, broker: Broker, spoilt: str
) -> None:
    bad = add_job("bad")
    add_job("good")
    with engine.begin() as connection:  # and the constraints that refuse it were lost in a copy
        for constraint in ("next_scheduled_for_check", "next_check"):
            connection.execute(
                text(f"ALTER TABLE jobrunner.schedules DROP CONSTRAINT schedules_{constraint}")
            )
        connection.execute(
            text(f"UPDATE jobrunner.schedules SET next_scheduled_for = {spoilt} WHERE id = :id"),  # noqa: S608  the test's own
            {"id": bad.schedule_ids[0]},
        )
    dispatch_due(engine, broker.send, now=NOON)
    assert [message.address for message in broker.sent] == ["test/good"]
    with engine.begin() as connection:
        errors = connection.execute(
            text("SELECT error FROM jobrunner.schedules WHERE error IS NOT NULL")
        ).scalars()
        assert ["missing or out of range" in error for error in errors] == [True]


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

    def insert_one(
        connection: Connection, runs: Sequence[NewRun], *, to_send: bool
    ) -> outbox.Inserted:
        if len(runs) > 1:
            connection.execute(text("SET LOCAL statement_timeout = 20; SELECT pg_sleep(10)"))
        return insert_runs(connection, runs, to_send=to_send)

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
    monkeypatch.setattr("jobrunner.tick.BATCH_RUNS_MAX", 2)
    for name in ("a", "b", "c"):
        add_job(name)
    assert dispatch_due(engine, broker.send, now=NOON) == 2
    assert len(read_runs()) == 2
    assert dispatch_due(engine, broker.send, now=NOON) == 1
    assert len(read_runs()) == 3


def test_after_a_short_stop_a_skip_job_runs_the_newest_of_its_late_times(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(schedules=[{"every": "10s"}], overlap="skip")
    dispatch_due(engine, broker.send, now=NOON + timedelta(seconds=25))
    assert [run.state for run in read_runs()] == ["skipped", "skipped", "queued"]
    assert len(broker.sent) == 1
