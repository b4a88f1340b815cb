"""One run from its claim to its end: claim → load → call → decide → finish.

It runs in a child process of a worker, one run at a time; nothing here knows of Celery.
"""

import copy
import json
import os
import random
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

import structlog
from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]  # newer than its stubs
from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy import Connection
from sqlalchemy.exc import DataError

from jobrunner.call import Caller, Interruption, RunCancelled
from jobrunner.callables import LoadedCallable, check_arguments, load_callable
from jobrunner.current import CurrentRun, entered
from jobrunner.db import attempts, holding, run_logs
from jobrunner.db.attempts import Claim, ClaimedRun, Ending
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.errors import CallableError
from jobrunner.output import Capture, Recording
from jobrunner.run import Outcome, RunState, decide_end
from jobrunner.spec.durations import format_duration

RESULT_BYTES_MAX = 256 * 1024
TRACEBACK_CHARACTERS_MAX = 64 * 1024
ERROR_CHARACTERS_MAX = 1_000
CLAIM_PATIENCE_SECONDS = 10.0
"""How long a message is held while the database does not answer; then it goes back to its queue."""
LOG_EVERY_SECONDS = 1.0

log = structlog.get_logger("jobrunner.execute")


@dataclass(slots=True)
class Home:
    """What lives as long as the process that executes runs."""

    database: KeptConnection
    worker: str
    """Shown with each run."""
    allow: tuple[str, ...]
    """Patterns of what may be loaded; see `callables`."""
    capture: Capture
    end_leftovers: Callable[[], None] = lambda: None
    """Ends the processes that a run has started and not ended, when it was itself told to end."""
    caller: Caller = field(default_factory=Caller)
    loaded: dict[str, LoadedCallable] = field(default_factory=dict)

    def close(self) -> None:
        """End the event loop and the connection."""
        self.caller.close()
        self.database.close()


@dataclass(frozen=True, slots=True)
class Executed:
    """An attempt that was made. `state` None: its end came too late and was refused."""

    run_id: uuid.UUID
    address: str
    attempt: int
    state: RunState | None


def execute_run(home: Home, wanted: Claim) -> Executed | None:
    """Make one attempt of a queued run; None when there is nothing to start.

    Whatever the callable does is an outcome and no exception. Raises DatabaseUnavailable when the
    run could not even be claimed; once it is claimed, its end is tried until it is written.
    """
    run = _claim(home, wanted)
    if run is None:
        return None
    started = time.monotonic()
    log.debug("run_started", run=str(wanted.run_id), job=run.address, attempt=run.attempt)
    with _LogWriter(home, run) as writer:
        called = _call(home, run)
    writer.write(patience_seconds=None)
    state = _finish(home, run, _decide(run, called))
    _log_end(run, called, state, seconds=time.monotonic() - started)
    if called.leave is not None:
        raise called.leave
    return Executed(wanted.run_id, run.address, run.attempt, state)


def _claim(home: Home, wanted: Claim) -> ClaimedRun | None:
    claiming = _Claiming(wanted, home.worker)
    run = home.database.do(claiming.claim, patience_seconds=CLAIM_PATIENCE_SECONDS)
    if run is None:
        state = home.database.do(claiming.end, patience_seconds=CLAIM_PATIENCE_SECONDS)
        log.info(
            "run_not_started",
            run=str(wanted.run_id),
            state="claimed, held or over already" if state is None else state.value,
        )
    return run


@dataclass(slots=True)
class _Claiming:
    """The claim, and what there is to do when nothing could be claimed."""

    wanted: Claim
    worker: str
    is_repeated: bool = False

    def claim(self, connection: Connection) -> ClaimedRun | None:
        repeated, self.is_repeated = self.is_repeated, True
        run = attempts.claim(connection, self.wanted, worker=self.worker, pid=os.getpid())
        if run is None and repeated:
            # Our first try may have come through, and only its answer was lost.
            return attempts.read_running(connection, self.wanted)
        return run

    def end(self, connection: Connection) -> RunState | None:
        orphan = attempts.read_running(connection, self.wanted)
        if orphan is None:
            ended = attempts.end_unclaimable(connection, self.wanted.run_id)
            if ended is None:
                holding.hold_back(connection, self.wanted.run_id)
            return ended
        # The pool gave the message to another child, which claimed the run and died before the
        # parent had heard of it; so the pool gave it to us.
        called = _Called(Outcome.LOST, error="its process died", error_type="lost")
        return attempts.finish(connection, orphan.claim, _decide(orphan, called))


