"""`jobrunner run`: a job now, by the workers, or in this very process."""

import json
import uuid
from functools import partial
from typing import Any

import click
from sqlalchemy import Connection, Engine

from jobrunner.cli.command import make_command
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.layout import text
from jobrunner.cli.project import no_such_job
from jobrunner.cli.run_here import run_here
from jobrunner.cli.run_logs import exit_code_of, output_until_end, patiently, show_output
from jobrunner.cli.runs import SHORT_ID
from jobrunner.cli.session import Session
from jobrunner.cli.settings import keyring_of
from jobrunner.cli.style import state_words
from jobrunner.db.engine import transaction
from jobrunner.db.overview import JobFilter, list_jobs
from jobrunner.db.processes import not_sent_to, read_processes, unserved_queues
from jobrunner.db.runs import Run, get_run
from jobrunner.errors import NotFound, UsageError
from jobrunner.run import Start
from jobrunner.triggers import TriggeredRun, trigger_run
from jobrunner.wording.foreign_text import safe
from jobrunner.wording.times import took


@make_command(
    "run",
    "Run a job now: by the workers, or with --local in this process, without any server.\n\n"
    "It obeys the job's `overlap` and says so; its next scheduled time stays what it is. With --local "
    "time limits, retries and `on_end` are left out: Ctrl-C ends it.",
    examples=[
        ('jobrunner run playground/greet --kwargs \'{"name": "Ada"}\' --wait', "And see its end."),
        ("jobrunner run playground/greet --local", "Try a job straight from the files."),
    ],
)
@click.argument("address")
@click.option("--kwargs", "given_kwargs", metavar="JSON", help="Laid over the job's own kwargs.")
@click.option("--wait", is_flag=True, help="Show its output, and exit 1 unless it succeeds.")
@click.option("--local", is_flag=True, help="In this process, from the files; nothing is recorded.")
@click.option("--request-id", metavar="KEY", help="The same key again is the same run.")
@click.option("--force", is_flag=True, help="Start even though `overlap` says no.")
def command(
    session: Session,
    *,
    address: str,
    given_kwargs: str | None,
    wait: bool,
    local: bool,
    request_id: str | None,
    force: bool,
) -> int:
    kwargs = None if given_kwargs is None else _parse_kwargs(given_kwargs)
    if request_id == "":
        # A variable that is not set, most likely: each of its requests would be the first one again.
        raise UsageError("--request-id is empty.", hint="Give a key, or leave the option out.")
    if local:
        if wait or request_id is not None or force:
            raise UsageError("--local knows no --wait, --request-id or --force: it runs here.")
        return run_here(session, address, kwargs or {})
    with open_database(session, "run") as engine:
        with transaction(engine) as connection:
            triggered = _trigger(
                connection,
                address,
                created_by=actor_of(session),
                kwargs=kwargs,
                request_key=request_id,
                force=force,
                keyring=keyring_of(session),
            )
        _tell(session, engine, address, triggered)
        if wait and triggered.start is not Start.SKIP:
            return _wait(session, engine, triggered.run_id)
    return 1 if triggered.start is Start.SKIP else 0


def _trigger(connection: Connection, address: str, **options: Any) -> TriggeredRun:
    """Raises NotFound with the address that was probably meant."""
    try:
        return trigger_run(connection, address, **options)
    except NotFound as error:
        known = [job.address for job in list_jobs(connection, JobFilter())]
        raise no_such_job(
            address,
            known,
            where=" in force",
            or_else="`jobrunner plan` shows what only the files have.",
        ) from error


def _parse_kwargs(given: str) -> dict[str, Any]:
    try:
        value = json.loads(given)
    except ValueError as error:
        raise UsageError(
            f"--kwargs is no JSON: {error}.", hint="Write for example --kwargs '{\"a\": 1}'."
        ) from error
    if not isinstance(value, dict):
        raise UsageError(
            "--kwargs is a JSON object: names and values.", hint="--kwargs '{\"a\": 1}'"
        )
    return value


def _tell(session: Session, engine: Engine, address: str, triggered: TriggeredRun) -> None:
    run_id, short_id = triggered.run_id, str(triggered.run_id)[:SHORT_ID]
    if not triggered.is_new:
        session.output.result(f"Run {run_id}: the same request made it earlier.")
        return
    match triggered.start:
        case Start.SKIP:
            session.output.result(
                f"Run {run_id} was {state_words('skipped')}: another run of {text(address)} is not "
                "over (overlap: skip)."
            )
            session.output.say(f"  → Start anyway: jobrunner run {text(address)} --force")
            return
        case Start.HOLD | Start.REPLACE_AND_HOLD:
            session.output.result(f"Run {run_id} waits for another run of {text(address)} to end.")
        case _:
            session.output.result(f"Run {run_id} of {text(address)} is queued.")
    session.output.say(f"  → Look at it: jobrunner runs show {short_id}")
    _warn_when_nobody_works(session, engine, run_id)


def _warn_when_nobody_works(session: Session, engine: Engine, run_id: uuid.UUID) -> None:
    with transaction(engine) as connection:
        processes = [one for one in read_processes(connection) if one.is_alive]
        run = get_run(connection, run_id)
    alive = {one.process.kind for one in processes}
    warn = session.output.warning
    if "beat" not in alive:
        warn("No beat is at work; the run waits until one sends it.", "Start one: jobrunner beat")
    if (run.definition or {}).get("celery_task") is not None:  # workers of its own app execute it
        for reason in not_sent_to(processes):
            warn(text(reason), "The run waits until it can be.")
    elif "worker" not in alive:
        warn(
            "No worker is at work; the run waits until one executes it.",
            "Start one: jobrunner worker",
        )
    elif unserved_queues([run.run.queue], processes):
        queue = text(run.run.queue)
        warn(
            f"No worker takes from the queue {queue}; the run waits until one does.",
            f"Start one: jobrunner worker -Q {queue}",
        )


def _wait(session: Session, engine: Engine, run_id: uuid.UUID) -> int:
    try:
        show_output(session, output_until_end(session.output, engine, run_id))
        ended = patiently(session.output, engine, partial(get_run, run_id=run_id))
    except KeyboardInterrupt as interrupted:
        # The terminal has written `^C` on this line.
        told = f"The run goes on. End it: jobrunner runs cancel {str(run_id)[:SHORT_ID]}"
        session.output.say("", told)
        raise click.Abort from interrupted
    _tell_end(session, ended.run, ended.result)
    return exit_code_of(ended.run)


def _tell_end(session: Session, run: Run, result: Any) -> None:
    lasted = "" if run.duration is None else f" in {took(run.duration)}"
    session.output.result(f"{state_words(run.state)}{lasted}")
    if result is not None:
        session.output.result(f"result  {safe(json.dumps(result, ensure_ascii=False))}")
    if run.error:
        label = "note " if run.state == "succeeded" else "error"
        session.output.result(f"{label}   {text(run.error)}")
