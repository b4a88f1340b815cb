"""`jobrunner run --local`: one attempt of a job in this very process, straight from the files."""

import json
import logging
import sys
import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from jobrunner.arguments import fit_arguments
from jobrunner.call import Caller
from jobrunner.callables import load_callable
from jobrunner.celery_call import bound_to_run
from jobrunner.cli.project import no_such_job, read_valid_project
from jobrunner.cli.session import Session
from jobrunner.cli.settings import settings_of
from jobrunner.cli.style import state_words, style
from jobrunner.command import run_command
from jobrunner.current import CurrentRun, entered
from jobrunner.errors import CallableError, UsageError
from jobrunner.masking import Masker
from jobrunner.outcome import Called, raised, returned, unloadable
from jobrunner.run import Outcome
from jobrunner.secrets import Secrets, make_secrets, mask_log
from jobrunner.settings import Settings
from jobrunner.spec.durations import format_duration
from jobrunner.spec.models import JobSpec
from jobrunner.wording.foreign_text import safe
from jobrunner.wording.times import took


def run_here(session: Session, address: str, kwargs: dict[str, Any]) -> int:
    """Call it once, show what it prints, returns or raises; the exit code. Nothing is recorded.

    Time limits are not kept to. Raises NotFound, CallableError, ConfigurationError, UsageError.
    """
    read = read_valid_project(session)
    found = [job.spec for job in read.jobs if job.address == address]
    if not found:
        raise no_such_job(address, [job.address for job in read.jobs], where=" in the files")
    spec = found[0].model_copy(update={"kwargs": {**found[0].kwargs, **kwargs}})
    settings = settings_of(session)
    _refuse_what_runs_elsewhere(spec, settings)
    root = str(read.root)
    sys.path.insert(0, root)  # as a worker does that is started there
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    run = CurrentRun(uuid.uuid4(), address, 1, datetime.now(UTC))
    if spec.command is not None:
        environ = session.environ
        invoke = partial(run_command, spec.command, run, folder=root, environment=environ)
        return _attempt(session, invoke, Masker())
    secrets, caller = make_secrets(settings, session.environ), Caller()
    mask_log(secrets)
    allow = settings.allow_tasks or read.project.allow.tasks
    try:
        with secrets.masking() as masker, entered(run):
            invoke = partial(_invoke, caller, spec, run, secrets, allow, given=kwargs)
            return _attempt(session, invoke, masker)
    finally:
        caller.close()


def _refuse_what_runs_elsewhere(spec: JobSpec, settings: Settings) -> None:
    if spec.celery_task is not None:
        raise UsageError(
            f"{spec.address} is a celery_task: it runs in the workers of its own app.",
            hint=f"Send it to them: jobrunner run {spec.address}",
        )
    if spec.command is not None and not settings.allow_commands:
        raise UsageError(
            "Commands are not allowed here.",
            hint="Set JOBRUNNER_ALLOW_COMMANDS=true, as for a worker.",
        )


def _invoke(
    caller: Caller,
    spec: JobSpec,
    run: CurrentRun,
    secrets: Secrets,
    allow: Sequence[str],
    *,
    given: Collection[str],
) -> Any:
    assert spec.task is not None  # noqa: S101  the others are done with
    opened = secrets.opened(run.job, (spec.args, spec.kwargs), spec.sensitive)
    loaded = load_callable(spec.task, allow=allow)
    fitted = fit_arguments(loaded, *opened, masker=secrets.masker, given=given)
    return caller.call(bound_to_run(loaded, *fitted, run=run, spec=spec, hostname="local"), *fitted)


def _attempt(session: Session, invoke: Callable[[], Any], masker: Masker) -> int:
    begun = datetime.now(UTC)
    try:
        called = returned(invoke(), masker)
    except CallableError as error:
        if error.__cause__ is not None:
            _say_problem(session, unloadable(error, masker.text))
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  the callable is the user's code
        called = raised(error, None, timedelta(0), masker.text)
    return _tell(session, called, datetime.now(UTC) - begun)


def _tell(session: Session, called: Called, lasted: timedelta) -> int:
    if called.outcome is not Outcome.SUCCEEDED:
        _say_problem(session, called)
        session.output.result(f"{state_words('failed')} in {took(lasted)}")
        if called.retry_in is not None:
            wait = format_duration(called.retry_in)
            session.output.say(f"  → A worker would try it again in {wait}; here it is tried once.")
        return 1
    session.output.result(f"{state_words('succeeded')} in {took(lasted)}")
    if called.result is not None:
        result = json.dumps(json.loads(called.result), ensure_ascii=False)
        session.output.result(f"{style('result', 'quiet')}  {safe(result)}")
    if called.error is not None:
        session.output.say(f"  {safe(called.error)}")
    return 0


def _say_problem(session: Session, called: Called) -> None:
    told = called.traceback or called.error or ""
    session.output.say(*(safe(line) for line in told.rstrip().splitlines()))
