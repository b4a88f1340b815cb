"""A long queue is not a loss."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from jobrunner.broker import Sender, make_app
from jobrunner.recover import resend_lost_messages
from jobrunner.settings import Settings
from tests.project import Project
from tests.promises.long_queue import LongQueue
from tests.promises.message_log import open_message_log
from tests.waiting import wait_until

RUNS = 2_000


def test_runs_that_wait_in_the_broker_are_not_sent_again_for_waiting(
    project: Project, engine: Engine, broker_url: str
) -> None:
    beats = 2
    with open_message_log(broker_url) as log:
        queue = LongQueue(project, engine, log, runs=RUNS, beats=beats)
        before = log.looks
        # Five seconds of evidence make a loss: each beat looks once a second, and for longer than that.
        wait_until(lambda: log.looks >= before + 8 * beats, timeout_seconds=60)
    outcome = queue.outcome()
    assert (outcome.sent, outcome.sent_again) == (RUNS, 0)


def test_not_even_a_search_that_believes_at_once_finds_a_loss_in_a_long_queue(
    project: Project, engine: Engine, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.recover.MESSAGE_LOST_AFTER", timedelta(0))
    with open_message_log(broker_url) as log:
        LongQueue(project, engine, log, runs=RUNS, beats=1)
        project.stop_all()
        sender = Sender(make_app(Settings(broker_url=broker_url)))
        for _ in range(10):
            resend_lost_messages(engine, sender.waiting, {})
        sender.close()
    with engine.begin() as connection:
        unsent = connection.execute(
            text("SELECT count(*) FROM jobrunner.runs WHERE sent_at IS NULL")
        ).scalar_one()
    assert unsent == 0
