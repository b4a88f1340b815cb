"""One clean-up: the job's `on_end`, called for a run that is over. A process of its own each.

    python -m jobrunner.clean_up    the worker's parent starts it, and writes an Assignment to its stdin

It writes down itself what came of it, so a worker that dies meanwhile costs nothing. Being called
twice is what an `on_end` has to bear: its process may be killed between its end and that write.
"""

import inspect
import os
import signal
import sys
import traceback
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict

from jobrunner.call import Caller
from jobrunner.callables import LoadedCallable, load_callable
from jobrunner.current import CurrentRun, EndedRun, entered
from jobrunner.db import clean_ups
from jobrunner.db.attempts import Claim, ClaimedRun
from jobrunner.db.clean_ups import CleanUp, RunToCleanUp
from jobrunner.db.engine import make_engine
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.db.run_logs import CLEAN_UP_ATTEMPT
from jobrunner.errors import CallableError, Conflict, JobrunnerError
from jobrunner.logs import configure_logging, plain_formatter
from jobrunner.outcome import Mask, line
from jobrunner.output import Capture
from jobrunner.process_tree import adopt_orphans
from jobrunner.run_output import OutputWriter
from jobrunner.secrets import Secrets, make_secrets, mask_log
from jobrunner.settings import Settings

LIMIT_SECONDS = 60
"""The worker's parent ends the process then."""
_ALONE_SECONDS = LIMIT_SECONDS + 15
"""Without a parent it ends itself."""
_PATIENCE_SECONDS = 10.0

log = structlog.get_logger("jobrunner.clean_up")


class Assignment(BaseModel):
    """What such a process is told."""

    model_config = ConfigDict(frozen=True)

    settings: Settings
    """The worker's."""
    allow: tuple[str, ...]
    """Patterns of what may be loaded; see `callables`."""
    path: tuple[str, ...]
    """The worker's `sys.path`."""
    run_id: uuid.UUID
    tries: int


def main() -> None:
    """What the process does. Its exit code is 0 when it has written down how it went, well or not."""
    assignment = Assignment.model_validate_json(sys.stdin.read())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the worker
    signal.alarm(_ALONE_SECONDS)
    adopt_orphans()
    sys.path[:] = assignment.path
    settings = assignment.settings
    configure_logging(settings.log_format)
    secrets = make_secrets(settings, os.environ)
    mask_log(secrets)
    capture = Capture()
    capture.install(plain_formatter())
    engine = make_engine(settings.database_url, application_name="jobrunner clean-up", pool_size=1)
    database = KeptConnection(engine)
    clean_up(
        CleanUp(assignment.run_id, assignment.tries),
        database,
        capture=capture,
        secrets=secrets,
        allow=assignment.allow,
    )
    database.close()


def clean_up(
    taken: CleanUp,
    database: KeptConnection,
    *,
    capture: Capture,
    secrets: Secrets,
    allow: Sequence[str],
) -> None:
    """Call it, and write down how it went. What it prints is kept with the run's output.

    Whatever the callable does is no exception. Raises DatabaseUnavailable when the run cannot be read.
    """
    try:
        run = database.do(partial(clean_ups.read, taken=taken), patience_seconds=_PATIENCE_SECONDS)
    except Conflict as error:
        _write_end(database, taken, "", error.message)
        return
    if run is None:
        return
    with (
        secrets.masking() as masker,
        OutputWriter(database, capture, _as_attempt(taken, run), masker) as writer,
    ):
        problem = _call(taken, run, secrets, allow, masker.text)
    writer.write(patience_seconds=None)
    _write_end(database, taken, run.address, problem)


def _call(
    taken: CleanUp, run: RunToCleanUp, secrets: Secrets, allow: Sequence[str], mask: Mask
) -> str | None:
    """None, or what went wrong in one line; its traceback goes to the output."""
    assert run.spec.on_end is not None  # noqa: S101  others are not taken
    print(f"on_end: {run.spec.on_end}, try {taken.tries}")  # noqa: T201  to the run's output
    caller = Caller()
    try:
        ended = _ended_run(taken.run_id, run, secrets)
        loaded = load_callable(run.spec.on_end, allow=allow)
        with entered(_current(taken.run_id, run)), caller.interruptible():
            caller.call(loaded, [ended] if _takes_run(loaded) else [], {})
    except CallableError as error:
        sys.stderr.write(f"{error.message} {error.hint}\n")
        return line(mask(error.message))
    except BaseException as error:  # noqa: BLE001  the callable is the user's code
        sys.stderr.write("".join(traceback.format_exception(error)))
        return line(mask(f"{type(error).__qualname__}: {error}"))
    finally:
        with suppress(Exception):  # an asynchronous generator that does not end is the user's code
            caller.close()
    return None


def _takes_run(loaded: LoadedCallable) -> bool:
    """Whether it can be called with one argument. What cannot be told is called with it."""
    if loaded.signature is None:
        return True
    try:
        loaded.signature.bind(None)
    except TypeError:
        return False
    parameters = loaded.signature.parameters.values()
    return any(one.kind is not inspect.Parameter.VAR_KEYWORD for one in parameters)


def _ended_run(run_id: uuid.UUID, run: RunToCleanUp, secrets: Secrets) -> EndedRun:
    args, kwargs = secrets.opened(run.address, (run.args, run.kwargs), run.spec.sensitive)
    return EndedRun(
        id=run_id,
        job=run.address,
        state=run.state,
        attempt=run.attempt,
        scheduled_for=run.scheduled_for,
        started_at=run.started_at,
        finished_at=run.finished_at,
        error=run.error,
        result=run.result,
        args=tuple(args),
        kwargs=dict(kwargs),
    )


def _current(run_id: uuid.UUID, run: RunToCleanUp) -> CurrentRun:
    deadline = datetime.now(UTC) + timedelta(seconds=LIMIT_SECONDS)
    return CurrentRun(run_id, run.address, run.attempt, run.scheduled_for, deadline)


def _as_attempt(taken: CleanUp, run: RunToCleanUp) -> ClaimedRun:
    """For its output. The token is nobody's: what it says of its progress is nobody's either."""
    return ClaimedRun(
        claim=Claim(taken.run_id, uuid.UUID(int=0)),
        address=run.address,
        attempt=CLEAN_UP_ATTEMPT + taken.tries,
        lost_attempts=0,
        scheduled_for=run.scheduled_for,
        spec=run.spec,
        args=run.args,
        kwargs=run.kwargs,
        cancel_requested=False,
    )


def _write_end(database: KeptConnection, taken: CleanUp, address: str, problem: str | None) -> None:
    fields: dict[str, Any] = {"run": str(taken.run_id), "job": address, "tries": taken.tries}
    if problem is None:
        database.do(partial(clean_ups.finish, taken=taken), patience_seconds=None)
        log.info("on_end_called", **fields)
        return
    is_due_again = database.do(
        partial(clean_ups.fail, taken=taken, error=problem), patience_seconds=None
    )
    log.warning("on_end_failed", **fields, error=problem, again=is_due_again)


if __name__ == "__main__":
    try:
        main()
    except JobrunnerError as failure:
        log.warning("on_end_not_called", error=failure.message)
        sys.exit(failure.exit_code)
