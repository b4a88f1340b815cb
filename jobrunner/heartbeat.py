"""The worker's parent keeps its children's runs alive, and ends what they no longer can.

Celery's event loop tells which child has which run (`accepted`, `ended`, `report`) and never waits
for the database. Two threads do the rest:

    database   renews leases, looks for cancel requests, writes deaths down, signs the worker in
    guard      sees deaths, tells of soft limits, and kills: what is over its hard limit, what was
               cancelled and does not end, what could not be renewed and may be started elsewhere
               soon, what is left when the grace time is over. It does no I/O, so a database that
               hangs cannot keep it from its work.

Children share none of it: they are forked with a copy that they never touch.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.call import CANCEL_SIGNAL, SOFT_LIMIT_SIGNAL
from jobrunner.crash_points import reach
from jobrunner.db import attempts
from jobrunner.db.attempts import LEASE_SECONDS, Claim
from jobrunner.db.engine import transaction
from jobrunner.db.processes import SIGN_OF_LIFE_SECONDS, Process, sign_in, sign_out
from jobrunner.db.refused import KEPT, keep_refused
from jobrunner.errors import DatabaseUnavailable, first_line
from jobrunner.limits import LimitBoard, Limits
from jobrunner.memory import exceeds, highest_peak_bytes
from jobrunner.process_tree import descendants, how_it_died, kill_tree
from jobrunner.recover import Death, end_dead_attempt
from jobrunner.run import Outcome
from jobrunner.spec.durations import format_duration

RENEW_SECONDS = 5.0
LOOK_SECONDS = 1.0
GUARD_SECONDS = 0.25
CANCEL_GRACE_SECONDS = 2.5
"""From asking a child to cancel until it is killed: with the look before it, under 5 s."""
STOP_BEFORE_LEASE_END_SECONDS = 4.0
EXIT_AFTER_GRACE_SECONDS = 4.0
LOG_AGAIN_SECONDS = 30.0

log = structlog.get_logger("jobrunner.worker")


@dataclass(frozen=True, slots=True)
class RunningChild:
    """A run in the hands of a child process. Times are of the monotonic clock."""

    claim: Claim
    pid: int
    renewed_at: float
    """When the lease was last known to be fresh: at first, when the child took the message."""
    is_retried_when_lost: bool = True
    """Until the database has told: as if another worker might start it."""
    cancelled_at: float | None = None
    """When the child was asked to cancel."""
    is_over_soft_limit: bool = False
    """And was told so, once: it may be using the time that is left."""
    memory_peak_bytes: int | None = None
    """The most that one of its processes was seen to hold."""


def why_to_end(
    child: RunningChild, limits: Limits | None, death: str | None, now: float
) -> tuple[Outcome, str] | None:
    """What becomes of a run that is over or has to be now, and why; None for one that may go on.

    `limits`: what the child has written down; None until it has. `death`: how its process ended.
    """
    if death is not None:
        # The pool looks only now and then: what tells it of a death comes a moment before
        # the process can be waited for, and it looks once.
        return Outcome.LOST, f"its process died: {death}"
    if limits is not None and now >= limits.hard_at:
        told = f"not ended within its time limit of {format_duration(limits.timeout)}"
        return Outcome.TIMED_OUT, told
    if child.cancelled_at is not None:
        if now < child.cancelled_at + CANCEL_GRACE_SECONDS:
            return None
        told = "cancelled while running; it did not end by itself and was killed"
        return Outcome.CANCELLED, told
    lease_is_safe_after = now - LEASE_SECONDS + STOP_BEFORE_LEASE_END_SECONDS
    if child.is_retried_when_lost and child.renewed_at < lease_is_safe_after:
        told = "stopped: its lease could not be renewed, and another worker may start it"
        return Outcome.LOST, told
    return None


class Heartbeat:
    """The two threads and what they know. `start` once, after the pool; `stop` once."""

    def __init__(
        self,
        engine: Engine,
        *,
        worker: str,
        queues: Callable[[], list[str]],
        concurrency: int,
        figures: Callable[[], Mapping[str, Any]] = dict,
        memory_limit_bytes: int = 0,
        limits: LimitBoard | None = None,
    ) -> None:
        """`figures`: what else the worker tells of itself with each sign of life; asked for in a thread.
        `memory_limit_bytes`: what the processes of a run may hold together; 0 for no limit.
        `limits`: where the children write down how long their runs may take.
        """
        self._engine = engine
        self._worker = worker
        self._queues = queues
        self._concurrency = concurrency
        self._figures = figures
        self._memory_limit_bytes = memory_limit_bytes
        self._limits = LimitBoard() if limits is None else limits
        self._turned_at = time.monotonic()
        self._process: Process | None = None
        # Changed and acted upon under the lock, so that no signal reaches a child whose run has
        # ended: only after `ended` does the pool give it another.
        self._children: dict[Claim, RunningChild] = {}
        self._lock = threading.Lock()
        self._deaths: SimpleQueue[Death | None] = SimpleQueue()
        self._undone: list[Death] = []
        self._refused: deque[tuple[str, str]] = deque(maxlen=KEPT)
        self._stopping = threading.Event()
        self._grace_ends_at: float | None = None
        self._renew_at = 0.0
        self._sign_in_at = 0.0
        self._say_at = 0.0
        self._threads: list[threading.Thread] = []

    # --- Called on Celery's event loop ---

    def turned(self) -> None:
        """The event loop's own sign of life: while it is silent, nothing is consumed."""
        self._turned_at = time.monotonic()

    def accepted(self, claim: Claim, pid: int) -> None:
        """A child has taken the message and will claim the run under this token."""
        with self._lock:
            self._children[claim] = RunningChild(claim, pid, renewed_at=time.monotonic())

    def ended(self, claim: Claim) -> None:
        """The child is done with the message, or dead."""
        with self._lock:
            self._children.pop(claim, None)

    def report(self, death: Death) -> None:
        """A child died, or is about to be killed; its run is ended at once."""
        child = self._children.get(death.claim)
        if child is not None:
            peak = highest_peak_bytes(child.pid, *descendants(child.pid)) or child.memory_peak_bytes
            death = replace(death, memory_peak_bytes=peak)
        self._deaths.put(death)

    def refused(self, reason: str, message: str) -> None:
        """A message was none of ours; of a flood the newest are kept."""
        self._refused.append((reason, message))

    def end_by(self, grace_seconds: float) -> None:
        """The worker was told to stop: what still runs when the time is over is killed."""
        if self._grace_ends_at is None:
            self._grace_ends_at = time.monotonic() + grace_seconds
            self._sign_in_at = 0.0
            self._deaths.put(None)  # wakes the database thread, which says so

    def start(self) -> None:
        """Start both threads."""
        for name, once in (("database", self._database_once), ("guard", self._guard_once)):
            thread = threading.Thread(
                target=self._repeat, args=(once,), name=f"heartbeat {name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self, *, timeout_seconds: float = 3.0) -> None:
        """Write down what is left, sign out, and end both threads."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._deaths.put(None)  # wakes the database thread
        for thread in self._threads:
            thread.join(timeout_seconds)
        if any(thread.is_alive() for thread in self._threads):
            # Stuck in the database: it will write what is left, or the leases run out. Two threads
            # must not record the same deaths.
            log.warning("heartbeat_left_behind")
            return
        try:
            self._record_deaths()
            if self._process is not None:
                with transaction(self._engine) as connection:
                    sign_out(connection, self._process)
        except (DatabaseUnavailable, DBAPIError) as error:
            log.warning("sign_out_failed", error=first_line(error))
        self._engine.dispose()

    def _repeat(self, once: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                once()
            except Exception:
                # A thread that ended would let all runs of this worker be lost, again and again.
                log.exception("heartbeat_failed")

    # --- The database thread ---

    def _database_once(self) -> None:
        self._wait_for_death(LOOK_SECONDS)
        try:
            self._renew()
            self._look()
            self._sign_in()
            self._keep_refused()
            self._record_deaths()  # last: somebody may have locked a run, and the others go on
        except (DatabaseUnavailable, DBAPIError) as error:
            self._say_unavailable(error)

    def _wait_for_death(self, seconds: float) -> None:
        with suppress(Empty):
            self._take(self._deaths.get(timeout=seconds))

    def _take(self, death: Death | None) -> None:
        if death is not None:
            self._undone.append(death)

    def _record_deaths(self) -> None:
        while not self._deaths.empty():
            self._take(self._deaths.get())
        while self._undone:
            reach("death_seen")
            self._undone.append(self._undone.pop(0))  # the next comes first if this one fails
            end_dead_attempt(self._engine, self._undone[-1])
            reach("death_recorded")
            self._undone.pop()

    def _look(self) -> None:
        """What the database says of the runs: who is to be cancelled, who may start elsewhere."""
        held = self._held_claims()
        if not held:
            return
        with transaction(self._engine) as connection:
            watched = attempts.watch_runs(connection, held)
        for run in watched:
            is_retried = run.is_retried_when_lost
            self._change(run.claim, partial(replace, is_retried_when_lost=is_retried))
            if run.cancel_requested:
                self._ask_to_cancel(run.claim)

    def _renew(self) -> None:
        now = time.monotonic()
        if now < self._renew_at:
            return
        held = [child.claim for child in self._snapshot() if how_it_died(child.pid) is None]
        reach("leases_due")
        if held:
            with transaction(self._engine) as connection:
                renewed = attempts.renew_leases(connection, held)
            for claim in renewed:
                self._change(claim, partial(replace, renewed_at=now))
        self._renew_at = now + RENEW_SECONDS

    def _sign_in(self) -> None:
        now = time.monotonic()
        if now < self._sign_in_at:
            return
        with transaction(self._engine) as connection:
            self._process = sign_in(
                connection,
                "worker",
                name=self._worker,
                details=self._details(now),
                earlier=self._process,
            )
        self._sign_in_at = now + SIGN_OF_LIFE_SECONDS

    def _keep_refused(self) -> None:
        # Taken away first: one that the database cannot keep must not come again each second.
        refused = [self._refused.popleft() for _ in range(len(self._refused))]
        if refused:
            with transaction(self._engine) as connection:
                for reason, message in refused:
                    keep_refused(connection, worker=self._worker, reason=reason, message=message)

    def _details(self, now: float) -> dict[str, Any]:
        return {
            "queues": self._queues(),
            "concurrency": self._concurrency,
            "running": len(self._children),
            "stopping": self._grace_ends_at is not None,
            "silent_seconds": round(now - self._turned_at, 1),
            **self._figures(),
        }

    def _say_unavailable(self, error: Exception) -> None:
        now = time.monotonic()
        if now >= self._say_at:
            self._say_at = now + LOG_AGAIN_SECONDS
            log.warning("database_unavailable", error=first_line(error))

    # --- The guard thread ---

    def _guard_once(self) -> None:
        self._stopping.wait(GUARD_SECONDS)
        now = time.monotonic()
        for child in self._snapshot():
            limits = self._limits.read(child.claim.token)
            end = why_to_end(child, limits, how_it_died(child.pid), now)
            if end is not None:
                self._kill(child, *end)
            elif child.cancelled_at is None:
                if limits is not None and limits.soft_at is not None and now >= limits.soft_at:
                    self._tell_of_soft_limit(child.claim)
                self._watch_memory(child)
        if self._grace_ends_at is not None and now >= self._grace_ends_at:
            self._end_grace(now)

    def _watch_memory(self, child: RunningChild) -> None:
        processes = [child.pid, *descendants(child.pid)]
        peak = highest_peak_bytes(*processes)
        if peak is not None:
            self._change(child.claim, partial(replace, memory_peak_bytes=peak))
        limit = self._memory_limit_bytes
        if not limit:
            return
        held = exceeds(processes, limit)
        if held is not None:
            told = (
                f"killed: its processes held {_mebibytes(held)} together, and this worker allows "
                f"{_mebibytes(limit)} (JOBRUNNER_WORKER_MEMORY_MEBIBYTES)"
            )
            self._kill(child, Outcome.LOST, told)

    def _end_grace(self, now: float) -> None:
        for child in self._snapshot():
            told = "the worker stopped, and the run had not ended within the grace time"
            self._kill(child, Outcome.LOST, told)
        assert self._grace_ends_at is not None  # noqa: S101  the caller has seen it
        if now >= self._grace_ends_at + EXIT_AFTER_GRACE_SECONDS:
            # Something keeps Celery from ending, such as a broker that does not answer.
            log.error("forced_exit")
            os._exit(os.EX_SOFTWARE)

    def _kill(self, child: RunningChild, outcome: Outcome, told: str) -> None:
        with self._lock:
            if child.claim not in self._children:
                return
            # First: Celery will report the death as well, as one that nobody wanted.
            self.report(Death(child.claim, outcome, told))
            del self._children[child.claim]
            kill_tree(child.pid)

    def _ask_to_cancel(self, claim: Claim) -> None:
        with self._lock:
            child = self._children.get(claim)
            if child is None:
                return
            if child.cancelled_at is None:
                self._children[claim] = replace(child, cancelled_at=time.monotonic())
            # Each second again: the child may not have come to the user's code yet.
            _signal(child.pid, CANCEL_SIGNAL)

    def _tell_of_soft_limit(self, claim: Claim) -> None:
        with self._lock:
            child = self._children.get(claim)
            if child is not None and not child.is_over_soft_limit:
                self._children[claim] = replace(child, is_over_soft_limit=True)
                _signal(child.pid, SOFT_LIMIT_SIGNAL)

    # --- What both know ---

    def _snapshot(self) -> list[RunningChild]:
        with self._lock:
            return list(self._children.values())

    def _held_claims(self) -> list[Claim]:
        with self._lock:
            return list(self._children)

    def _change(self, claim: Claim, change: Callable[[RunningChild], RunningChild]) -> None:
        with self._lock:
            child = self._children.get(claim)
            if child is not None:
                self._children[claim] = change(child)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _mebibytes(count: int) -> str:
    return f"{count / 1024 / 1024:,.0f} MiB"
