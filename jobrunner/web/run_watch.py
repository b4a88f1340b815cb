"""One look at the database for all streams of the process, as long as there is one."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from anyio.to_thread import run_sync
from sqlalchemy import Engine

from jobrunner.db.engine import transaction
from jobrunner.db.run_watch import RunGlimpse, look_at_runs
from jobrunner.errors import DatabaseUnavailable

LOOK_SECONDS = 0.5
STREAMS_OF_A_SUBJECT_MAX = 20
STREAMS_MAX = 500


@dataclass(eq=False, slots=True)
class Listener:
    """Somebody who waits for news of a run. Belongs to one task."""

    run_id: uuid.UUID
    _glimpse: RunGlimpse | None = None
    _is_news: asyncio.Event = field(default_factory=asyncio.Event)

    async def news(self, timeout_seconds: float) -> bool:
        """Wait for some; False when the time ran out."""
        try:
            await asyncio.wait_for(self._is_news.wait(), timeout_seconds)
        except TimeoutError:
            return False
        self._is_news.clear()
        return True

    @property
    def has_heard(self) -> bool:
        """It knows something of the run, and there is nothing newer."""
        return self._glimpse is not None and not self._is_news.is_set()

    @property
    def glimpse(self) -> RunGlimpse | None:
        """The newest; None for a run that is gone."""
        return self._glimpse

    def tell(self, glimpse: RunGlimpse | None) -> None:
        """What was seen, the same as before or not."""
        if glimpse is None or glimpse != self._glimpse:
            self._glimpse = glimpse
            self._is_news.set()


class RunWatch:
    """Used from the event loop alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.listeners: set[Listener] = set()
        self.streams: Counter[str] = Counter()
        self._looking: asyncio.Task[None] | None = None

    def is_full(self, subject: str) -> bool:
        """Whether he, or everybody together, has as many streams as one may."""
        return (
            self.streams[subject] >= STREAMS_OF_A_SUBJECT_MAX or self.streams.total() >= STREAMS_MAX
        )

    def count(self) -> int:
        """How many streams there are."""
        return self.streams.total()

    @contextmanager
    def listening(self, run_id: uuid.UUID, subject: str) -> Iterator[Listener]:
        """A listener for the length of the context; the first one starts the looking."""
        listener = Listener(run_id)
        self.listeners.add(listener)
        self.streams[subject] += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_on())
        try:
            yield listener
        finally:
            self.listeners.discard(listener)
            self.streams[subject] -= 1

    async def _look_on(self) -> None:
        while self.listeners:
            asked = tuple(self.listeners)
            seen = await run_sync(self._look, {one.run_id for one in asked})
            if seen is not None:
                for listener in asked:
                    listener.tell(seen.get(listener.run_id))
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self, run_ids: set[uuid.UUID]) -> Mapping[uuid.UUID, RunGlimpse] | None:
        """None: the database is away, and the next look may find it."""
        try:
            with transaction(self._engine) as connection:
                return look_at_runs(connection, run_ids)
        except DatabaseUnavailable:
            return None
