"""Call a callable so that it can be asked to end: by a soft time limit or by a cancel.

The requests come as signals, from the worker's parent or a timer. Plain code gets an exception in
the middle of whatever it does; a coroutine is cancelled through its loop. Neither is certain to
end: that is what the hard limit is for, which kills the process.
"""

import _signal  # type: ignore[import-not-found]  # `signal.signal` makes an enum of what it replaces
import asyncio
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from enum import StrEnum
from types import FrameType
from typing import Any, NoReturn

from billiard.exceptions import SoftTimeLimitExceeded

from jobrunner.callables import LoadedCallable
from jobrunner.django_setup import close_connections_of_coroutines
from jobrunner.run_async import set_wait

SOFT_LIMIT_SIGNAL = signal.SIGUSR1
"""The pool's own choice for soft time limits."""
CANCEL_SIGNAL = signal.SIGUSR2
_LEFTOVER_SECONDS = 1.0


class RunCancelled(BaseException):
    """Raised inside the callable when somebody cancels its run. No Exception: it must pass."""


class Interruption(StrEnum):
    """Why the callable was asked to end."""

    SOFT_LIMIT = "soft_limit"
    CANCEL = "cancel"


class Caller:
    """Calls one callable after another, on one event loop that lives as long as the process.

    One loop, so that an async engine or client made by one run serves all that follow.
    """

    def __init__(self) -> None:
        self.interruption: Interruption | None = None
        """Of the newest run; None when nobody has asked it to end."""
        self._is_interruptible = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """User code runs in this block, and only there do the signals have an effect.

        The handlers are set for each run: the code of the run before may have changed them. A process
        that the code has forked ends with the block, if not before.
        """
        process = _process_id()
        self.interruption = None
        _signal.signal(SOFT_LIMIT_SIGNAL, self._on_soft_limit)
        _signal.signal(CANCEL_SIGNAL, self._on_cancel)
        self._is_interruptible = True
        try:
            yield
        finally:
            if _process_id() != process:
                _end_copy()
            self._is_interruptible = False

    def call(self, loaded: LoadedCallable, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the callable returns, awaited where that is something to await.

        Context variables that it sets are gone afterwards. What it raises passes through.
        """
        returned = copy_context().run(self._call_plain, loaded, args, kwargs)
        return self._wait_for(returned) if inspect.isawaitable(returned) else returned

    def close(self) -> None:
        """End the loop, with the asynchronous generators that are still open."""
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def _call_plain(
        self, loaded: LoadedCallable, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        set_wait(self._wait_for)
        return loaded.function(*args, **kwargs)

    def _wait_for(self, awaitable: Awaitable[Any]) -> Any:
        loop = self._open_loop()
        # Tasks of earlier runs are none of this run's: a client may keep one for all.
        older = asyncio.all_tasks(loop)
        self._task = loop.create_task(_await(awaitable), context=copy_context())
        try:
            return loop.run_until_complete(self._task)
        except BaseException:
            self._task = None
            _cancel_leftovers(loop, older)
            raise
        finally:
            self._task = None

    def _open_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop

    def _on_soft_limit(self, _signal: int, _frame: FrameType | None) -> None:
        self._interrupt(Interruption.SOFT_LIMIT, SoftTimeLimitExceeded)

    def _on_cancel(self, _signal: int, _frame: FrameType | None) -> None:
        self._interrupt(Interruption.CANCEL, RunCancelled)

    def _interrupt(self, kind: Interruption, error: Callable[[], BaseException]) -> None:
        if not self._is_interruptible:
            return  # between two runs, or while the outcome is written
        self.interruption = kind
        if self._task is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        else:
            raise error()


_process_id = os.getpid  # what the user's code puts into its place is not asked


def _end_copy() -> NoReturn:
    """A copy of this process that came back out of the user's code. It would write the run's end, on a
    connection that is not its own, and then ask for the next run.
    """
    if sys.exc_info()[0] is not None:
        traceback.print_exc()
    os._exit(os.EX_SOFTWARE)


async def _await(awaitable: Awaitable[Any]) -> Any:
    set_wait(None)  # here one awaits for oneself
    await close_connections_of_coroutines()
    return await awaitable


def _cancel_leftovers(loop: asyncio.AbstractEventLoop, older: set[asyncio.Task[Any]]) -> None:
    """Tasks that a failed run has left behind would go on inside the next run."""
    leftovers = asyncio.all_tasks(loop) - older
    for task in leftovers:
        task.cancel()
    if leftovers:
        loop.run_until_complete(asyncio.wait(leftovers, timeout=_LEFTOVER_SECONDS))
