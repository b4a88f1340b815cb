"""Receivers on this machine, and a ledger."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.alerts.receivers import (
    MailServer,
    Receiver,
    open_mail_server,
    open_receiver,
    open_silent_receiver,
)
from tests.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with open_receiver() as opened:
        yield opened


@pytest.fixture
def silent_receiver() -> Iterator[Receiver]:
    with open_silent_receiver() as opened:
        yield opened


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with open_mail_server() as opened:
        yield opened
