"""The time limits of the runs in hand, from a worker's children to its parent, who enforces them.

A child learns them when it claims a run: from the run's definition, whatever its message says. It
writes them into its own place of a memory that all of them share, so nothing is sent and nobody waits.
"""

import mmap
import struct
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta

_PLACES = 4096
"""More children than a worker has."""
_TOKEN_BYTES = 16
_TIMES = struct.Struct("=ddd")
_PLACE_BYTES = _TOKEN_BYTES + _TIMES.size


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one attempt. Times are of the monotonic clock, which is the same in all processes."""

    timeout: timedelta
    hard_at: float
    soft_at: float | None


class LimitBoard:
    """Made in the parent before it forks its children."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _PLACES * _PLACE_BYTES)

    def write(
        self, place: int, token: uuid.UUID, *, timeout: timedelta, soft_timeout: timedelta | None
    ) -> None:
        """In the child: the attempt under this claim token has just begun."""
        start = place * _PLACE_BYTES
        soft_seconds = 0.0 if soft_timeout is None else soft_timeout.total_seconds()
        times = (time.monotonic(), timeout.total_seconds(), soft_seconds)
        _TIMES.pack_into(self._memory, start + _TOKEN_BYTES, *times)
        # Last: who finds the token finds its times.
        self._memory[start : start + _TOKEN_BYTES] = token.bytes

    def read(self, token: uuid.UUID) -> Limits | None:
        """In the parent; None for an attempt that has not begun."""
        start = self._memory.find(token.bytes, 0)
        if start < 0:
            return None
        began_at, seconds, soft_seconds = _TIMES.unpack_from(self._memory, start + _TOKEN_BYTES)
        soft_at = began_at + soft_seconds if soft_seconds else None
        return Limits(timedelta(seconds=seconds), began_at + seconds, soft_at)
