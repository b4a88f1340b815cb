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
    """What comes of the copy's work."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe

    def wait(self) -> _Value | None:
        """To be asked for once. None where the work broke off: whoever asks does it then, and learns why."""
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            found: _Value = pickle.load(self._pipe)  # noqa: S301  our own process wrote it
            return found
        return None


@contextmanager
def worked_out_beside(
    work: Callable[[], _Value], *, items: int = FEWEST_TO_SHARE
) -> Iterator[Answer[_Value] | None]:
    """`work` on so many `items`, done by a copy of this process; None where none can be made, or would not
    help.

    Its value goes through a pipe, pickled, and is not None. The copy ends with the block.
    """
    started = _start(work) if items >= FEWEST_TO_SHARE and _may_fork() else None
    if started is None:
        yield None
        return
    pid, pipe = started
    try:
        yield Answer(pipe)
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
        rest = None if answer is None else answer.wait()
    return first + (later() if rest is None else rest)


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
