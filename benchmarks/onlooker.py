"""The broker as an onlooker sees it, in the same way for every scheduler.

Nothing is taken out of a queue: runs whose message has gone and that nobody claims would be sent
again. A process of its own looks at the queue's length every half millisecond; which message came
when follows from their order, and is found out afterwards.
"""

import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit

from redis import Redis

LOOK_EVERY_SECONDS = 0.0005
"""So much is the error of a time."""
_SPAWN = multiprocessing.get_context("spawn")


def connect_to_broker(url: str) -> Any:
    """A client of the broker that a `redis+socket:` URL names."""
    parts = urlsplit(url)
    number = int(parse_qs(parts.query)["virtual_host"][0])
    return Redis(unix_socket_path=parts.path, db=number)


@dataclass(frozen=True)
class Arrival:
    """A message, and when it was first seen, in seconds since 1970."""

    at: float
    message: dict[str, Any]


class Onlooker:
    """Watches one queue until `stop`."""

    def __init__(self, url: str, queue_key: str) -> None:
        self._client = connect_to_broker(url)
        self._key = queue_key
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_look, args=(url, queue_key, theirs), daemon=True)
        self._process.start()
        self._pipe.recv()  # it looks from now on
        self._lengths: list[tuple[float, int]] = []

    def count(self) -> int:
        """How many messages there are now."""
        return int(self._client.llen(self._key))

    def wait_for(self, messages: int, *, until: float) -> bool:
        """Whether so many have come before `until`, in seconds since 1970."""
        while self.count() < messages:
            if time.time() > until:
                return False
            time.sleep(0.01)
        return True

    def stop(self) -> Sequence[tuple[float, int]]:
        """Look no longer. (When, how many there were then), each time there were more."""
        if self._process.is_alive():
            self._pipe.send(None)
            self._lengths = self._pipe.recv()
            self._process.join()
        return self._lengths

    def arrivals(self) -> Iterator[Arrival]:
        """The messages in the order in which they came, after `stop`."""
        messages = reversed(self._client.lrange(self._key, 0, -1))  # they are pushed at the left
        came = 0
        for at, length in self.stop():
            for message in islice(messages, length - came):
                yield Arrival(at, json.loads(message))
            came = length


@contextmanager
def open_onlooker(url: str, queue_key: str) -> Iterator[Onlooker]:
    """An onlooker that has begun; it stops with the block."""
    onlooker = Onlooker(url, queue_key)
    try:
        yield onlooker
    finally:
        onlooker.stop()


def _look(url: str, queue_key: str, pipe: "Connection[object, None]") -> None:
    length_of = connect_to_broker(url).llen
    lengths: list[tuple[float, int]] = []
    longest = length_of(queue_key)
    pipe.send(None)
    while not pipe.poll():
        length, now = length_of(queue_key), time.time()
        if length > longest:
            lengths.append((now, length))
            longest = length
        time.sleep(LOOK_EVERY_SECONDS)
    pipe.send(lengths)
