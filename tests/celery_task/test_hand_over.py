"""Messages to another app: where they go, that they go once, and what happens when they cannot."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection
from sqlalchemy import insert, select, update

from jobrunner.beat import Loop
from jobrunner.broker import Sender, make_app
from jobrunner.db import outbox, tables, tracked
from jobrunner.db.attempts import Claim
from jobrunner.db.engine import transaction
from jobrunner.db.processes import not_sent_to, read_processes
from jobrunner.fsck import check_ledger
from jobrunner.hand_over import HandOver
from jobrunner.recover import give_back_abandoned, resend_lost_messages
from jobrunner.settings import Settings
from tests.celery_task.conftest import AddRun
from tests.ledger import NOON, Ledger
from tests.project import StartedProcess
from tests.servers import redis_client
from tests.waiting import wait_until
from tests.worker.conftest import has_line

STRICT_APP = """
import os

from celery import Celery

app = Celery("acme", broker=os.environ["JOBRUNNER_BROKER_URL"])
app.conf.update(task_create_missing_queues=False, task_queues={"acme": {}})
"""
AWAY_APP = """
from celery import Celery

app = Celery("acme", broker="redis://127.0.0.1:1/0")
"""
SLOW_APP = """
import os
import time

from celery import Celery

app = Celery("acme", broker=os.environ["JOBRUNNER_BROKER_URL"])


def route(*_, **__):
    time.sleep(2.6)
    return {"queue": "acme"}


app.conf.task_routes = (route,)
"""


def messages(broker_url: str, queue: str) -> list[Any]:
    """What waits in a queue of the broker."""
    with Connection(broker_url) as connection:
        return [json.loads(one) for one in redis_client(connection).lrange(queue, 0, -1)]


@pytest.fixture
def hand_over(ledger: Ledger, broker_url: str) -> HandOver:
    """A beat's, called by hand."""
    return HandOver(ledger.engine, Settings(broker_url=broker_url))


def test_without_an_app_a_run_goes_to_the_queue_celery_of_our_own_broker(
    hand_over: HandOver, add_run: AddRun, ledger: Ledger, broker_url: str
) -> None:
    run_id = add_run("acme.add", tracked=False, app=None, args=[1], kwargs={"b": 2}, expires="1h")
    while hand_over.run_once():
        pass
    [message] = messages(broker_url, "celery")
    headers = message["headers"]
    assert (headers["task"], headers["id"], headers["jobrunner_run"]) == (
        "acme.add", str(run_id), str(run_id),
    )  # fmt: skip
    assert ledger.state(run_id) == "handed_over"
    assert ledger.run(run_id)["finished_at"] is not None
    assert check_ledger(ledger.engine).findings == ()


def test_a_queue_of_the_job_and_its_priority_go_along(
    hand_over: HandOver, add_run: AddRun, broker_url: str
) -> None:
    add_run("acme.add", tracked=False, app=None, queue="reports", priority=9)
    hand_over.run_once()
    [message] = messages(broker_url, "reports")  # Redis: 0 is first
    assert message["properties"]["priority"] == 0


def test_a_message_continues_the_trace_of_the_request_or_begins_that_of_its_run(
    hand_over: HandOver, add_run: AddRun, ledger: Ledger, broker_url: str
) -> None:
    asked_for, of_schedule = (add_run("acme.add", tracked=False, app=None) for _ in range(2))
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    ledger.change_run(asked_for, traceparent=given)
    while hand_over.run_once():
        pass
    sent = {one["headers"]["id"]: one["headers"] for one in messages(broker_url, "celery")}
    assert sent[str(asked_for)]["traceparent"] == given
    own = f"00-{of_schedule.hex}-{of_schedule.hex[16:]}-01"
    assert sent[str(of_schedule)]["traceparent"] == own


