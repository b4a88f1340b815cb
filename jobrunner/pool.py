"""Celery's prefork pool without its waits at the end: an idle worker is gone in half a second, not in two.

What is left out is sleep. A child would sleep for a second after its last word, so that the parent
reads it before it sees the death; the parent asks the kernel (`process_tree.how_it_died`). The parent
would look each half second whether its pool has ended; it waits for the end itself.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

from billiard.pool import CLOSE, RUN
from celery.concurrency import asynpool, prefork
from kombu.asynchronous import get_event_loop

run_ready_callbacks: Any = vars(prefork)["_run_ready_callbacks"]  # the stubs do not know it
_FIRE_TIMERS_SECONDS = 0.5


class _Child(asynpool.Worker):
    on_exit: Callable[[int, int], None] | None

    def _do_exit(self, pid: int, exitcode: int | None, exc: Exception | None = None) -> None:
        """Without the second, and without the word: the pool takes both kinds of end."""
        if exitcode is None:
            exitcode = os.EX_OK if exc is None else 1
        try:
            if self.on_exit is not None:
                self.on_exit(pid, exitcode)
        finally:
            os._exit(exitcode)


class _Pool(asynpool.AsynPool):
    Worker = _Child


class Pool(prefork.TaskPool):
    """The setting `worker_pool`."""

    Pool = _Pool
    _pool: Any

    def on_stop(self) -> None:
        """Wait for the runs in hand; their acknowledgements and the broker's timers go on meanwhile."""
        pool = self._pool
        if pool is None or pool._state not in {RUN, CLOSE}:  # noqa: SLF001  as the class above does
            return
        pool.close()
        has_ended = threading.Event()
        timers = threading.Thread(target=_fire_timers, args=(has_ended,), daemon=True)
        timers.start()
        try:
            pool.join()
        finally:
            has_ended.set()
            timers.join(timeout=1.0)
        self._pool = None


def _fire_timers(has_ended: threading.Event) -> None:
    hub = get_event_loop()
    while hub is not None:
        is_last = has_ended.wait(_FIRE_TIMERS_SECONDS)
        hub.fire_timers()
        run_ready_callbacks(hub)
        if is_last:
            return
