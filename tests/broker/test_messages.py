"""Messages that are filled in are the ones that kombu itself would have sent."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import Celery
from kombu import Connection

from jobrunner.broker import Sender, make_app
from jobrunner.run import OutgoingRun
from jobrunner.settings import Settings

SENT_AT = datetime(2026, 11, 21, 12, 0, 0, 123_457, tzinfo=UTC)


@pytest.fixture
def app(broker_url: str) -> Celery:
    return make_app(Settings(broker_url=broker_url))


@pytest.fixture
def sender(app: Celery) -> Iterator[Sender]:
    made = Sender(app)
    yield made
    made.close()


def outgoing(**given: Any) -> OutgoingRun:
    fields = {
        "run_id": str(uuid4()),
        "attempt": 0,
        "address": "billing/charge-cards",
        "queue": "reports",
        "priority": 7,
        **given,
    }
    return OutgoingRun(**fields)


def waiting_in(app: Celery, key: str) -> list[Any]:
    """The messages of a list of the broker, the first sent first."""
    with Connection(app.conf.broker_url) as connection:
        channel: Any = connection.channel()
        return [json.loads(message) for message in reversed(channel.client.lrange(key, 0, -1))]


def sent_by_kombu(sender: Sender, runs: Sequence[OutgoingRun]) -> None:
    with sender._open_producer() as producer:
        sender._publish(producer, runs, SENT_AT)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"attempt": 3},
        {"run_id": str(UUID(int=0)), "address": 'spoilt "by" hand\\ 100% ü'},
    ],
)
def test_a_message_equals_kombus_own_field_by_field(
    app: Celery, sender: Sender, given: dict[str, Any]
) -> None:
    run = outgoing(**given)
    sender.send([run], SENT_AT)
    sent_by_kombu(sender, [run])
    ours, kombus = waiting_in(app, "reports\x06\x162")
    assert len(ours["properties"].pop("delivery_tag")) == len(
        kombus["properties"].pop("delivery_tag")
    )
    assert ours == kombus


def test_no_two_messages_have_the_same_delivery_tag(app: Celery, sender: Sender) -> None:
    run = outgoing()
    sender.send([run] * 1_200, SENT_AT)
    sender.send([run], SENT_AT)
    messages = waiting_in(app, "reports\x06\x162")
    assert len({message["properties"]["delivery_tag"] for message in messages}) == 1_201


def test_messages_come_in_order_whatever_their_kinds(app: Celery, sender: Sender) -> None:
    runs = [outgoing(attempt=n % 3) for n in range(1_100)]
    sender.send(runs, SENT_AT)
    ids = [message["headers"]["id"] for message in waiting_in(app, "reports\x06\x162")]
    assert ids == [run.run_id for run in runs]


def test_each_priority_has_a_list_of_its_own_and_none_is_the_lowest(
    app: Celery, sender: Sender
) -> None:
    sender.send([outgoing(priority=None), outgoing(priority=0), outgoing(priority=9)], SENT_AT)
    assert len(waiting_in(app, "reports\x06\x169")) == 2
    assert len(waiting_in(app, "reports")) == 1


def test_fault_21_a_prefix_of_all_keys_is_kept_to(app: Celery) -> None:
    app.conf.broker_transport_options = {
        **app.conf.broker_transport_options,
        "global_keyprefix": "ours:",
    }
    sender = Sender(app)
    sender.send([outgoing(priority=9)], SENT_AT)
    assert len(waiting_in(app, "ours:reports")) == 1
    assert sender.waiting("reports").depth == 1
    sender.close()


def test_the_time_of_the_oldest_message_is_exact(sender: Sender) -> None:
    sender.send([outgoing()], SENT_AT)
    sender.send([outgoing()], SENT_AT + timedelta(seconds=1))
    assert sender.waiting("reports").oldest_sent_at == {7: SENT_AT}
