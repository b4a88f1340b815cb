"""What is live, compared with what was applied, beside the requests: at 5,000 jobs it takes seconds.

A page waits a moment, which is enough for most projects, and a program longer; else both are shown what
the last comparison has found, as of then, and look again.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from jobrunner.garbage import collection_paused
from jobrunner.reconcile import Drift, find_drift, reading

PATIENCE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found."""

    drift: Drift
    at: datetime
    """When it was begun: what somebody has changed since may not be in it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to show."""

    newest: Comparison | None
    """None: there never was one."""
    goes_on: bool
    """A newer one is being made."""


def compare(engine: Engine, project: str, now: Callable[[], datetime]) -> Comparison:
    """Of a project that was applied, with the moment at which it was begun."""
    begun_at = now()
    # Else the collector stops all threads again and again, for half a second in all.
    with collection_paused(), reading(engine) as connection:
        return Comparison(find_drift(connection, project), begun_at)


class Comparisons:
    """The newest comparison of each project. One for the process; safe in threads."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self._lock = threading.Lock()
        # One at a time: each takes all of a core.
        self._executor = ThreadPoolExecutor(1, "comparisons")
        self._begun: dict[str, Future[Comparison]] = {}
        self._newest: dict[str, Comparison] = {}

    def look(self, project: str, compare: Callable[[], Comparison], *, is_again: bool) -> Look:
        """Begin a comparison, and wait a moment for it; with `is_again` for the one that was begun.

        Raises what `compare` raises.
        """
        begun = self._begin(project, compare, is_again=is_again)
        try:
            return Look(begun.result(self._patience_seconds), goes_on=False)
        except TimeoutError:
            return Look(self._newest.get(project), goes_on=True)

    async def wait(
        self, project: str, compare: Callable[[], Comparison], *, timeout_seconds: float
    ) -> Comparison | None:
        """One that is being made or is begun now, once it is made; the newest, when that takes longer.

        None: there never was one. No thread waits meanwhile. Raises what `compare` raises.
        """
        begun = asyncio.wrap_future(self._begin(project, compare, is_again=False))
        # Else asyncio tells of an error that comes when nobody waits any more.
        begun.add_done_callback(lambda made: made.exception())
        await asyncio.wait([begun], timeout=timeout_seconds)
        return begun.result() if begun.done() else self._newest.get(project)

    def _begin(
        self, project: str, compare: Callable[[], Comparison], *, is_again: bool
    ) -> Future[Comparison]:
        with self._lock:
            begun = self._begun.get(project)
            if begun is None or (begun.done() and not is_again):
                begun = self._executor.submit(self._make, project, compare)
                self._begun[project] = begun
        return begun

    def _make(self, project: str, compare: Callable[[], Comparison]) -> Comparison:
        made = compare()
        self._newest[project] = made
        return made
