"""What a callable may know of the run it is called for: `jobrunner.current_run()`."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobrunner.errors import Conflict


@dataclass(frozen=True, slots=True)
class CurrentRun:
    """The run that is being executed."""

    id: uuid.UUID
    """The same for every attempt: made for use as an idempotency key."""
    job: str
    """`namespace/job`."""
    attempt: int
    """From 1."""
    scheduled_for: datetime
    """The time owed, aware, UTC; for a run by hand, when it was asked for."""
    deadline: datetime | None = None
    """When the hard limit ends it, aware, UTC, by this machine's clock; None: there is no limit here."""
    traceparent: str | None = None
    """W3C trace context of this attempt, to be sent along to other services; None: there is none here."""


@dataclass(frozen=True, slots=True)
class EndedRun:
    """The run after which an `on_end` is called; given to it when it takes an argument."""

    id: uuid.UUID
    job: str
    """`namespace/job`."""
    state: str
    """`succeeded`, `failed`, `cancelled`, `lost` or `expired`."""
    attempt: int
    """How many were started; 0: it never ran."""
    scheduled_for: datetime
    started_at: datetime | None
    """Of the newest attempt. All times are aware, UTC."""
    finished_at: datetime
    error: str | None
    """One line."""
    result: Any
    """As it was kept, JSON values."""
    args: tuple[Any, ...]
    """As the callable was given them, before they were fitted to its type hints."""
    kwargs: Mapping[str, Any]


_current: ContextVar[CurrentRun] = ContextVar("jobrunner_current_run")


def current_run() -> CurrentRun:
    """The run this code is called for. Raises Conflict outside of one."""
    try:
        return _current.get()
    except LookupError:
        raise Conflict(
            "current_run() was called outside of a run.",
            hint="Call it from a job's callable; `jobrunner run ADDRESS --local` runs one here.",
        ) from None


@contextmanager
def entered(run: CurrentRun) -> Iterator[None]:
    """Code in this block is called for that run."""
    token = _current.set(run)
    try:
        yield
    finally:
        _current.reset(token)
