"""Runs by hand: the same rows, the same send."""

import threading
import uuid

import pytest
from sqlalchemy import Engine

from jobrunner.db.engine import transaction
from jobrunner.dispatch import send_unsent
from jobrunner.errors import Conflict, NotFound, UsageError
from jobrunner.run import Start
from jobrunner.triggers import TriggeredRun, trigger_run
from tests.seeding import AddJob, Broker, ReadRuns


def trigger(engine: Engine, address: str = "test/job", **options: object) -> TriggeredRun:
    with transaction(engine) as connection:
        return trigger_run(connection, address, created_by="ada", **options)  # type: ignore[arg-type]  # options are the test's own


def test_a_trigger_is_a_row_that_the_next_tick_sends(
    engine: Engine, add_job: AddJob, broker: Broker, read_runs: ReadRuns
) -> None:
    add_job(schedules=[])
    triggered = trigger(engine, kwargs={"region": "eu"})
    assert triggered.is_new
    assert send_unsent(engine, broker.send) == 1
    [run] = read_runs()
    assert (run.id, run.trigger, run.state) == (triggered.run_id, "manual", "queued")


def test_what_comes_last_with_a_higher_priority_is_not_kept_waiting_by_a_burst(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job("burst", schedules=[], overlap="allow")
    add_job("urgent", schedules=[], priority=9)
    for address in ("test/burst", "test/burst", "test/burst", "test/urgent"):
        trigger(engine, address)
    sent = [send_unsent(engine, broker.send, limit=2) for _ in range(3)]
    assert sent == [3, 1, 0]
    assert [message.address for message in broker.sent[:3]] == [
        "test/burst", "test/burst", "test/urgent",
    ]  # fmt: skip


def test_a_burst_of_one_priority_is_sent_in_order(
    engine: Engine, add_job: AddJob, broker: Broker
) -> None:
    add_job(schedules=[], overlap="allow", priority=5)
    asked = [str(trigger(engine).run_id) for _ in range(5)]
    assert [send_unsent(engine, broker.send, limit=2) for _ in range(3)] == [2, 2, 1]
    assert [message.run_id for message in broker.sent] == asked


def test_a_trigger_rolls_back_with_its_caller(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job()
    with engine.connect() as connection:
        trigger_run(connection, "test/job", created_by="ada")
        connection.rollback()
    assert read_runs() == []


def test_an_unknown_address_is_named(engine: Engine) -> None:
    with pytest.raises(NotFound, match="test/nothing"):
        trigger(engine, "test/nothing")


def test_the_same_key_fifty_times_at_once_is_one_run(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job(overlap="allow")
    ids: list[uuid.UUID] = []
    callers = [
        threading.Thread(target=lambda: ids.append(trigger(engine, request_key="invoice-7").run_id))
        for _ in range(50)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=30)
    assert len(ids) == 50
    assert len(set(ids)) == len(read_runs()) == 1


def test_the_same_key_with_other_arguments_is_refused(engine: Engine, add_job: AddJob) -> None:
    add_job()
    trigger(engine, request_key="k", kwargs={"n": 1})
    with pytest.raises(Conflict, match="other arguments"):
        trigger(engine, request_key="k", kwargs={"n": 2})


def test_a_trigger_obeys_overlap_unless_forced(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job(overlap="skip")
    assert trigger(engine).start is Start.SEND
    assert trigger(engine).start is Start.SKIP
    assert trigger(engine, force=True).start is Start.SEND
    assert sorted(run.state for run in read_runs()) == ["queued", "queued", "skipped"]


def test_fault_46_large_arguments_are_refused(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job(schedules=[])
    with (
        pytest.raises(UsageError, match="are 65,548 bytes of JSON; 65,536 are the most"),
        transaction(engine) as connection,
    ):
        trigger_run(connection, "test/job", created_by="me", kwargs={"rows": "x" * 65_536})
    assert read_runs() == []


@pytest.mark.parametrize("value", [float("nan"), "a\x00b", {1}, "\ud800"])
def test_arguments_that_cannot_be_stored_are_refused_in_a_sentence(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns, value: object
) -> None:
    add_job(schedules=[])
    with pytest.raises(UsageError, match="cannot be stored"):
        trigger(engine, kwargs={"value": value})
    assert read_runs() == []