@dataclass(frozen=True, slots=True)
class _Called:
    """What came of the call."""

    outcome: Outcome
    result: str | None = None
    error: str | None = None
    error_type: str | None = None
    error_types: tuple[str, ...] = ()
    traceback: str | None = None
    leave: SystemExit | None = None
    """The process was told to end in the middle; to be raised again after the end is written."""


def _call(home: Home, run: ClaimedRun) -> _Called:
    if run.problem:
        return _Called(Outcome.REFUSED, error=_line(run.problem), error_type="definition")
    caller = home.caller
    try:
        with entered(_current(run)), caller.interruptible():
            loaded = _load(home, run.spec.task)
            # The definition is shared by all its runs; a callable may change what it is given.
            args, kwargs = copy.deepcopy(run.args), copy.deepcopy(run.kwargs)
            check_arguments(loaded, args, kwargs)
            value = caller.call(loaded, args, kwargs)
    except CallableError as error:
        return _unloadable(error)
    except BaseException as error:  # noqa: BLE001  the callable is the user's code
        if caller.interruption is not None:
            home.end_leftovers()  # before the end is written, and the next attempt starts its own
        return _raised(run, error, caller.interruption)
    return _returned(value)


def _current(run: ClaimedRun) -> CurrentRun:
    return CurrentRun(run.claim.run_id, run.address, run.attempt, run.scheduled_for)


def _load(home: Home, path: str) -> LoadedCallable:
    loaded = home.loaded.get(path)
    if loaded is None:
        loaded = home.loaded[path] = load_callable(path, allow=home.allow)
    return loaded


