"""How the parent gets its messages: from a broker that may be away, and one ahead while runs are short."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from celery.worker.consumer import Consumer as CeleryConsumer
from redis import Redis

from jobrunner.broker import put_back_first
from jobrunner.db.refused import KEPT_BYTES
from jobrunner.messages import problem_of, readable
from jobrunner.worker.here import here

LONGEST_BROKER_WAIT_SECONDS = 3

log = structlog.get_logger("jobrunner.worker")


class Consumer(CeleryConsumer):
    """Celery's own, which would wait two seconds longer after each failure, up to 30."""

    hand_out: Callable[[Any], None]
    """To a child that is free. Set for each connection."""
    hub: Any  # the stubs know neither
    qos: Any

    def ensure_connected(self, conn: Any) -> Any:
        """For as long as it takes: runs that wait are started seconds after the broker is back."""
        ensure = conn.ensure_connection
        conn.ensure_connection = lambda *args, callback: ensure(
            *args,
            interval_start=1,
            interval_step=1,
            interval_max=LONGEST_BROKER_WAIT_SECONDS,
            callback=partial(_still_waiting, callback),
        )
        return super().ensure_connected(conn)

    def connect(self) -> Any:
        """To a Redis that hands out only what kombu can read."""
        connection = super().connect()
        client = getattr(connection.default_channel, "client", None)
        if isinstance(client, Redis):
            client.set_response_callback("BRPOP", _readable_reply)
        return connection

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """What is not exactly ours never comes to where Celery would read it."""
        self.hand_out = super().create_task_handler(*args, **kwargs)
        here.lookahead.connect(self)
        return self._take

    def stop(self) -> None:
        """The event loop has ended."""
        here.lookahead.close()
        super().stop()

    @property
    def children(self) -> int:
        """How many runs can be in hand at once."""
        return int(self.pool.num_processes)

    def give_back(self, message: Any) -> None:
        """To the head of its queue."""
        try:
            put_back_first(message)
        except vars(self)["connection_errors"] as error:  # the stubs do not know it
            log.warning("message_not_given_back", error=str(error))

    def take_ahead(self, number: int) -> bool:
        """Only while Celery itself does not change the number, as it does after a lost connection."""
        if self.hub is None or self.qos is None or self.qos.value != self.children + 1 - number:
            return False
        (self.qos.increment_eventually if number else self.qos.decrement_eventually)()
        self.qos.update()  # at once: the loop may ask for a message before it does so
        return True

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        """On the thread of the event loop."""
        self.hub.call_later(seconds, call)

    def _take(self, message: Any) -> None:
        problem = problem_of(message.content_type, message.headers, message.body)
        if problem:
            self._refuse(message, problem)
        else:
            here.lookahead.take(message)

    def _refuse(self, message: Any, problem: str) -> None:
        log.warning("message_refused", problem=problem)
        if here.heartbeat is not None:
            here.heartbeat.refused(problem, f"{message.headers} {message.body!r:.{KEPT_BYTES}}")
        message.reject_log_error(log, vars(self)["connection_errors"])  # the stubs do not know it


def _readable_reply(reply: Sequence[bytes] | None) -> tuple[bytes, bytes] | None:
    return (reply[0], readable(reply[1])) if reply else None


def _still_waiting(callback: Callable[[], None]) -> None:
    """Each second of a wait for the broker, and as often as Celery asks whether it is to stop."""
    sign_of_the_loop()
    callback()


def sign_of_the_loop() -> None:
    """In the parent, on its event loop, or in what stands in for it."""
    if here.heartbeat is not None:
        here.heartbeat.turned()
