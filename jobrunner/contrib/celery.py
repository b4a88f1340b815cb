"""For the workers of an existing Celery app: `install(app)` reports what becomes of jobrunner's runs.

    from jobrunner.contrib import celery as jobrunner_celery

    app = Celery("acme", broker="redis://…")
    jobrunner_celery.install(app)      # reads JOBRUNNER_DATABASE_URL

Runs are told from the app's other tasks by a header of their messages; the others cost nothing. What is
reported is written by a thread of each process. A task is never kept from its work by it: nothing raised
here reaches it, and it waits for the write of its end for `WAIT_SECONDS` at most; when the database is
away, not at all.
"""

import atexit
import os
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from queue import Full, Queue
from typing import Any

import structlog
from celery import Celery, signals
from celery.exceptions import Reject, SoftTimeLimitExceeded, WorkerLostError
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError

from jobrunner.db import attempts, tracked
from jobrunner.db.attempts import Claim, Ending
from jobrunner.db.engine import Limits, make_engine
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.errors import first_line
from jobrunner.foreign_apps import RUN_HEADER
from jobrunner.masking import Masker
from jobrunner.outcome import Called, line, raised, returned, without_result
from jobrunner.run import Outcome, RunState
from jobrunner.settings import load_settings

WAIT_SECONDS = 2.0
CLOSE_SECONDS = 5.0
REPORTS_MAX = 10_000
"""What waits for the database in one process; more is dropped, and those runs end as lost."""
_RETRY_OVERTAKES_SECONDS = 1.0
_OVERTAKEN_LOOK_SECONDS = 0.05
_LIMITS = Limits(statement_timeout_seconds=5.0, lock_timeout_seconds=2.0)
_STATES = {
    Outcome.SUCCEEDED: RunState.SUCCEEDED,
    Outcome.CANCELLED: RunState.CANCELLED,
    Outcome.LOST: RunState.LOST,
}

log = structlog.get_logger("jobrunner.contrib.celery")

Write = Callable[[Connection], object]


def install(app: Celery, *, database_url: str = "") -> None:
    """Report the runs that this app's workers make. Once an app; a second call changes nothing.

    `database_url`: jobrunner's database; '' reads it from the environment, as jobrunner does. Raises
    UsageError when there is none. Nothing is connected before the first run.
    """
    if getattr(app, "_jobrunner_reports", None) is not None:
        return
    settings = load_settings(os.environ, Path.cwd())
    url = database_url or settings.database_url
    make_engine(url, application_name="jobrunner tracked").dispose()
    reports = _Reports(app, _Writer(url))
    app._jobrunner_reports = reports  # type: ignore[attr-defined]  # noqa: SLF001  lives as long as the app
    reports.connect()


@dataclass(slots=True)
class _Writer:
    """Writes reports in their order, in a thread that each process starts with its first one."""

    database_url: str
    _pid: int = 0
    _queue: Queue[tuple[Write, threading.Event] | None] = field(default_factory=Queue)
    _thread: threading.Thread | None = None
    _is_late: bool = False

    def write(self, write: Write, *, wait: bool) -> None:
        """Sooner or later; with `wait` the caller goes on when it is written, or after a bounded wait."""
        if self._pid != os.getpid():
            self._begin()
        done = threading.Event()
        try:
            self._queue.put_nowait((write, done))
        except Full:
            log.warning("report_dropped", waiting=REPORTS_MAX)
            return
        if wait and not self._is_late:
            self._is_late = not done.wait(WAIT_SECONDS)

    def close(self) -> None:
        """Write what is left, for a bounded time."""
        if self._pid == os.getpid() and self._thread is not None:
            with suppress(Full):  # the database has been away for long: nothing is left but to go
                self._queue.put(None, timeout=CLOSE_SECONDS)
                self._thread.join(CLOSE_SECONDS)
            self._thread = None
            self._pid = 0

    def _begin(self) -> None:
        """Also in a child, which has its parent's queue and none of its threads."""
        self._pid = os.getpid()
        self._queue = Queue(REPORTS_MAX)
        self._is_late = False
        self._thread = threading.Thread(
            target=self._repeat, args=(self._queue,), name="jobrunner reports", daemon=True
        )
        self._thread.start()

    def _repeat(self, queue: "Queue[tuple[Write, threading.Event] | None]") -> None:
        engine = make_engine(
            self.database_url, application_name="jobrunner tracked", limits=_LIMITS, pool_size=1
        )
        database = KeptConnection(engine)
        while (item := queue.get()) is not None:
            write, done = item
            try:
                database.do(write, patience_seconds=None)
            except DBAPIError as error:
                log.warning("report_refused", error=first_line(error))
            self._is_late = False
            done.set()
        database.close()


