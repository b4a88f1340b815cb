"""The Celery app and the sending of runs. No sender imports worker code.

A message is a wake-up. Losing, repeating or forging one changes nothing that PostgreSQL does not
allow.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from socket import gethostname
from typing import Any
from urllib.parse import urlsplit

from amqp.exceptions import NotFound
from celery import Celery
from kombu import Connection, Producer
from kombu.exceptions import KombuError
from kombu.utils.json import dumps

from jobrunner.errors import BrokerUnavailable, UsageError, first_line
from jobrunner.messages import Envelopes, message_body, message_headers, sent_at_of
from jobrunner.run import OutgoingRun
from jobrunner.settings import Settings

PRIORITY_MAX = 9
_BATCH_MESSAGES = 500
_KEEPS_ALL = "noeviction"
_MARK = "jobrunner.mark"
REST_SECONDS = 1.0
"""After a failure the broker is left alone for so long: a tick must not spend its time on time-outs."""
_REDIS_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # A worker that stops waits for the answer to its last look for messages.
    "polling_interval": 0.3,
    # One list a priority: `priority` orders runs exactly, not in Celery's four coarse steps.
    "priority_steps": list(range(PRIORITY_MAX + 1)),
    # What a worker has in hand is not noted in Redis: a claim follows at once, and a message that dies
    # with its worker is found to be lost and sent again, instead of coming back after an hour.
    "ack_emulation": False,
}


def make_app(settings: Settings) -> Celery:
    """A Celery app for beat, worker or a sender: JSON only, acknowledged late, nothing prefetched.

    Nothing is connected yet. UsageError when the broker's URL is none.
    """
    _check_url(settings.broker_url)
    app = Celery("jobrunner", broker=settings.broker_url or None, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        timezone="UTC",
        enable_utc=True,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=2,
        # For ever: a worker that gave up after an hour without a broker would have to be started.
        broker_connection_max_retries=None,
        # RabbitMQ closes the channel of a worker whose run outlasts its `consumer_timeout`, 30 minutes:
        # to connect anew is all there is to do, and Celery would end the worker instead.
        broker_channel_error_retry=not _is_redis(settings.broker_url),
        broker_transport_options=dict(_REDIS_OPTIONS) if _is_redis(settings.broker_url) else {},
        task_queue_max_priority=None if _is_redis(settings.broker_url) else PRIORITY_MAX,
        task_default_queue="default",
        result_backend="jobrunner.results:RunResults",  # reads the runs; a worker writes nothing to it
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        task_send_sent_event=False,
        # Events for Flower cost the parent as much as the runs themselves: `-E` turns them on.
        worker_send_task_events=False,
        worker_prefetch_multiplier=1,
        worker_consumer="jobrunner.worker.consumer:Consumer",
        worker_pool="jobrunner.pool:Pool",
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        beat_scheduler="jobrunner",
        beat_max_loop_interval=1,
    )
    return app


class Sender:
    """Sends runs over one kept connection. Not for several threads; makes no connection until used."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection: Connection | None = None
        # The stubs of kombu know neither `Producer.batch` nor what a Redis channel has.
        self._producer: Any = None
        self._rests_until = 0.0
        self._declared: set[str] = set()
        self._origin = f"jobrunner@{gethostname()}"
        self._envelopes: Envelopes | None = None

    def send(self, runs: Sequence[OutgoingRun], sent_at: datetime) -> None:
        """Publish one message a run, in order. `sent_at` is what the database has as their time.

        Raises BrokerUnavailable; some of the messages may have been delivered then, which is
        harmless: a claim happens once.
        """
        with self._open_producer() as producer:
            if _is_redis(self._app.conf.broker_url):
                self._push(producer, runs, sent_at)
            else:
                self._publish(producer, runs, sent_at)

    def _push(self, producer: Any, runs: Sequence[OutgoingRun], sent_at: datetime) -> None:
        """Many messages by one LPUSH: kombu's own way, one by one, takes seven times as long."""
        channel = producer.channel
        envelopes = self._envelopes or Envelopes(partial(self._make_message, producer))
        lists: dict[tuple[str, int | None], list[bytes]] = {}
        for run, message in zip(runs, envelopes.fill(runs, sent_at), strict=True):
            lists.setdefault((run.queue, run.priority), []).append(message)
        with channel.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
            for (queue, priority), messages in lists.items():
                key = channel._q_for_pri(queue, self._broker_priority(priority))  # noqa: SLF001  the lists' names are the transport's own business
                for start in range(0, len(messages), _BATCH_MESSAGES):
                    pipe.lpush(key, *messages[start : start + _BATCH_MESSAGES])
            answers = pipe.execute(raise_on_error=False)
        for refusal in answers:
            if isinstance(refusal, Exception):  # the pipeline itself would quote all messages
                raise self._unavailable(f"refuses messages: {first_line(refusal)}")
        self._envelopes = envelopes

    def _make_message(self, producer: Any, run: OutgoingRun, sent_at: datetime) -> tuple[str, str]:
        """What `publish` would push, by the same steps of kombu."""
        options = self._options(run, sent_at)
        channel = producer.channel
        _, delivery_mode = producer._delivery_details(options["exchange"])  # noqa: SLF001  these are the steps
        message = channel.prepare_message(
            message_body(run.run_id),
            options["priority"],
            options["content_type"],
            options["content_encoding"],
            options["headers"],
            {
                "correlation_id": options["correlation_id"],
                "reply_to": options["reply_to"],
                "delivery_mode": delivery_mode,
            },
        )
        channel._inplace_augment_message(message, options["exchange"], options["routing_key"])  # noqa: SLF001  the same
        return dumps(message), message["properties"]["delivery_tag"]

    def _publish(self, producer: Any, runs: Sequence[OutgoingRun], sent_at: datetime) -> None:
        with producer.batch(max_size=_BATCH_MESSAGES):
            for run in runs:
                producer.publish(
                    message_body(run.run_id),
                    declare=self._queue_to_declare(run.queue),
                    **self._options(run, sent_at),
                )

    def _options(self, run: OutgoingRun, sent_at: datetime) -> dict[str, Any]:
        return {
            "exchange": "",
            "routing_key": run.queue,
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "priority": self._broker_priority(run.priority),
            "headers": message_headers(run, origin=self._origin, sent_at=sent_at),
            "correlation_id": run.run_id,
            "reply_to": "",
        }

    def waiting(self, queue: str) -> "Waiting":
        """What the broker holds for a queue. Raises BrokerUnavailable."""
        with self._open_producer() as producer:
            if not _is_redis(self._app.conf.broker_url):
                return Waiting(depth=_count_waiting(producer, queue), oldest_sent_at={})
            channel = producer.channel
            steps = list(channel.priority_steps)
            with channel.client.pipeline(transaction=False) as pipe:
                for step in steps:
                    key = channel._q_for_pri(queue, step)  # noqa: SLF001  the lists' names are the transport's own business
                    pipe.llen(key)
                    pipe.lindex(key, -1)
                answers = pipe.execute()
        oldest = {
            PRIORITY_MAX - step: sent_at_of(message)
            for step, message in zip(steps, answers[1::2], strict=True)
        }
        return Waiting(
            depth=sum(answers[::2]),
            oldest_sent_at={
                priority: sent for priority, sent in oldest.items() if sent is not None
            },
        )

    def has_begun_anew(self) -> bool:
        """Whether the broker was emptied, or came back empty, since anybody asked before.

        It carries a mark; who finds it missing puts it back, and is the only one to hear True.
        Redis only: others keep their queues. Raises BrokerUnavailable.
        """
        with self._open_producer() as producer:
            if not _is_redis(self._app.conf.broker_url):
                return False
            client = producer.channel.client
            # A set, whose commands keep to Celery's prefix of all keys. It is looked at first: a
            # broker whose memory is full refuses every write.
            return not client.smembers(_MARK) and client.sadd(_MARK, 1) == 1

    def risk(self) -> str:
        """Why the broker may throw messages away; '' when it does not. Raises BrokerUnavailable."""
        with self._open_producer() as producer:
            if not _is_redis(self._app.conf.broker_url):
                return ""
            policy = producer.channel.client.info("memory").get("maxmemory_policy", _KEEPS_ALL)
        if policy == _KEEPS_ALL:
            return ""
        host = _host(self._app.conf.broker_url)
        return f"The broker at {host} throws messages away when its memory is full: {policy}."

    def close(self) -> None:
        """Drop the connection; the next use makes a new one."""
        connection, self._connection, self._producer = self._connection, None, None
        self._declared.clear()
        self._envelopes = None
        if connection is not None:
            connection.release()

    @contextmanager
    def _open_producer(self) -> Iterator[Any]:
        if time.monotonic() < self._rests_until:
            raise self._unavailable("does not answer: it failed a moment ago")
        if self._connection is None:
            self._connection = self._app.connection_for_write()
        errors: tuple[type[BaseException], ...] = (
            KombuError,
            OSError,
            *self._connection.connection_errors,
            *self._connection.channel_errors,
        )
        try:
            if self._producer is None:
                # Left to itself, kombu sleeps two seconds after a failure and then tries again.
                self._connection.ensure_connection(max_retries=0)
                self._producer = Producer(self._connection.channel(), auto_declare=False)
            yield self._producer
        except errors as error:
            self.close()
            self._rests_until = time.monotonic() + REST_SECONDS
            raise self._unavailable(f"does not answer: {first_line(error)}") from error

    def _unavailable(self, what: str) -> BrokerUnavailable:
        return BrokerUnavailable(
            f"The broker at {_host(self._app.conf.broker_url)} {what.rstrip('.')}.",
            hint="Runs wait in the database and are sent when it is back.",
        )

    def _queue_to_declare(self, queue: str) -> list[Any]:
        # On Redis a queue is a list and needs no declaration; on AMQP a message to a queue that
        # nobody has declared yet would vanish.
        if queue in self._declared or _is_redis(self._app.conf.broker_url):
            return []
        self._declared.add(queue)
        return [self._app.amqp.queues[queue]]

    def _broker_priority(self, priority: int | None) -> int:
        """Ours is 0 lowest to 9 highest, and none is lowest, as in AMQP. Redis counts the other way."""
        ours = priority or 0
        return PRIORITY_MAX - ours if _is_redis(self._app.conf.broker_url) else ours


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue as the broker has it.

    A priority that is not in `oldest_sent_at` has no message, or the broker cannot tell (AMQP).
    """

    depth: int
    oldest_sent_at: Mapping[int, datetime]


def _count_waiting(producer: Any, queue: str) -> int:
    # On a channel of its own: AMQP closes the one on which somebody asks for a queue that was not
    # declared yet. Nothing waits in that.
    channel = producer.channel.connection.channel()
    try:
        return int(channel.queue_declare(queue=queue, passive=True).message_count)
    except NotFound:
        return 0
    finally:
        channel.close()


def put_back_first(message: Any) -> None:
    """A message that nobody has looked at, to the head of its queue.

    kombu would put it behind all others on Redis, since there are no acknowledgements to undo; AMQP
    keeps its place. Raises what the broker raises; the message is lost then, as it is with a worker.
    """
    channel = message.channel
    # Only the channels of Redis have it. It is the one way to the key of a queue and a priority.
    restore = getattr(channel, "_do_restore_message", None)
    if restore is None:
        message.requeue()
        return
    sent = message.delivery_info
    with channel.conn_or_acquire() as client:
        restore(message.serializable(), sent["exchange"], sent["routing_key"], client)
    message.ack()


def _check_url(url: str) -> None:
    if not url:
        return  # not every process needs a broker; what does says so itself
    try:
        Connection(url).get_transport_cls()
        _check_place(url)
    except (KeyError, ValueError, ImportError):
        # The text itself is not quoted: it may hold a password.
        raise UsageError(
            "The broker URL cannot be read.",
            hint="Write it as redis://:password@host:6379/0, or amqp://user:password@host/vhost; "
            "special characters of a password are percent-encoded.",
        ) from None


def _check_place(url: str) -> None:
    """Raises ValueError where a password with an `@` or a `/` of its own is read as host or path."""
    parts = urlsplit(url)
    if "+socket" in parts.scheme or ";" in url:
        return  # a file's path, or several addresses
    if "@" in parts.path or "@" in (parts.hostname or ""):
        raise ValueError
    if parts.scheme.startswith(("redis", "valkey")):
        int(parts.path.strip("/") or 0)  # the number of a database


def broker_risk(app: Celery) -> str:
    """`Sender.risk` of a broker that answers now; raises BrokerUnavailable otherwise."""
    sender = Sender(app)
    try:
        return sender.risk()
    finally:
        sender.close()


def _is_redis(url: str | None) -> bool:
    return (url or "").startswith(("redis", "sentinel", "valkey"))


def _host(url: str | None) -> str:
    parts = urlsplit(url or "")
    if not parts.scheme:
        return "JOBRUNNER_BROKER_URL, which is no address,"  # and may hold a password
    return (
        parts.hostname + (f":{parts.port}" if parts.port else "") if parts.hostname else parts.path
    )
