"""Every message that reaches the broker, and when, as the broker itself tells it; none is taken out."""

import re
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from kombu import Connection

from tests.servers import redis_client

_CORRELATION_ID = re.compile(r"correlation_id\W+([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_STOP_SECONDS = 20.0


class MessageLog:
    """The broker's own log of commands, read from the moment it was made until `stop`."""

    def __init__(self, broker_url: str) -> None:
        self.arrivals: dict[uuid.UUID, list[datetime]] = defaultdict(list)
        """By run: when a message for it was put into a queue."""
        self._looks: Counter[str] = Counter()
        self._connection = Connection(broker_url)
        self._client = redis_client(self._connection)
        self._virtual_host = self._client.connection_pool.connection_kwargs["db"]
        self._end = f"the log ends {uuid.uuid4()}"
        self._monitor: Any = self._client.monitor()
        self._monitor.__enter__()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def looks(self) -> int:
        """How often somebody has looked at the oldest message of a list, of each or of one."""
        return max(self._looks.values(), default=0)

    def stop(self) -> None:
        """Read what has come so far, and no more."""
        self._client.echo(self._end)
        self._thread.join(_STOP_SECONDS)
        assert not self._thread.is_alive()
        self._monitor.__exit__(None, None, None)
        self._connection.release()

    def _read(self) -> None:
        while self._end not in (entry := self._monitor.next_command())["command"]:
            if entry["db"] == self._virtual_host:
                self._take(entry["command"], datetime.fromtimestamp(entry["time"], UTC))

    def _take(self, command: str, at: datetime) -> None:
        match command[:6].upper():
            case "LPUSH ":
                for run_id in _CORRELATION_ID.findall(command):
                    self.arrivals[uuid.UUID(run_id)].append(at)
            case "LINDEX":
                self._looks[command] += 1


@contextmanager
def open_message_log(broker_url: str) -> Iterator[MessageLog]:
    """A log that is complete when the block has ended."""
    log = MessageLog(broker_url)
    try:
        yield log
    finally:
        log.stop()
