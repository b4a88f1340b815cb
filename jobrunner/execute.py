"""One run from its claim to its end: claim → load → call → decide → finish.

It runs in a child process of a worker, one run at a time; nothing here knows of Celery.
"""

import copy
import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from random import SystemRandom
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from jobrunner.arguments import fit_arguments
from jobrunner.call import CANCEL_SIGNAL, SOFT_LIMIT_SIGNAL, Caller
from jobrunner.callables import LoadedCallable, load_callable
from jobrunner.celery_call import bound_to_run
from jobrunner.command import run_command
from jobrunner.crash_points import reach
from jobrunner.current import CurrentRun, current_run, entered
from jobrunner.db import attempts, holding
from jobrunner.db.attempts import Claim, ClaimedRun, Ending
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.db.unclaimed import leave_to_others
from jobrunner.errors import CallableError
from jobrunner.isolate import in_own_process
from jobrunner.masking import Masker
from jobrunner.memory import peak_bytes, reset_peak
from jobrunner.outcome import Called, raised, refused, returned, unloadable, without_result
from jobrunner.output import Capture
from jobrunner.process_tree import how_it_ended
from jobrunner.run import Outcome, RunState, decide_end
from jobrunner.run_output import OutputWriter
from jobrunner.secrets import Secrets
from jobrunner.surroundings import Surroundings
from jobrunner.tracing import (
    attempt_ended,
    attempt_of,
    current_traceparent,
    send_spans,
    trace_id_of,
    traceparent_of_run,
)

CLAIM_PATIENCE_SECONDS = 10.0
"""How long a message is held while the database does not answer; then it goes back to its queue."""

_CHANCE = SystemRandom()  # Python's shared one may have been seeded by whoever else is here

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
    secrets: Secrets = field(default_factory=Secrets)
    allow_commands: bool = False
    root: str = "."
    """The project's folder, in which commands run."""
    end_leftovers: Callable[[], None] = lambda: None
    """Ends the processes that a run has started and not ended, when it was itself told to end."""
    announce: Callable[[ClaimedRun], None] = lambda _: None
    """Tells of a run that was claimed, before any of its code runs."""
    caller: Caller = field(default_factory=Caller)
    surroundings: Surroundings = field(default_factory=Surroundings)
    loaded: dict[str, LoadedCallable] = field(default_factory=dict)

    def close(self) -> None:
        """End the event loop and the connection."""
        self.caller.close()
        self.database.close()


@dataclass(frozen=True, slots=True)
class Executed:
    """An attempt that was made. `state` None: its end came too late and was refused, or it was written
    by the process of an isolated run.
    """

    run_id: uuid.UUID
    address: str
    attempt: int
    state: RunState | None
    error_type: str | None = None
    """As it is kept with the attempt; None without an error, and where `state` is None."""


def execute_run(home: Home, wanted: Claim) -> Executed | None:
    """Make one attempt of a queued run; None when there is nothing to start.

    Whatever the callable does is an outcome and no exception. Raises DatabaseUnavailable when the
    run could not even be claimed; once it is claimed, its end is tried until it is written.
    """
    run = _claim(home, wanted)
    if run is None:
        return None
    if run.is_newer:
        _leave_to_newer(home, run)
        return None
    home.announce(run)
    reach("run_claimed")
    return _attempt(home, run)


def _attempt(home: Home, run: ClaimedRun) -> Executed:
    if not run.spec.isolate:
        return _attempt_here(home, run)
    ended = in_own_process(
        lambda: _attempt_alone(home, run), passed_on=(SOFT_LIMIT_SIGNAL, CANCEL_SIGNAL)
    )
    # Also after exit code 0, which a callable may have ended it with: a run that has its end refuses.
    told = f"its process died: {how_it_ended(ended.exit_code)}"
    called = Called(Outcome.LOST, error=told, error_type="lost")
    ending = replace(_decide(run, called), memory_peak_bytes=ended.memory_peak_bytes)
    state = _finish(home, run, ending)
    if state is not None or ended.exit_code:
        _log_end(run, called, state)
    return Executed(run.claim.run_id, run.address, run.attempt, state)


def _attempt_alone(home: Home, run: ClaimedRun) -> None:
    home.capture.after_fork()
    own = replace(
        home, database=home.database.forked(), caller=Caller(), surroundings=Surroundings()
    )
    try:
        _attempt_here(own, run)
    finally:
        send_spans()


def _attempt_here(home: Home, run: ClaimedRun) -> Executed:
    traceparent = traceparent_of_run(run.claim.run_id, run.traceparent)
    told: dict[str, str | int] = {
        "jobrunner.run": str(run.claim.run_id),
        "jobrunner.attempt": run.attempt,
    }
    with attempt_of(traceparent, run.address, told):
        called, state = _make_attempt(home, run)
        attempt_ended(called.outcome.value, called.error)
    if called.leave is not None:
        raise called.leave
    return Executed(run.claim.run_id, run.address, run.attempt, state, called.error_type)


