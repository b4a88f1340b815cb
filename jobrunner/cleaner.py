"""The worker's parent calls what is owed after runs: each in a process of its own, a few at a time.

One thread takes what is due and starts `jobrunner.clean_up` for it; how it went that process writes down
itself. Only a process that dies is answered for here. It waits behind no run: the pool is not asked.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.clean_up import LIMIT_SECONDS, Assignment
from jobrunner.db import clean_ups
from jobrunner.db.clean_ups import CleanUp
from jobrunner.db.engine import transaction
from jobrunner.errors import DatabaseUnavailable, first_line
from jobrunner.process_tree import kill_tree
from jobrunner.settings import Settings

AT_ONCE_MAX = 4
LEASE_SECONDS = LIMIT_SECONDS + 30
"""Another worker calls it again when nothing was heard of it for so long."""
_LOOK_SECONDS = 1.0
_LOOK_AT_PROCESSES_SECONDS = 0.1
_LOG_AGAIN_SECONDS = 30.0

log = structlog.get_logger("jobrunner.worker")


@dataclass(frozen=True, slots=True)
class _Started:
    taken: CleanUp
    process: subprocess.Popen[bytes]
    ends_at: float
    """Of the monotonic clock: killed then."""


class Cleaner:
    """The thread and what it has started. `start` once, after the pool; `stop` once."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        allow: tuple[str, ...],
        queues: Callable[[], Sequence[str]],
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._allow = allow
        self._queues = queues
        self._started: list[_Started] = []
        self._takes = True
        self._stopping = threading.Event()
        self._grace_ends_at: float | None = None
        self._look_at = self._say_at = 0.0
        self._thread = threading.Thread(target=self._repeat, name="cleaner", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end_by(self, grace_seconds: float) -> None:
        """The worker was told to stop: nothing new is taken, what goes on has so long to end."""
        self._takes = False
        if self._grace_ends_at is None:
            self._grace_ends_at = time.monotonic() + grace_seconds

    def stop(self) -> None:
        """Wait within the grace time for what goes on, and kill the rest: another worker calls it again."""
        if self._stopping.is_set():
            return
        self._takes = False
        self._stopping.set()
        self._thread.join(_LOOK_SECONDS)
        ends_at = self._grace_ends_at or 0.0
        for started in self._started:
            try:
                started.process.wait(max(ends_at - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                kill_tree(started.process.pid)
                started.process.wait()
                log.warning("on_end_stopped", run=str(started.taken.run_id))
        self._engine.dispose()

    def _repeat(self) -> None:
        while True:
            seconds = _LOOK_AT_PROCESSES_SECONDS if self._started else _LOOK_SECONDS
            if self._stopping.wait(seconds):
                return
            self.run_once()

    def run_once(self) -> None:
        """One look at what goes on, and at what is due; a database that is away is waited for."""
        try:
            self._bury()
            if time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + _LOOK_SECONDS
                self._take()
        except (DatabaseUnavailable, DBAPIError) as error:
            if time.monotonic() >= self._say_at:
                self._say_at = time.monotonic() + _LOG_AGAIN_SECONDS
                log.warning("database_unavailable", error=first_line(error))

    def _bury(self) -> None:
        for started in list(self._started):
            told = _how_it_ended(started)
            if told is None:
                continue
            if told:
                self._fail(started.taken, told)
            self._started.remove(started)

    def _take(self) -> None:
        room = AT_ONCE_MAX - len(self._started)
        if not (room and self._takes):
            return
        with transaction(self._engine) as connection:
            taken = clean_ups.take(
                connection, self._queues(), limit=room, lease_seconds=LEASE_SECONDS
            )
        for one in taken:
            try:
                self._started.append(self._begin(one))
            except OSError as error:  # no process, no memory or no descriptor is left
                self._fail(one, f"its process cannot be started: {error}")

    def _fail(self, taken: CleanUp, told: str) -> None:
        with transaction(self._engine) as connection:
            clean_ups.fail(connection, taken, told)
        log.warning("on_end_failed", run=str(taken.run_id), error=told)

    def _begin(self, taken: CleanUp) -> _Started:
        """Not forked from here, where other threads hold locks; and in the worker's own group, by which
        what it has started itself is told from what it has adopted.
        """
        assignment = Assignment(
            settings=self._settings,
            allow=self._allow,
            path=tuple(sys.path),
            run_id=taken.run_id,
            tries=taken.tries,
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "jobrunner.clean_up"], stdin=subprocess.PIPE
        )
        assert process.stdin is not None  # noqa: S101  asked for above
        try:
            process.stdin.write(assignment.model_dump_json().encode())
            process.stdin.close()
        except BrokenPipeError:
            log.warning("on_end_not_started", run=str(taken.run_id))
        return _Started(taken, process, time.monotonic() + LIMIT_SECONDS)


def _how_it_ended(started: _Started) -> str | None:
    """None while it goes on; '' when it has written that down itself; else what to write down."""
    exit_code = started.process.poll()
    if exit_code is None:
        if time.monotonic() < started.ends_at:
            return None
        kill_tree(started.process.pid)
        started.process.wait()
        return f"not ended within its time limit of {LIMIT_SECONDS}s"
    if exit_code == 0:
        return ""
    how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return f"its process died: {how}"
