"""A copy of this process works out a part, on a processor that would else be idle."""

import contextlib
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from math import ceil
from typing import BinaryIO, Generic, NoReturn, TypeVar

from jobrunner.garbage import collection_paused

FEWEST_TO_SHARE = 2_000
"""Fewer take longer to hand over than to work out, where one takes about 50 µs."""
_PARTS = 32
"""One more or less is not noticed, and each costs some calls."""
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


class BothEnds(Generic[_Value]):
    """A work in parts, of which this process does the first ones and a copy the last ones, until they meet:
    so both end at once, however fast either of them is and whatever it has to do besides.
    """

    def __init__(self, left: int, answer: Answer[list[bytes]]) -> None:
        self._left = left
        self._answer = answer

    @property
    def is_shared(self) -> bool:
        """Whether a copy is at work; else every part is for this process."""
        return self._answer.is_coming

    def take(self) -> bool:
        """Whether the next part from the beginning is for this process; else the copy has it and the rest."""
        return bool(os.read(self._left, 1))

    def rest(self) -> list[_Value] | None:
        """What the copy has made of the last parts, in their order. None where there is no copy, or it
        broke off.
        """
        found = self._answer.wait()
        return None if found is None else [pickle.loads(one) for one in found]  # noqa: S301  as above


@contextmanager
def done_from_both_ends(
    work: Callable[[_Item], _Value], parts: Sequence[_Item], *, items: int = FEWEST_TO_SHARE
) -> Iterator[BothEnds[_Value]]:
    """`work` on each part, of which there are some dozens, with so many `items` in all. The copy, if one can
    be made and helps, ends with the block.
    """
    left, end = os.pipe()
    os.write(end, bytes(len(parts)))  # who reads one of these bytes does one part
    os.close(end)

    def from_the_end() -> list[bytes]:
        # Each is pickled at once: that is a part of the work, too.
        taken = takewhile(lambda _: os.read(left, 1), reversed(parts))
        return [pickle.dumps(work(part), pickle.HIGHEST_PROTOCOL) for part in taken][::-1]

    try:
        with worked_out_beside(from_the_end, items=items) as answer:
            yield BothEnds(left, answer)
    finally:
        os.close(left)


def shared(function: Callable[[_Item], _Value], items: Sequence[_Item]) -> list[_Value]:
    """`function` of each, in order; of many the last ones are worked out beside the first."""
    size = max(1, ceil(len(items) / _PARTS))
    parts = [items[begin : begin + size] for begin in range(0, len(items), size)]

    def work(part: Sequence[_Item]) -> list[_Value]:
        return [function(item) for item in part]

    with done_from_both_ends(work, parts, items=len(items)) as both:
        own = [work(part) for part in parts if both.take()]
        rest = both.rest()
        others = map(work, parts[len(own) :]) if rest is None else rest
        return [value for values in (*own, *others) for value in values]


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
