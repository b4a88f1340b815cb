"""A broker that was emptied is known by its mark; nobody waits for the queue to stay empty."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kombu import Connection
from sqlalchemy import Engine

from jobrunner.broker import Sender, make_app
from jobrunner.dispatch import send_unsent
from jobrunner.recover import resend_after_a_loss_of_all
from jobrunner.settings import load_settings
from tests.ledger import Ledger
from tests.project import Project
from tests.servers import redis_client
from tests.waiting import wait_until


@pytest.fixture
def sender(broker_url: str) -> Iterator[Sender]:
    made = Sender(make_app(load_settings({"JOBRUNNER_BROKER_URL": broker_url}, Path("/"))))
    yield made
    made.close()


def empty(broker_url: str) -> None:
    with Connection(broker_url) as connection:
        redis_client(connection).flushdb()


def test_fault_14_what_an_emptied_broker_held_is_sent_again_at_once(
    engine: Engine, sender: Sender, broker_url: str
) -> None:
    ledger = Ledger(engine)
    run_id = ledger.add_run(ledger.add_job(), sent_at=None)
    assert sender.has_begun_anew()
    send_unsent(engine, sender.send)
    empty(broker_url)
    assert resend_after_a_loss_of_all(engine, sender.has_begun_anew) == 1
    assert ledger.run(run_id)["sent_at"] is None


def test_a_broker_that_has_kept_its_mark_is_sent_nothing_again(
    engine: Engine, sender: Sender
) -> None:
    ledger = Ledger(engine)
    run_id = ledger.add_run(ledger.add_job(), sent_at=datetime.now(UTC))
    assert sender.has_begun_anew()
    assert resend_after_a_loss_of_all(engine, sender.has_begun_anew) == 0
    assert ledger.run(run_id)["sent_at"] is not None


def test_of_several_beats_one_hears_that_the_broker_was_emptied(
    sender: Sender, broker_url: str
) -> None:
    other = Sender(make_app(load_settings({"JOBRUNNER_BROKER_URL": broker_url}, Path("/"))))
    assert [sender.has_begun_anew(), other.has_begun_anew(), sender.has_begun_anew()] == [
        True,
        False,
        False,
    ]
    other.close()


def test_fault_21_the_mark_keeps_to_the_prefix_of_all_keys(broker_url: str) -> None:
    app = make_app(load_settings({"JOBRUNNER_BROKER_URL": broker_url}, Path("/")))
    app.conf.broker_transport_options["global_keyprefix"] = "ours:"
    prefixed = Sender(app)
    assert prefixed.has_begun_anew()
    prefixed.close()
    with Connection(broker_url) as connection:
        assert redis_client(connection).keys() == [b"ours:jobrunner.mark"]


def test_fault_13_a_beat_sends_again_before_a_queue_could_be_suspected(
    project: Project, engine: Engine, sender: Sender, broker_url: str
) -> None:
    ledger = Ledger(engine)
    ledger.add_run(ledger.add_job(), sent_at=None)
    project.start("beat")
    wait_until(lambda: sender.waiting("default").depth == 1)
    empty(broker_url)
    wait_until(lambda: sender.waiting("default").depth == 1, timeout_seconds=4)
