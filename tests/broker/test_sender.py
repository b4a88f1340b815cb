"""A broker that does not answer is told of at once: a tick must not spend its time on it."""

from datetime import UTC, datetime
from typing import NoReturn

import pytest

from jobrunner.broker import Sender, make_app
from jobrunner.errors import BrokerUnavailable, UsageError
from jobrunner.settings import Settings

NOBODY = "redis://:secret@127.0.0.1:1/0"


def sleeps(_: float) -> NoReturn:
    pytest.fail("it slept, to try again by itself")


def test_fault_11_a_broker_that_is_away_is_asked_once_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kombu.utils.functional.sleep", sleeps)
    sender = Sender(make_app(Settings(broker_url=NOBODY)))
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1 does not answer.*refused\.$"):
        sender.send([], datetime.now(UTC))


@pytest.mark.parametrize(
    "url",
    [
        "nosql://:secret@host/0",
        "redis://:secret@host:port/0",
        "://:secret@host",
        "redis://:p@s/secret@host/0",
        "redis://host/secret",
        "amqp://ada:p@s/secret@host/vhost",
    ],
)
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="broker URL cannot be read") as refused:
        make_app(Settings(broker_url=url))
    assert "secret" not in refused.value.message + refused.value.hint
