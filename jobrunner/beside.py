"""A copy of this process works out a part, on a processor that would else be idle."""

import contextlib
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Generic, NoReturn, TypeVar

from jobrunner.garbage import collection_paused

FEWEST_TO_SHARE = 2_000
"""Fewer take longer to hand over than to work out, where one takes about 50 µs."""
_is_a_copy = False
"""A copy does its part alone: who made it is at work, too."""

_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


class Answer(Generic[_Value]):
    """What comes of the work."""

    def __init__(self, work: Callable[[], _Value], pipe: BinaryIO | None) -> None:
        self._work = work
        self._pipe = pipe

    @property
    def is_coming(self) -> bool:
        """Whether a copy is at work; else none can be made, or it would not help."""
        return self._pipe is not None

    def wait(self) -> _Value | None:
        """The copy's value. None where there is no copy, or it broke off."""
        if self._pipe is None:
            return None
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            found: _Value = pickle.load(self._pipe)  # noqa: S301  our own process wrote it
            return found
        return None

    def value(self) -> _Value:
        """The copy's, or else our own: then what goes wrong is raised here."""
        found = self.wait()
        return self._work() if found is None else found


@contextmanager
def worked_out_beside(
    work: Callable[[], _Value], *, items: int = FEWEST_TO_SHARE
) -> Iterator[Answer[_Value]]:
    """`work` on so many `items`, done by a copy of this process where one can be made and helps.

    Its value goes through a pipe, pickled, is not None, and is to be asked for once. The copy ends with
    the block.
    """
    started = _start(work) if items >= FEWEST_TO_SHARE and _may_fork() else None
    if started is None:
        yield Answer(work, None)
        return
    pid, pipe = started
    try:
        yield Answer(work, pipe)
    finally:
        pipe.close()
        os.kill(pid, signal.SIGKILL)  # it has nothing more to say, or nobody listens any more
        os.waitpid(pid, 0)


def shared(function: Callable[[_Item], _Value], items: Sequence[_Item]) -> list[_Value]:
    """`function` of each, in order; of many the later half is worked out beside the first."""
    half = len(items) // 2

    def later() -> list[_Value]:
        return [function(item) for item in items[half:]]

    with worked_out_beside(later, items=len(items)) as answer:
        first = [function(item) for item in items[:half]]
        return first + answer.value()


def _may_fork() -> bool:
    """Whether a copy of this process can work, as no other thread may hold what it needs, and whether its
    end is ours to wait for: who ignores ended children, as a parent may have begun, has none to wait for.
    """
    return (
        sys.platform == "linux"
        and not _is_a_copy
        and threading.active_count() == 1
        and signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
        and len(os.sched_getaffinity(0)) > 1
    )


def _start(work: Callable[[], object]) -> tuple[int, BinaryIO] | None:
    """Its process id, and where its answer comes; None where the system has no room for another process."""
    answer, end = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(answer)
        os.close(end)
        return None
    if pid == 0:
        global _is_a_copy  # noqa: PLW0603  one process, one answer
        _is_a_copy = True
        os.close(answer)
        _answer(work, end)
    os.close(end)
    return pid, os.fdopen(answer, "rb")


def _answer(work: Callable[[], object], end: int) -> NoReturn:
    """An answer that breaks off is none: what goes wrong here is told by whoever does the work again."""
    try:
        with collection_paused(), os.fdopen(end, "wb") as pipe:
            pickle.dump(work(), pipe, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)  # nothing of the first process is to be flushed, closed or told a second time
