"""A queue that is worked off at once, by nobody in particular."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kombu import Connection, Consumer, Message, Queue
from sqlalchemy import Engine, text

from jobrunner.broker import make_app
from jobrunner.settings import Settings

_END_RUN = text(
    "UPDATE jobrunner.runs SET state = 'succeeded', finished_at = clock_timestamp()"
    " WHERE id = CAST(:id AS uuid) AND state = 'queued' AND NOT held"
)


@contextmanager
def open_drain(engine: Engine, broker_url: str, queue: str) -> Iterator[None]:
    """Each message of the queue is taken until the end of the block, and its run ends at once."""
    drain = _Drain(engine, broker_url, queue)
    try:
        yield
    finally:
        drain.stop()


class _Drain:
    """Takes each message and ends its run."""

    def __init__(self, engine: Engine, broker_url: str, queue: str) -> None:
        self._engine = engine
        self._app = make_app(Settings(broker_url=broker_url))
        self._queue = queue
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(10)

    def _work(self) -> None:
        connection: Connection
        with self._app.connection_for_read() as connection:
            queues = [Queue(self._queue, routing_key=self._queue)]
            with Consumer(connection.channel(), queues, on_message=self._take, no_ack=True):
                while not self._is_over.is_set():
                    try:
                        connection.drain_events(timeout=0.1)
                    except TimeoutError:
                        continue

    def _take(self, message: Message) -> None:
        with self._engine.begin() as connection:
            connection.execute(_END_RUN, {"id": message.headers["id"]})