@pytest.mark.usefixtures("foreign_worker")
def test_the_routes_of_the_app_decide_where_no_queue_is_given(
    beat: StartedProcess, add_run: AddRun, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "called"
    run_id = add_run("acme.routed", tracked=False, args=[str(file)])
    wait_until(lambda: has_line(file))
    wait_until(lambda: ledger.state(run_id) == "handed_over")
    assert beat.exit_code is None


def test_what_was_sent_is_never_sent_again(
    hand_over: HandOver, add_run: AddRun, ledger: Ledger, broker_url: str
) -> None:
    run_id = add_run("acme.add", app=None)
    hand_over.run_once()
    assert len(messages(broker_url, "celery")) == 1
    ledger.change_run(run_id, sent_at=NOON)
    give_back_abandoned(ledger.engine)
    with transaction(ledger.engine) as connection:
        assert outbox.take_unsent(connection, limit=10) is None
    assert resend_lost_messages(ledger.engine, pytest.fail, {}) == {}
    hand_over.run_once()
    assert len(messages(broker_url, "celery")) == 1
    assert ledger.run(run_id)["sent_at"] == NOON


def test_what_a_beat_was_sending_that_died_is_sent_again_with_the_same_id(
    hand_over: HandOver, add_run: AddRun, ledger: Ledger, broker_url: str
) -> None:
    run_id = add_run("acme.add", app=None)
    ledger.change_run(run_id, sent_at=NOON)
    with transaction(ledger.engine) as connection:
        connection.execute(insert(tables.outbox).values(sent_at=NOON, run_ids=[run_id]))
    assert give_back_abandoned(ledger.engine) == 1
    hand_over.run_once()
    [message] = messages(broker_url, "celery")
    assert message["headers"]["id"] == str(run_id)


@pytest.mark.parametrize(
    ("app", "told"),
    [
        ("nowhere.app", "no module"),
        ("json.loads", "may not be loaded"),
        ("acme.add", "no Celery app"),
    ],
)
def test_an_app_that_cannot_be_used_keeps_its_own_runs_waiting_and_nobody_elses(
    beat: StartedProcess, add_run: AddRun, ledger: Ledger, app: str, told: str
) -> None:
    bad = add_run("acme.add", app=app)
    good = add_run("acme.add", tracked=False, app=None)
    wait_until(lambda: ledger.state(good) == "handed_over")
    beat.wait_for_line("hand_over_failed")
    assert told in beat.wait_for_line(app)
    assert (ledger.state(bad), ledger.run(bad)["sent_at"]) == ("queued", None)


def test_a_beat_tells_everybody_why_an_app_cannot_be_sent_to(
    add_run: AddRun, ledger: Ledger, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.beat.SIGN_OF_LIFE_SECONDS", 0.0)
    add_run("acme.add", app="nowhere.app")
    settings = Settings(database_url=database_url, broker_url="redis://127.0.0.1:1/0")
    loop = Loop(settings, Sender(make_app(settings)))
    wait_until(lambda: has_told(loop, ledger, "The Celery app nowhere.app"))
    loop.close()


def has_told(loop: Loop, ledger: Ledger, start: str) -> bool:
    """Whether a beat has signed in with a reason that starts so, after one more pass."""
    loop.run_once()
    with transaction(ledger.engine) as connection:
        return any(why.startswith(start) for why in not_sent_to(read_processes(connection)))


def test_a_broker_that_is_away_leaves_a_run_unsent(ledger: Ledger, add_run: AddRun) -> None:
    hand_over = HandOver(ledger.engine, Settings(broker_url="redis://127.0.0.1:1/0"))
    run_id = add_run("acme.add", app=None)
    assert hand_over.run_once()
    assert ledger.run(run_id)["sent_at"] is None
    assert not hand_over.run_once()  # it is left alone for a while


@pytest.fixture
def hand_over_to(
    ledger: Ledger, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], HandOver]:
    """`hand_over_to(APP)` → a beat's, which may load the app of that module `other_acme`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "other_acme", raising=False)
    monkeypatch.setenv("JOBRUNNER_BROKER_URL", broker_url)
    settings = Settings(broker_url=broker_url, allow_tasks=("other_acme.*",))

    def make(module: str) -> HandOver:
        (tmp_path / "other_acme.py").write_text(module, encoding="utf-8")
        return HandOver(ledger.engine, settings)

    return make


def test_why_an_app_cannot_be_sent_to_is_known_until_it_can(
    hand_over_to: Callable[[str], HandOver],
    ledger: Ledger,
    add_run: AddRun,
    broker_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobrunner.hand_over.REST_SECONDS", 0.0)
    run_id = add_run("acme.add", app="other_acme.app")
    hand_over = hand_over_to(AWAY_APP)
    hand_over.run_once()
    (why,) = hand_over.failures
    assert why.startswith("The Celery app other_acme.app cannot be sent to: ")
    sys.modules["other_acme"].app.conf.broker_url = broker_url
    hand_over.run_once()
    assert (ledger.run(run_id)["sent_at"] is None, hand_over.failures) == (False, [])


def test_a_run_that_its_app_refuses_doubles_no_other_and_keeps_none_waiting(
    hand_over_to: Callable[[str], HandOver], ledger: Ledger, add_run: AddRun, broker_url: str
) -> None:
    first = add_run("acme.add", app="other_acme.app", queue="acme")
    refused = add_run("acme.add", app="other_acme.app", queue="unknown")
    last = add_run("acme.add", app="other_acme.app", queue="acme")
    hand_over_to(STRICT_APP).run_once()
    sent = {one["headers"]["id"] for one in messages(broker_url, "acme")}
    assert sent == {str(first), str(last)}
    assert ledger.run(refused)["sent_at"] is None
    assert None not in {ledger.run(first)["sent_at"], ledger.run(last)["sent_at"]}


def test_runs_that_their_app_refuses_keep_none_behind_their_batch_waiting(
    hand_over_to: Callable[[str], HandOver],
    ledger: Ledger,
    add_run: AddRun,
    broker_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobrunner.hand_over.BATCH_MESSAGES", 1)
    refused = add_run("acme.add", app="other_acme.app", queue="unknown")
    behind = add_run("acme.add", app="other_acme.app", queue="acme")
    handing_over = hand_over_to(STRICT_APP)
    assert [handing_over.run_once() for _ in range(3)] == [True, True, False]
    [sent] = messages(broker_url, "acme")
    assert sent["headers"]["id"] == str(behind)
    assert ledger.run(refused)["sent_at"] is None


def test_a_batch_that_takes_long_is_sent_in_parts_and_nothing_of_it_twice(
    hand_over_to: Callable[[str], HandOver], add_run: AddRun, broker_url: str
) -> None:
    run_ids = {str(add_run("acme.add", app="other_acme.app")) for _ in range(3)}
    hand_over = hand_over_to(SLOW_APP)
    for _ in run_ids:
        assert hand_over.run_once()
    sent = [one["headers"]["id"] for one in messages(broker_url, "acme")]
    assert sorted(sent) == sorted(run_ids)


def test_a_run_of_a_deleted_job_is_not_sent(
    hand_over: HandOver, add_run: AddRun, ledger: Ledger, broker_url: str
) -> None:
    run_id = add_run("acme.add", app=None)
    with ledger.engine.begin() as connection:
        connection.execute(update(tables.jobs).values(deleted_at=NOON))
    hand_over.run_once()
    assert (ledger.state(run_id), messages(broker_url, "celery")) == ("cancelled", [])


def test_a_start_is_refused_for_a_run_that_is_none_of_those(
    ledger: Ledger, add_run: AddRun
) -> None:
    ours = ledger.add_run(ledger.add_job("acme.add"))
    over = add_run("acme.add")
    ledger.change_run(over, state="cancelled", finished_at=NOON)
    for run_id in (ours, over):
        with transaction(ledger.engine) as connection:
            claim = Claim(run_id, run_id)
            assert not tracked.start(connection, claim, worker="acme@test", pid=1)
    with ledger.engine.begin() as connection:
        assert connection.execute(select(tables.attempts)).all() == []
