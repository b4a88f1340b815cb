"""What a run says of itself while it goes on: `jobrunner.progress()` and `jobrunner.phase()`.

Here is only memory: a call costs about a microsecond, and `run_output` stores what is newest about
once a second.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from jobrunner.errors import UsageError

MESSAGE_CHARACTERS_MAX = 500
PHASES_MAX = 100
"""Later ones are counted, not kept: a phase is no log line."""


def progress(percent: float, message: str = "") -> None:
    """How far the run is, from 0 to 100, and in a few words what it does.

    Shown by `jobrunner runs show`, about a second later. Outside of a run it does nothing, so that
    code which says it can be called anywhere. A thread has its own context: start it by
    `contextvars.copy_context().run` or `asyncio.to_thread`, or what it says is lost. Raises
    UsageError for what is no number from 0 to 100.
    """
    try:
        is_possible = 0 <= percent <= 100  # NaN is not
    except TypeError:
        is_possible = False
    if not is_possible:
        raise UsageError(
            f"progress({percent!r}) is no percentage.", hint="Give a number from 0 to 100."
        )
    said = _current.get()
    if said is not None:
        said.tell(float(percent), message)


@contextmanager
def phase(name: str) -> Iterator[None]:
    """A part of the run with a name: when it began, how long it took, what ended it.

    Phases may lie within each other. The first 100 of an attempt are kept. An exception passes, and
    its class is noted. Outside of a run, and in threads: as `progress`.
    """
    said, depth = _current.get(), _depth.get()
    begun = None if said is None else said.begin(name, depth)
    token = _depth.set(depth + 1)
    try:
        yield
    except BaseException as error:
        if said is not None:
            said.end(begun, type(error).__qualname__)
        raise
    else:
        if said is not None:
            said.end(begun, None)
    finally:
        _depth.reset(token)


@dataclass(slots=True)
class _Phase:
    name: str
    depth: int
    started_at: datetime
    steady_start: float
    seconds: float | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        # By the steady clock: one that is set meanwhile must not make a phase end before it began.
        ended = None if self.seconds is None else self.started_at + timedelta(seconds=self.seconds)
        return {
            "name": self.name,
            "depth": self.depth,
            "started_at": self.started_at.isoformat(),
            "ended_at": None if ended is None else ended.isoformat(),
            "error": self.error,
        }


class Said:
    """What one attempt has said so far. Written by the run's threads, read by whoever stores it."""

    def __init__(
        self,
        on_first_word: Callable[[], None] = lambda: None,
        mask: Callable[[str], str] = lambda text: text,
    ) -> None:
        """`mask` takes the secrets out of what is said, before it is cut."""
        self._on_first_word = on_first_word
        self._mask = mask
        self._lock = threading.RLock()  # a signal's handler may speak in the middle of a word
        self._newest: tuple[float | None, str] = (None, "")
        self._phases: list[_Phase] = []
        self._left_out = 0
        # Another object after each word: what is newer than the stored one is to be stored.
        self._word = self._stored_word = object()
        self._has_spoken = False

    def tell(self, percent: float, message: str) -> None:
        """The newest progress; the one before it is forgotten."""
        self._newest = (percent, message)
        self._note()

    def begin(self, name: str, depth: int) -> _Phase | None:
        """A phase begins; None when there are too many to keep it."""
        with self._lock:
            if len(self._phases) == PHASES_MAX:
                self._left_out += 1
                begun = None
            else:
                begun = _Phase(self._cut(name), depth, datetime.now(UTC), time.monotonic())
                self._phases.append(begun)
        self._note()
        return begun

    def end(self, begun: _Phase | None, error: str | None) -> None:
        """A phase is over; `error` is the class of the exception that ended it."""
        if begun is not None:
            begun.error, begun.seconds = error, time.monotonic() - begun.steady_start
            self._note()

    def news(self) -> "News | None":
        """All that was said, when something was said since the last `confirm`."""
        word = self._word  # first: what is said from here on is news the next time
        if word is self._stored_word:
            return None
        percent, message = self._newest
        with self._lock:
            phases = [one.as_json() for one in self._phases]
            left_out = self._left_out
        said = {"percent": percent, "message": self._cut(message), "phases": phases}
        return News(word, {**said, "phases_left_out": left_out})

    def confirm(self, news: "News") -> None:
        """It is stored."""
        self._stored_word = news.word

    def _cut(self, text: object) -> str:
        """Bounded, and as PostgreSQL's JSON can hold it: no NUL, no half of a surrogate pair."""
        plain = self._mask(str(text))[:MESSAGE_CHARACTERS_MAX].replace("\x00", "\ufffd")
        return plain.encode("utf-8", "backslashreplace").decode("utf-8")

    def _note(self) -> None:
        self._word = object()
        if not self._has_spoken:
            self._has_spoken = True
            self._on_first_word()


@dataclass(frozen=True, slots=True)
class News:
    """What is to be stored: JSON, and the word it was made after."""

    word: object
    said: dict[str, Any]


_current: ContextVar[Said | None] = ContextVar("jobrunner_said", default=None)
_depth: ContextVar[int] = ContextVar("jobrunner_phase_depth", default=0)


@contextmanager
def heard(said: Said) -> Iterator[None]:
    """What code in this block says goes to `said`."""
    token = _current.set(said)
    try:
        yield
    finally:
        _current.reset(token)