@dataclass(slots=True)
class _Reports:
    """What the app's signals say of runs. In the child that makes one, and in its parent when that died."""

    app: Celery
    writer: _Writer
    open: dict[str, Claim] = field(default_factory=dict)
    """The attempts that go on in this process, by task id."""

    def connect(self) -> None:
        for signal, receiver in (
            (signals.task_prerun, self.started),
            (signals.task_success, self.succeeded),
            (signals.task_retry, self.retried),
            (signals.task_failure, self.failed),
            (signals.task_internal_error, self.failed),
            (signals.task_postrun, self.left),
            (signals.task_revoked, self.revoked),
            (signals.task_unknown, self.unknown),
        ):
            signal.connect(receiver, weak=False)
        signals.worker_process_shutdown.connect(self.close, weak=False)
        signals.worker_shutdown.connect(self.close, weak=False)
        atexit.register(self.writer.close)

    def close(self, **_: object) -> None:
        self.writer.close()

    def started(self, sender: Any, task_id: str, **_: object) -> None:
        request = sender.request
        if sender.app is not self.app or RUN_HEADER not in (request.headers or {}):
            return
        claim = Claim(uuid.UUID(task_id), uuid.uuid4())
        self.open[task_id] = claim
        begin = _Begin(claim, worker=request.hostname or "celery", retries=request.retries or 0)
        self.writer.write(begin, wait=False)

    def succeeded(self, sender: Any, result: object, **_: object) -> None:
        claim = self.open.pop(sender.request.id, None)
        if claim is not None:
            self._end(claim, returned(result, Masker()))

    def retried(self, sender: Any, request: Any, reason: Any, **_: object) -> None:
        claim = self.open.pop(request.id, None)
        if claim is None or sender.app is not self.app:
            return
        called = raised(reason, None, timedelta(0), _unmasked)
        retry_in = called.retry_in or timedelta(0)
        ending = _ending(called, RunState.QUEUED, retry_in=retry_in)
        self.writer.write(partial(_finish, held=claim, ending=ending), wait=True)

    def failed(self, sender: Any, task_id: str, exception: BaseException, **_: object) -> None:
        """Also in the parent, of a child that died or was killed for the task's own time limit."""
        if sender.app is not self.app:
            return
        called = _failed(exception)
        claim = self.open.pop(task_id, None)
        if claim is not None:
            self._end(claim, called)
        elif _may_be_ours(sender.request, task_id) and (run_id := _uuid(task_id)) is not None:
            self.writer.write(partial(_finish_running, run_id=run_id, called=called), wait=False)

    def left(self, sender: Any, task_id: str, state: str | None = None, **_: object) -> None:
        """The last word of a child: `Ignore` and `Reject` have no signal of their own."""
        claim = self.open.pop(task_id, None)
        if claim is None or sender.app is not self.app:
            return
        if state == "IGNORED":
            self._end(claim, Called(Outcome.SUCCEEDED))
        if state != "REJECTED":
            return  # a process that is being killed: its parent tells of it
        called = raised(Reject("rejected by the task"), None, timedelta(0), _unmasked)
        ending = _ending(called, RunState.QUEUED, retry_in=timedelta(0))
        self.writer.write(partial(_finish, held=claim, ending=ending), wait=True)

    def revoked(
        self, sender: Any, request: Any, *, terminated: bool, expired: bool, **_: object
    ) -> None:
        """In the parent: dropped before its start, or ended in the middle."""
        run_id = _uuid(request.id)
        if sender.app is not self.app or run_id is None:
            return
        told = "expired in the queue of its Celery app" if expired else "revoked by its Celery app"
        state = RunState.EXPIRED if expired else RunState.CANCELLED
        if terminated:
            called = Called(Outcome.CANCELLED, error=told, error_type="cancelled")
            self.writer.write(partial(_finish_running, run_id=run_id, called=called), wait=False)
        else:
            unstarted = partial(tracked.end_unstarted, run_id=run_id, state=state.value, error=told)
            self.writer.write(unstarted, wait=False)

    def unknown(self, sender: Any, message: Any, name: str, id: str, **_: object) -> None:  # noqa: A002  Celery's names
        """In the parent: there is no such task."""
        run_id = _uuid(id)
        if sender.app is self.app and run_id is not None and RUN_HEADER in message.headers:
            told = f"its Celery app knows no task {line(name)}"
            self.writer.write(
                partial(tracked.end_unstarted, run_id=run_id, state="lost", error=told), wait=False
            )

    def _end(self, claim: Claim, called: Called) -> None:
        state = _STATES.get(called.outcome, RunState.FAILED)
        ending = _ending(called, state)
        self.writer.write(partial(_finish, held=claim, ending=ending), wait=True)


