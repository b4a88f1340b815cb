"""A message is lost by evidence in the broker, never by age."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Connection
from sqlalchemy import Engine, text

from jobrunner.broker import Sender, make_app
from jobrunner.dispatch import dispatch_due, send_unsent
from jobrunner.recover import QueueKey, Suspicion, resend_lost_messages
from jobrunner.settings import load_settings
from tests.seeding import NOON, AddJob, ReadRuns

LONG_AGO: Suspicion = Suspicion(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def app(broker_url: str) -> Celery:
    return make_app(load_settings({"JOBRUNNER_BROKER_URL": broker_url}, Path("/")))


@pytest.fixture
def sender(app: Celery) -> Iterator[Sender]:
    made = Sender(app)
    yield made
    made.close()


def send_a_run(engine: Engine, sender: Sender, add_job: AddJob, name: str = "job") -> None:
    add_job(name)
    dispatch_due(engine, sender.send, now=NOON)
    with engine.begin() as connection:  # a while ago
        connection.execute(text("UPDATE jobrunner.runs SET sent_at = sent_at - interval '10 s'"))


def look_again(
    engine: Engine, sender: Sender, before: dict[QueueKey, Suspicion]
) -> dict[QueueKey, Suspicion]:
    return dict(resend_lost_messages(engine, sender.waiting, before))


def empty_the_broker(app: Celery) -> None:
    with Connection(app.conf.broker_url) as connection:
        channel: Any = connection.channel()
        channel.client.flushdb()


def test_a_message_that_waits_in_its_queue_is_not_lost(
    engine: Engine, sender: Sender, add_job: AddJob
) -> None:
    send_a_run(engine, sender, add_job)
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.runs SET sent_at = now() - interval '1 s'"))
    assert look_again(engine, sender, {}) == {}


def test_fault_14_an_emptied_queue_is_evidence_that_has_to_last(
    engine: Engine, app: Celery, sender: Sender, add_job: AddJob, read_runs: ReadRuns
) -> None:
    send_a_run(engine, sender, add_job)
    empty_the_broker(app)
    suspicions = look_again(engine, sender, {})
    assert list(suspicions) == [("default", 0)]
    assert [run.is_sent for run in read_runs()] == [True]
    look_again(engine, sender, {("default", 0): LONG_AGO})
    assert [run.is_sent for run in read_runs()] == [False]
    assert send_unsent(engine, sender.send) == 1


def test_an_oldest_message_that_is_newer_than_a_run_is_evidence(
    engine: Engine, app: Celery, sender: Sender, add_job: AddJob
) -> None:
    send_a_run(engine, sender, add_job, "lost")
    empty_the_broker(app)
    add_job("newer")
    dispatch_due(engine, sender.send, now=NOON)
    assert list(look_again(engine, sender, {})) == [("default", 0)]


def test_fault_34_a_message_that_died_with_its_worker_is_lost_like_any_other(
    engine: Engine, app: Celery, sender: Sender, add_job: AddJob, read_runs: ReadRuns
) -> None:
    send_a_run(engine, sender, add_job)
    with Connection(
        app.conf.broker_url, transport_options=app.conf.broker_transport_options
    ) as worker:
        channel: Any = worker.default_channel
        assert channel.basic_get("default") is not None
        look_again(engine, sender, {("default", 0): LONG_AGO})
        assert [run.is_sent for run in read_runs()] == [False]


def test_fault_21_somebody_elses_message_in_the_same_broker_disturbs_nothing(
    engine: Engine, app: Celery, sender: Sender, add_job: AddJob, read_runs: ReadRuns
) -> None:
    send_a_run(engine, sender, add_job)
    empty_the_broker(app)
    app.send_task("acme.task", task_id="no uuid at all", queue="theirs")
    with Connection(
        app.conf.broker_url, transport_options=app.conf.broker_transport_options
    ) as worker:
        channel: Any = worker.default_channel
        assert channel.basic_get("theirs") is not None
        look_again(engine, sender, {("default", 0): LONG_AGO})
    assert [run.is_sent for run in read_runs()] == [False]
