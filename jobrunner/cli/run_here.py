"""`jobrunner run --local`: a job's callable in this very process, straight from the files."""

import logging
import sys
import traceback
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import jobrunner
from jobrunner.arguments import fit_arguments
from jobrunner.call import Caller
from jobrunner.callables import load_callable
from jobrunner.cli.project import no_such_job, read_valid_project
from jobrunner.cli.session import Session
from jobrunner.cli.settings import settings_of
from jobrunner.cli.style import safe, state_words, style
from jobrunner.cli.times import took
from jobrunner.current import CurrentRun, entered
from jobrunner.masking import Masker
from jobrunner.secrets import make_secrets

_OWN_FOLDER = str(Path(jobrunner.__file__).parent)


def run_here(session: Session, address: str, kwargs: dict[str, Any]) -> int:
    """Call it once, show what it prints, returns or raises; the exit code. Nothing is recorded.

    Raises NotFound, CallableError, ConfigurationError.
    """
    read = read_valid_project(session)
    found = [job.spec for job in read.jobs if job.address == address]
    if not found:
        raise no_such_job(address, [job.address for job in read.jobs], where=" in the files")
    spec = found[0]
    sys.path.insert(0, str(read.root))  # as a worker does that is started there
    settings = settings_of(session)
    secrets = make_secrets(settings, session.environ)
    allow = settings.allow_tasks or read.project.allow.tasks
    assert spec.task is not None  # noqa: S101
    loaded = load_callable(spec.task, allow=allow)
    merged = {**spec.kwargs, **kwargs}
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    caller = Caller()
    try:
        with (
            secrets.masking() as masker,
            entered(CurrentRun(uuid.uuid4(), address, 1, datetime.now(UTC))),
        ):
            given = secrets.opened(address, (spec.args, merged), spec.sensitive)
            args, merged = fit_arguments(loaded, *given, masker=masker)
            return _call(session, lambda: caller.call(loaded, args, merged), masker)
    finally:
        caller.close()


def _call(session: Session, call: Callable[[], Any], masker: Masker) -> int:
    begun = datetime.now(UTC)
    try:
        result = call()
    except Exception as error:  # noqa: BLE001  the callable is the user's code
        trace = _from_the_users_code(error.__traceback__)
        told = masker.text("".join(traceback.format_exception(type(error), error, trace)))
        session.output.say(*(safe(line) for line in told.rstrip().splitlines()))
        session.output.result(f"{state_words('failed')} in {took(datetime.now(UTC) - begun)}")
        return 1
    session.output.result(f"{state_words('succeeded')} in {took(datetime.now(UTC) - begun)}")
    if result is not None:
        session.output.result(f"{style('result', 'quiet')}  {safe(masker.text(repr(result)))}")
    return 0


def _from_the_users_code(trace: TracebackType | None) -> TracebackType | None:
    """Without the frames of this product above it."""
    while (
        trace is not None
        and trace.tb_next is not None
        and trace.tb_frame.f_code.co_filename.startswith(_OWN_FOLDER)
    ):
        trace = trace.tb_next
    return trace
