"""A broker that forgets, that is full, that throws away, that does not answer."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from jobrunner.beat import Loop
from jobrunner.broker import Sender, make_app
from jobrunner.db.wakeups import Listener
from jobrunner.dispatch import dispatch_due, send_unsent
from jobrunner.embedded.servers import start_servers
from jobrunner.errors import BrokerUnavailable
from jobrunner.recover import Suspicion, resend_lost_messages
from jobrunner.settings import Settings
from tests.broker.private_valkey import configure, open_valkey
from tests.seeding import NOON, AddJob, ReadRuns
from tests.servers import open_folder

SINCE_LONG = {
    ("default", 0): Suspicion(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
}


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with open_valkey() as url:
        yield url


@pytest.fixture
def sender(valkey_url: str) -> Iterator[Sender]:
    made = Sender(make_app(Settings(broker_url=valkey_url)))
    yield made
    made.close()
    configure(valkey_url, maxmemory=0, maxmemory_policy="noeviction")


def test_fault_13_what_a_restart_has_emptied_is_sent_again(
    engine: Engine, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job()
    with open_folder() as folder:
        first = start_servers(folder, postgres=False, durable=False)
        sender = Sender(make_app(Settings(broker_url=first.broker_url)))
        dispatch_due(engine, sender.send, now=NOON)
        make_older(engine)
        first.stop()
        with pytest.raises(BrokerUnavailable):
            sender.waiting("default")
        sender.close()
        second = start_servers(folder, postgres=False, durable=False)
        sender = Sender(make_app(Settings(broker_url=second.broker_url)))
        assert sender.waiting("default").depth == 0
        resend_lost_messages(engine, sender.waiting, SINCE_LONG)
        assert send_unsent(engine, sender.send) == 1
        assert sender.waiting("default").depth == 1
        sender.close()
        second.stop()
    assert [(run.state, run.is_sent) for run in read_runs()] == [("queued", True)]


def make_older(engine: Engine) -> None:
    """Messages that went out a while ago."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.runs SET sent_at = sent_at - interval '10 s'"))


def test_fault_15_what_a_full_broker_refuses_waits_and_is_sent_when_there_is_room(
    engine: Engine, valkey_url: str, sender: Sender, add_job: AddJob, read_runs: ReadRuns
) -> None:
    add_job()
    configure(valkey_url, maxmemory=1)
    with pytest.raises(
        BrokerUnavailable, match="refuses messages: command not allowed when used memory"
    ):
        dispatch_due(engine, sender.send, now=NOON)
    assert [(run.state, run.is_sent) for run in read_runs()] == [("queued", False)]
    configure(valkey_url, maxmemory=0)
    rested = Sender(make_app(Settings(broker_url=valkey_url)))
    assert send_unsent(engine, rested.send) == 1
    assert [run.is_sent for run in read_runs()] == [True]
    rested.close()


def test_fault_16_a_broker_that_may_throw_messages_away_is_a_risk(
    valkey_url: str, sender: Sender
) -> None:
    assert sender.risk() == ""
    configure(valkey_url, maxmemory_policy="allkeys-lru")
    assert "throws messages away when its memory is full: allkeys-lru" in sender.risk()


def test_fault_16_a_beat_says_so_at_its_start(
    database_url: str,
    valkey_url: str,
    sender: Sender,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(valkey_url, maxmemory_policy="allkeys-lru")
    monkeypatch.setattr(Listener, "wait", lambda *_: False)
    loop = Loop(Settings(database_url=database_url, broker_url=valkey_url), sender)
    loop.run_once()
    assert "broker_loses_messages" in capsys.readouterr().out
    loop.close()


def test_fault_17_a_broker_that_takes_connections_and_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = make_app(Settings(broker_url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0"))
        assert app.conf.broker_transport_options["socket_timeout"] == 5
        app.conf.broker_transport_options["socket_timeout"] = 0.1
        sender = Sender(app)
        with pytest.raises(BrokerUnavailable, match="does not answer"):
            sender.send([], datetime.now(UTC))
