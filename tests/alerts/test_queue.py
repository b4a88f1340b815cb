"""Messages that are owed: each receiver's come one after the other, and wait for no other receiver."""

import os
import signal
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from jobrunner.db import notifications
from jobrunner.db.engine import transaction
from jobrunner.db.notifications import Notification, UnsentMessage
from jobrunner.notify.alerter import Alerter
from jobrunner.notify.look import look
from jobrunner.settings import Settings
from tests.alerts.reading import set_notifiers
from tests.alerts.receivers import Receiver
from tests.ledger import Ledger
from tests.waiting import wait_until


def fail(ledger: Ledger, *to: str, name: str = "job") -> uuid.UUID:
    """A job of that name that tells these, and a run of it that failed."""
    alerts = [{"when": ["failure", "recovered"], "to": list(to)}]
    job_id = ledger.add_job(name=name, alerts=alerts)
    end(ledger, job_id, "failed")
    return job_id


def end(ledger: Ledger, job_id: uuid.UUID, state: str) -> None:
    now = datetime.now(UTC)
    ledger.add_run(job_id, state=state, scheduled_for=now, finished_at=now)


def take(engine: Engine, *, limit: int = 10) -> list[Notification]:
    with transaction(engine) as connection:
        return list(notifications.take_due(connection, busy=(), limit=limit, lease_seconds=30))


def told(taken: list[Notification]) -> list[str]:
    return sorted(
        f"{one.notifier} {one.message['event']} {one.message['about']['job']}" for one in taken
    )


def give_back(engine: Engine, one: Notification, retry_in: timedelta | None) -> None:
    with transaction(engine) as connection:
        notifications.note_failed(connection, one, "out of reach", retry_in)


def test_each_receiver_gets_one_message_at_a_time(ledger: Ledger, engine: Engine) -> None:
    fail(ledger, "oncall", "boss", name="first")
    look(engine)
    fail(ledger, "oncall", name="second")
    look(engine)
    assert told(take(engine)) == ["boss opened test/first", "oncall opened test/first"]


def test_what_one_beat_has_taken_no_other_takes(ledger: Ledger, engine: Engine) -> None:
    fail(ledger, "oncall")
    look(engine)
    assert len(take(engine)) == 1
    assert take(engine) == []


def test_a_busy_receiver_is_left_alone(ledger: Ledger, engine: Engine) -> None:
    fail(ledger, "oncall", name="first")
    look(engine)
    (first,) = take(engine)
    fail(ledger, "oncall", name="second")
    look(engine)
    with transaction(engine) as connection:
        taken = notifications.take_due(
            connection, busy=[first.receiver], limit=10, lease_seconds=30
        )
    assert list(taken) == []