def _make_attempt(home: Home, run: ClaimedRun) -> tuple[Called, RunState | None]:
    started = time.monotonic()
    reset_peak()
    log.debug("run_started", **_told(run))
    with (
        home.secrets.masking() as masker,
        OutputWriter(home.database, home.capture, run, masker) as writer,
    ):
        called = _call(home, run, masker)
    reach("callable_ended")
    writer.write(patience_seconds=None)
    reach("output_written")
    ending = replace(_decide(run, called), memory_peak_bytes=peak_bytes())
    state = _finish(home, run, ending)
    reach("run_finished")
    _log_end(run, called, state, seconds=time.monotonic() - started)
    return called, state


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


def _leave_to_newer(home: Home, run: ClaimedRun) -> None:
    """While versions are being changed, both are at work."""
    log.warning("run_left_to_newer_worker", run=str(run.claim.run_id), problem=run.problem)

    def leave(connection: Connection) -> None:
        leave_to_others(connection, run.claim, worker=home.worker, reason=run.problem)

    home.database.do(leave, patience_seconds=CLAIM_PATIENCE_SECONDS)


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
        called = Called(Outcome.LOST, error="its process died", error_type="lost")
        return attempts.finish(connection, orphan.claim, _decide(orphan, called))


def _call(home: Home, run: ClaimedRun, masker: Masker) -> Called:
    """The callable with its arguments, in surroundings that are put back afterwards."""
    if run.problem:
        return refused(run.problem)
    caller = home.caller
    try:
        with (
            home.surroundings.restored(run.address),
            entered(_current(run)),
            caller.interruptible(),
        ):
            # What makes JSON of the result may be the user's code as well.
            return returned(_invoke(home, run, masker), masker)
    except CallableError as error:
        return unloadable(error, masker.text)
    except BaseException as error:  # noqa: BLE001  the callable is the user's code
        if caller.interruption is not None:
            home.end_leftovers()  # before the end is written, and the next attempt starts its own
        soft_limit = run.spec.soft_timeout or run.spec.timeout
        return raised(error, caller.interruption, soft_limit, masker.text)


def _invoke(home: Home, run: ClaimedRun, masker: Masker) -> Any:
    if run.spec.command is not None:
        return _run_command(home, run.spec.command)
    if run.spec.task is None:
        raise CallableError(
            "This run is for the workers of another Celery app.",
            kind="refused",
            hint="A beat of an older version has sent it here; upgrade the beats.",
        )
    # The definition is shared by all its runs; a callable may change what it is given.
    given = copy.deepcopy((run.args, run.kwargs))
    args, kwargs = home.secrets.opened(run.address, given, run.spec.sensitive)
    loaded = _load(home, run.spec.task)
    args, kwargs = fit_arguments(loaded, args, kwargs, masker=masker, given=run.given)
    bound = bound_to_run(
        loaded, args, kwargs, run=current_run(), spec=run.spec, hostname=home.worker
    )
    reach("callable_loaded")
    home.surroundings.remember()
    return home.caller.call(bound, args, kwargs)


def _run_command(home: Home, words: Sequence[str]) -> None:
    if not home.allow_commands:
        raise CallableError(
            "This worker does not run commands.",
            kind="refused",
            hint="Start it with JOBRUNNER_ALLOW_COMMANDS=true.",
        )
    run_command(words, current_run(), folder=home.root, environment=os.environ)


def _current(run: ClaimedRun) -> CurrentRun:
    deadline = datetime.now(UTC) + run.spec.timeout
    return CurrentRun(
        run.claim.run_id,
        run.address,
        run.attempt,
        run.scheduled_for,
        deadline,
        current_traceparent(),
    )


def _load(home: Home, path: str) -> LoadedCallable:
    loaded = home.loaded.get(path)
    if loaded is None:
        loaded = home.loaded[path] = load_callable(path, allow=home.allow)
    return loaded


def _decide(run: ClaimedRun, called: Called) -> Ending:
    end = decide_end(
        run.ended(called.outcome, error_types=called.error_types, retry_in=called.retry_in),
        random_fraction=_CHANCE.random(),
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
    except DBAPIError as error:
        # JSON that PostgreSQL cannot hold, such as a NUL within a string or a very deep list.
        kept = without_result(ending, error)
        return home.database.do(
            partial(attempts.finish, held=run.claim, ending=kept), patience_seconds=None
        )


def _log_end(
    run: ClaimedRun, called: Called, state: RunState | None, *, seconds: float | None = None
) -> None:
    event = "run_ended" if state is not None else "run_end_refused"
    fields: dict[str, Any] = {} if called.error is None else {"error": called.error}
    if seconds is not None:
        fields["seconds"] = round(seconds, 3)
    log.info(
        event,
        **_told(run),
        outcome=called.outcome.value,
        state=None if state is None else state.value,
        **fields,
    )


def _told(run: ClaimedRun) -> dict[str, Any]:
    """What each event says of the run. One that nobody traced has its own id as its trace's."""
    traced = {} if run.traceparent is None else {"trace_id": trace_id_of(run.traceparent)}
    return {"run": str(run.claim.run_id), "job": run.address, "attempt": run.attempt, **traced}