@dataclass(slots=True)
class _Begin:
    """The start of an attempt, as far as the run can begin."""

    claim: Claim
    worker: str
    retries: int

    def __call__(self, connection: Connection) -> None:
        self._let_the_last_one_end(connection)
        if self._start(connection):
            return
        running = tracked.running_attempt(connection, self.claim.run_id)
        if running is not None and running.token != self.claim.token:
            told = "its message was delivered again: the worker that had it is gone"
            called = Called(Outcome.LOST, error=told, error_type="lost")
            _finish(connection, running, _ending(called, RunState.QUEUED, retry_in=timedelta(0)))
            self._start(connection)

    def _let_the_last_one_end(self, connection: Connection) -> None:
        """Celery sends the message of a retry first; another process may have it before that is written."""
        until = time.monotonic() + _RETRY_OVERTAKES_SECONDS
        while self.retries and time.monotonic() < until:
            if tracked.has_ended_before(connection, self.claim.run_id, retries=self.retries):
                return
            time.sleep(_OVERTAKEN_LOOK_SECONDS)

    def _start(self, connection: Connection) -> bool:
        return tracked.start(connection, self.claim, worker=self.worker, pid=os.getpid())


def _finish(connection: Connection, held: Claim, ending: Ending) -> None:
    try:
        attempts.finish(connection, held, ending)
    except DataError as error:  # JSON that PostgreSQL cannot hold, such as a NUL within a string
        attempts.finish(connection, held, without_result(ending, error))


def _finish_running(connection: Connection, run_id: uuid.UUID, called: Called) -> None:
    """The end of an attempt whose token its process took along."""
    held = tracked.running_attempt(connection, run_id)
    if held is None:  # it died before its start was written
        told = called.error or called.outcome.value
        is_cancelled = called.outcome is Outcome.CANCELLED
        state = RunState.CANCELLED if is_cancelled else RunState.LOST
        tracked.end_unstarted(connection, run_id, state=state.value, error=told)
    else:
        _finish(connection, held, _ending(called, _STATES.get(called.outcome, RunState.FAILED)))


def _may_be_ours(request: Any, task_id: str) -> bool:
    """In a parent the request is not always at hand: then the database knows."""
    return request.id != task_id or RUN_HEADER in (request.headers or {})


def _failed(exception: BaseException) -> Called:
    if isinstance(exception, WorkerLostError):
        told = f"its process died: {line(str(exception))}"
        return Called(Outcome.LOST, error=told, error_type="lost")
    if isinstance(exception, SoftTimeLimitExceeded):
        told = "not ended within its task's own soft time limit"
        return Called(Outcome.TIMED_OUT, error=told, error_type="timeout")
    return raised(exception, None, timedelta(0), _unmasked)


def _ending(called: Called, state: RunState, *, retry_in: timedelta | None = None) -> Ending:
    return Ending(
        state=state,
        attempt_state=attempts.attempt_state(called.outcome),
        retry_in=retry_in,
        result=called.result,
        error_type=called.error_type,
        error=called.error,
        traceback=called.traceback,
    )


def _unmasked(text: str) -> str:
    return text


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
