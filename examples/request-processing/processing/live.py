"""What is told of a request, once or as it changes."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from processing.models import WorkRequest

_LOOK_SECONDS = 0.5
_STREAM_SECONDS = 25.0
"""Then the browser asks anew, with its credentials; shorter than a server waits for requests at its end."""
_STREAMS_MAX = 12
"""Each keeps a thread of the process; the rest is for those who poll."""

_places = threading.BoundedSemaphore(_STREAMS_MAX)


def told_of(found: WorkRequest) -> dict[str, Any]:
    """As JSON values."""
    return {
        "id": str(found.id),
        "state": found.state,
        "step": found.step,
        "percent": found.percent,
        "error": found.error,
        "totals": found.totals,
        "run_id": str(found.run_id),
    }


def follow(found: WorkRequest) -> Iterator[bytes]:
    """Server-sent events: `status` at once and after each change, until it is over or time is up.

    One `full` where all places are taken: the page goes on asking every two seconds.
    """
    if not _places.acquire(blocking=False):
        yield b"event: full\ndata: {}\n\n"
        return
    try:
        yield from _changes(found)
    finally:
        _places.release()


def _changes(found: WorkRequest) -> Iterator[bytes]:
    ends_at = time.monotonic() + _STREAM_SECONDS
    told = None
    while time.monotonic() < ends_at:
        status = json.dumps(told_of(found))
        # A comment changes nothing, and tells the server of a reader that has gone.
        yield _event(status) if status != told else b": still here\n\n"
        if found.is_over:
            return
        told = status
        time.sleep(_LOOK_SECONDS)
        found.refresh_from_db()


def _event(status: str) -> bytes:
    return f"event: status\ndata: {status}\n\n".encode()