def test_nobody_hears_that_it_is_over_before_he_has_heard_of_it(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = fail(ledger, "oncall")
    look(engine)
    (opened,) = take(engine)
    end(ledger, job_id, "succeeded")
    look(engine)
    assert take(engine) == []
    with transaction(engine) as connection:
        notifications.note_sent(connection, opened)
    assert told(take(engine)) == ["oncall recovered test/job"]


def test_with_a_message_that_is_given_up_goes_what_would_follow_it(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = fail(ledger, "oncall")
    look(engine)
    (opened,) = take(engine)
    end(ledger, job_id, "succeeded")
    look(engine)
    give_back(engine, opened, None)
    assert take(engine) == []
    assert [(one.event, one.next_try_at, one.error) for one in unsent(engine)] == [
        ("recovered", None, "given up: the message before it was"),
        ("opened", None, "out of reach"),
    ]


def test_a_message_that_failed_is_due_again_after_its_delay(ledger: Ledger, engine: Engine) -> None:
    fail(ledger, "oncall")
    look(engine)
    (opened,) = take(engine)
    give_back(engine, opened, timedelta(hours=1))
    assert take(engine) == []
    give_back(engine, opened, timedelta())
    assert [one.tries for one in take(engine)] == [2]


@pytest.fixture
def alerter(database_url: str) -> Iterator[Alerter]:
    made = Alerter(Settings(database_url=database_url, alerts_allow_private=True))
    made.start()
    yield made
    made.close()


@pytest.mark.usefixtures("alerter")
def test_a_receiver_that_hangs_delays_no_other(
    ledger: Ledger, engine: Engine, receiver: Receiver, silent_receiver: Receiver
) -> None:
    ledger.add_job(name="first")  # so that there is a project
    set_notifiers(engine, dead=silent_receiver.url, oncall=receiver.url)
    fail(ledger, "dead", "oncall")
    wait_until(lambda: silent_receiver.connections)
    wait_until(lambda: receiver.requests)
    fail(ledger, "dead", "oncall", name="second")
    wait_until(lambda: len(receiver.requests) > 1, timeout_seconds=9)
    assert silent_receiver.connections == 1
    assert [request.json["about"]["job"] for request in receiver.requests] == [
        "test/job", "test/second",
    ]  # fmt: skip


@pytest.fixture
def by_hand(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alerter]:
    """One that looks at what went wrong once, and is told each time to go on."""
    monkeypatch.setattr("jobrunner.notify.alerter.LOOK_SECONDS", 3600)
    made = Alerter(Settings(database_url=database_url, alerts_allow_private=True))
    yield made
    made.close()


def test_the_next_message_of_a_receiver_waits_for_no_look_and_for_no_new_process(
    ledger: Ledger, engine: Engine, receiver: Receiver, by_hand: Alerter
) -> None:
    ledger.add_job(name="first")
    set_notifiers(engine, oncall=receiver.url)
    fail(ledger, "oncall")
    fail(ledger, "oncall", name="second")
    by_hand.run_once()
    (first,) = by_hand._under_way._sending

    def are_both_sent() -> bool:
        by_hand.run_once()
        return unsent(engine) == []

    wait_until(are_both_sent)
    assert [one.sender for one in by_hand._under_way._idle] == [first.sender]


def test_a_receiver_that_refuses_a_message_is_left_alone_for_a_while(
    ledger: Ledger,
    engine: Engine,
    receiver: Receiver,
    by_hand: Alerter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobrunner.alerts.tries.FIRST_REST", timedelta(minutes=1))
    ledger.add_job(name="first")
    receiver.answer_with("500 Oops")
    set_notifiers(engine, oncall=receiver.url)
    fail(ledger, "oncall")
    fail(ledger, "oncall", name="second")

    def is_refused() -> bool:
        by_hand.run_once()
        return errors(engine) == ["it answered 500 Oops"]

    wait_until(is_refused)
    assert by_hand._under_way.receivers() == []
    assert len(receiver.requests) == 1


def test_a_process_without_anything_to_do_is_ended_after_a_moment(
    ledger: Ledger,
    engine: Engine,
    receiver: Receiver,
    by_hand: Alerter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobrunner.notify.under_way._KEPT_SECONDS", 0)
    ledger.add_job(name="first")
    set_notifiers(engine, oncall=receiver.url)
    fail(ledger, "oncall")
    by_hand.run_once()
    (first,) = by_hand._under_way._sending

    def is_ended() -> bool:
        by_hand.run_once()
        return first.sender.process.returncode is not None

    wait_until(is_ended)
    assert unsent(engine) == []


@pytest.mark.usefixtures("alerter")
def test_a_notifier_that_is_gone_is_told_of(ledger: Ledger, engine: Engine) -> None:
    fail(ledger, "nobody")
    wait_until(lambda: errors(engine) == ["the project has no such notifier any more"])


@pytest.mark.usefixtures("alerter")
def test_a_refusal_is_kept_with_the_message_and_tried_again(
    ledger: Ledger, engine: Engine, receiver: Receiver
) -> None:
    ledger.add_job(name="first")
    receiver.answer_with("500 Oops")
    set_notifiers(engine, oncall=receiver.url)
    fail(ledger, "oncall")
    wait_until(lambda: errors(engine) == ["it answered 500 Oops"])
    receiver.answer_with("200 OK")
    wait_until(lambda: len(receiver.requests) > 1)
    wait_until(lambda: errors(engine) == [])
    first, second = (request.headers["idempotency-key"] for request in receiver.requests)
    assert first == second


def unsent(engine: Engine) -> list[UnsentMessage]:
    with transaction(engine) as connection:
        return list(notifications.unsent_messages(connection, limit=10))


def errors(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        found = text("SELECT error FROM jobrunner.notifications WHERE error IS NOT NULL")
        return list(connection.execute(found).scalars())


def test_a_stop_leaves_no_process_behind_and_the_message_is_owed(
    ledger: Ledger, engine: Engine, silent_receiver: Receiver, database_url: str
) -> None:
    ledger.add_job(name="first")
    set_notifiers(engine, dead=silent_receiver.url)
    alerter = Alerter(Settings(database_url=database_url, alerts_allow_private=True))
    alerter.start()
    fail(ledger, "dead")
    wait_until(lambda: silent_receiver.connections)
    (pid,) = (one.sender.process.pid for one in alerter._under_way._sending)
    alerter.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    assert len(unsent(engine)) == 1