def _returned(value: object) -> _Called:
    """A result that cannot be kept leaves the run succeeded, with a note where errors stand."""
    try:
        result = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        note = f"the result is no JSON and was not kept: {error}"
        return _Called(Outcome.SUCCEEDED, error=_line(note))
    if len(result) > RESULT_BYTES_MAX:
        note = f"the result is {len(result):,} bytes of JSON; its first 256 KiB are kept as text"
        cut = json.dumps(result[: RESULT_BYTES_MAX // 2])
        return _Called(Outcome.SUCCEEDED, result=cut, error=note)
    return _Called(Outcome.SUCCEEDED, result=None if value is None else result)


def _unloadable(error: CallableError) -> _Called:
    kinds = {"missing": "callable_missing", "import": "import_error"}
    may_help_later = error.kind in kinds  # a newer deployment may have it
    return _Called(
        Outcome.FAILED if may_help_later else Outcome.REFUSED,
        error=_line(f"{error.message} {error.hint}"),
        error_type=kinds.get(error.kind, error.kind),
        error_types=_class_names(error.__cause__ or error),
        traceback=_traceback(error.__cause__) if error.__cause__ is not None else None,
    )


def _raised(run: ClaimedRun, error: BaseException, interruption: Interruption | None) -> _Called:
    is_stopped = isinstance(error, SoftTimeLimitExceeded | RunCancelled) or (
        interruption is not None and _class_names(error)[0] == "asyncio.exceptions.CancelledError"
    )
    if isinstance(error, SystemExit) and terminate_handler_fired():
        told = "the worker was told to stop in the middle of the run"
        return _Called(Outcome.LOST, error=told, error_type="lost", leave=error)
    if is_stopped and interruption is Interruption.CANCEL:
        return _Called(Outcome.CANCELLED, error="cancelled while running", error_type="cancelled")
    if is_stopped:
        return _Called(
            Outcome.TIMED_OUT,
            error=f"not ended within its soft time limit of {_soft_limit(run)}",
            error_type="timeout",
            error_types=_class_names(error),
            traceback=_traceback(error),
        )
    names = _class_names(error)
    return _Called(
        Outcome.FAILED,
        error=_line(f"{type(error).__qualname__}: {_message(error)}"),
        error_type=names[0].removeprefix("builtins."),
        error_types=names,
        traceback=_traceback(error),
    )


def _soft_limit(run: ClaimedRun) -> str:
    return format_duration(run.spec.soft_timeout or run.spec.timeout)


def _decide(run: ClaimedRun, called: _Called) -> Ending:
    end = decide_end(
        run.ended(called.outcome, error_types=called.error_types),
        random_fraction=random.random(),  # noqa: S311  spreads retries, no secret
    )
    return Ending(
        state=end.state,
        attempt_state=attempts.attempt_state(called.outcome),
        retry_in=end.retry_in,
        result=called.result,
        error_type=called.error_type,
        error=called.error,
        traceback=called.traceback,
    )


def _finish(home: Home, run: ClaimedRun, ending: Ending) -> RunState | None:
    try:
        return home.database.do(
            partial(attempts.finish, held=run.claim, ending=ending), patience_seconds=None
        )
    except DataError as error:
        # JSON that PostgreSQL cannot hold, such as a NUL within a string.
        note = _line(f"the result cannot be stored: {error.orig}")
        kept = Ending(ending.state, ending.attempt_state, ending.retry_in, error=note)
        return home.database.do(
            partial(attempts.finish, held=run.claim, ending=kept), patience_seconds=None
        )


def _log_end(run: ClaimedRun, called: _Called, state: RunState | None, *, seconds: float) -> None:
    event = "run_ended" if state is not None else "run_end_refused"
    fields: dict[str, Any] = {} if called.error is None else {"error": called.error}
    log.info(
        event,
        run=str(run.claim.run_id),
        job=run.address,
        attempt=run.attempt,
        outcome=called.outcome.value,
        state=None if state is None else state.value,
        seconds=round(seconds, 3),
        **fields,
    )


class _LogWriter:
    """Catches what a run prints, and stores it about once a second while it runs.

    The thread starts with the first output: a run that prints nothing costs nothing.
    """

    def __init__(self, home: Home, run: ClaimedRun) -> None:
        self._database = home.database
        self._run = run
        self._recording = Recording(on_first_write=self._start)
        self._captured = home.capture.record(self._recording)
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._captured.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._captured.__exit__(kind, error, trace)
        self._ended.set()

    def write(self, *, patience_seconds: float | None) -> None:
        """Store all that is there."""
        self._database.do(self._store, patience_seconds=patience_seconds)

    def _start(self) -> None:
        threading.Thread(target=self._write_live, name="run log", daemon=True).start()

    def _write_live(self) -> None:
        while not self._ended.wait(LOG_EVERY_SECONDS):
            self._database.do(self._store, patience_seconds=None)

    def _store(self, connection: Connection) -> None:
        while (batch := self._recording.batch()) is not None:
            run_logs.write_pieces(
                connection,
                self._run.claim.run_id,
                self._run.attempt,
                batch.pieces,
                drop=batch.drop,
            )
            self._recording.confirm()


def _class_names(error: BaseException) -> tuple[str, ...]:
    """The class and its bases, as `retry.for` names them, nearest first."""
    return tuple(
        f"{cls.__module__}.{cls.__qualname__}" for cls in type(error).__mro__ if cls is not object
    )


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001  `__str__` is the user's code
        return f"<its text cannot be made: {type(failure).__name__}>"


def _traceback(error: BaseException) -> str:
    """From the user's first frame on, cut in the middle of nowhere rather than at its end."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and _is_ours(trace):
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    return _storable("".join(lines)[-TRACEBACK_CHARACTERS_MAX:])


_OWN_FILES = frozenset(
    code.co_filename
    for code in (Caller.call.__code__, load_callable.__code__, execute_run.__code__)
)


def _is_ours(trace: TracebackType) -> bool:
    """Our own frames, and those of the import machinery between them and the user's module."""
    file = trace.tb_frame.f_code.co_filename
    return file in _OWN_FILES or "importlib" in file


def _line(told: str) -> str:
    first = told.strip().partition("\n")[0]
    return _storable(first[:ERROR_CHARACTERS_MAX])


def _storable(told: str) -> str:
    """What PostgreSQL's text can hold: no NUL, no half of a surrogate pair."""
    return told.replace("\x00", "\ufffd").encode("utf-8", "backslashreplace").decode("utf-8")
