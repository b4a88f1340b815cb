"""`jobrunner runs`: the history, one run, its output; cancel and retry."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Connection

from jobrunner.cli.command import Group, make_command, output_option
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.diagnostic_text import count as counted
from jobrunner.cli.layout import Column, Table, fields_lines, text
from jobrunner.cli.output import Form
from jobrunner.cli.run_logs import logs_command
from jobrunner.cli.run_progress import phase_lines, progress_text
from jobrunner.cli.session import Session
from jobrunner.cli.settings import keyring_of
from jobrunner.cli.style import state_words, style
from jobrunner.db import audit
from jobrunner.db.engine import transaction
from jobrunner.db.ledger import is_job
from jobrunner.db.runs import (
    Attempt,
    Run,
    RunDetail,
    RunFilter,
    cancel_run,
    find_run_id,
    find_runs,
    get_run,
)
from jobrunner.errors import Conflict, NotFound, UsageError
from jobrunner.run import TRIGGERS, RunState
from jobrunner.spec.durations import parse_duration
from jobrunner.spec.secrets import shown
from jobrunner.triggers import trigger_run
from jobrunner.wording.foreign_text import safe
from jobrunner.wording.places import place
from jobrunner.wording.times import distance, exact, iso, took

SHORT_ID = 8
_STATES = [str(state) for state in RunState]


@make_command(
    "list",
    "The newest runs, newest first.\n\n"
    "ADDRESS is namespace/job, or namespace/job#schedule for what one of its schedules started.",
    examples=[
        ("jobrunner runs list ops/disk-report", "The runs of one job."),
        ("jobrunner runs list --state failed --state lost --since 1d", "What went wrong today."),
    ],
)
@click.argument("address", required=False)
@click.option("--job", metavar="ADDRESS", help="The same as the argument.")
@click.option("--namespace", metavar="NAME", help="Only runs of this namespace's jobs.")
@click.option("--queue", metavar="NAME", help="Only runs on this queue.")
@click.option(
    "--state",
    "states",
    type=click.Choice(_STATES),
    metavar="STATE",
    multiple=True,
    help=f"{', '.join(_STATES[:-1])} or {_STATES[-1]}; may be repeated.",
)
@click.option(
    "--trigger", "triggers", type=click.Choice(TRIGGERS), multiple=True, help="May be repeated."
)
@click.option("--since", metavar="DURATION", help="Only runs of the last 90s, 2h, 7d …")
@click.option(
    "-n",
    "--limit",
    "count",
    type=click.IntRange(1, 10_000),
    metavar="N",
    default=20,
    show_default=True,
    help="At most this many.",
)
@output_option
def list_command(
    session: Session,
    *,
    address: str | None,
    job: str | None,
    namespace: str | None,
    queue: str | None,
    states: tuple[str, ...],
    triggers: tuple[str, ...],
    since: str | None,
    count: int,
    form: Form,
) -> None:
    if address is not None and job is not None:
        raise UsageError("Give ADDRESS or --job, not both.")
    now = datetime.now(UTC)
    wanted = RunFilter(
        address=address or job,
        namespace=namespace,
        queue=queue,
        states=states,
        triggers=triggers,
        since=None if since is None else now - _duration(since),
        limit=count,
    )
    with open_database(session, "runs") as engine, transaction(engine) as connection:
        runs = find_runs(connection, wanted)
        if not runs and wanted.address is not None:
            _check_known(connection, wanted.address)
    session.output.listing([run_record(run) for run in runs], runs_table(runs, now), form)


def _check_known(connection: Connection, address: str) -> None:
    """A deleted job has its runs; one that never was is a slip. Raises NotFound."""
    if not is_job(connection, address.partition("#")[0]):
        raise NotFound(
            f"There is and was no job {address}.", hint="`jobrunner list` shows those in force."
        )


def _duration(given: str) -> Any:
    try:
        return parse_duration(given)
    except ValueError as error:
        raise UsageError(f"--since {error}.", hint="Write for example --since 2h.") from error


def runs_table(runs: Sequence[Run], now: datetime, *, with_job: bool = True) -> Table:
    """Runs as a table; `with_job=False` where all are of one job."""
    columns = (
        Column("id"),
        Column("state"),
        *((Column("job", shrinks=True),) if with_job else ()),
        Column("scheduled for"),
        Column("took", right=True),
        Column("attempt", right=True),
        Column("note", shrinks=True, hangs=True),
    )
    rows = [_cells(run, now, with_job=with_job) for run in runs]
    return Table(
        columns, rows, empty="No runs found. `jobrunner list` shows when the next are due."
    )


def _cells(run: Run, now: datetime, *, with_job: bool) -> list[str]:
    owed = run.scheduled_for.astimezone()
    day = "" if owed.date() == now.astimezone().date() else f"{owed:%d %b} "
    return [
        str(run.id)[:SHORT_ID],
        state_words(run.state, held=run.held),
        *([text(run.address)] if with_job else []),
        f"{day}{owed:%H:%M:%S}",
        "" if run.duration is None else took(run.duration),
        str(run.attempt) if run.attempt else "",
        note(run, now),
    ]


def note(run: Run, now: datetime) -> str:
    """What is worth saying of a run in a few words."""
    if run.state == "missed":
        return f"{counted(run.missed_count or 1, 'time')}: {text(run.error)}"
    if run.state == "queued" and run.attempt:
        return f"again {distance(run.available_at, now)}: {text(run.error)}"
    if run.state == "running" and run.cancel_requested_at is not None:
        return "was told to end"
    if run.state == "running" and run.started_at is not None:
        return f"for {took(now - run.started_at)}"
    if run.error and run.state != "succeeded":
        return text(run.error)
    return "" if run.schedule is not None else f"by {text(run.created_by)}"


def run_record(run: Run) -> dict[str, Any]:
    """The run as JSON."""
    return {
        "id": str(run.id),
        "job": run.address,
        "schedule": run.schedule,
        "trigger": run.trigger,
        "scheduled_for": iso(run.scheduled_for),
        "state": run.state,
        "held": run.held,
        "attempt": run.attempt,
        "queue": run.queue,
        "priority": run.priority,
        "available_at": iso(run.available_at),
        "sent_at": iso(run.sent_at),
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
        "duration_seconds": None if run.duration is None else run.duration.total_seconds(),
        "worker": run.worker,
        "error": run.error,
        "missed_count": run.missed_count,
        "cancel_requested_at": iso(run.cancel_requested_at),
        "created_by": run.created_by,
        "request_key": run.request_key,
        "created_at": iso(run.created_at),
    }


@make_command(
    "show",
    "One run: what ran, each attempt, its result or its error. RUN is an id or how it begins.",
    examples=[
        ("jobrunner runs show 3f2a91bc", "The first letters of the id will do."),
        ("jobrunner runs show 3f2a91bc -o json", "The same for a program."),
    ],
)
@click.argument("run")
@output_option
def show_command(session: Session, run: str, form: Form) -> None:
    with open_database(session, "runs") as engine, transaction(engine) as connection:
        detail = get_run(connection, find_run_id(connection, run))
    if form == "table":
        session.output.result(*detail_lines(detail))
    else:
        session.output.document(_detail_record(detail), form)


def _detail_record(detail: RunDetail) -> dict[str, Any]:
    return {
        **run_record(detail.run),
        "kwargs": shown(detail.kwargs),
        "on_end": {
            "error": detail.on_end_error,
            "tries": detail.on_end_tries,
            "is_due": detail.on_end_is_due,
        },
        "result": detail.result,
        "progress": detail.progress,
        "revision": detail.revision,
        "git_commit": detail.git_commit,
        "file": detail.file,
        "line": detail.line,
        "definition": shown(detail.definition),
        "attempts": [_attempt_record(attempt) for attempt in detail.attempts],
    }


def _attempt_record(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "state": attempt.state,
        "worker": attempt.worker,
        "pid": attempt.pid,
        "started_at": iso(attempt.started_at),
        "finished_at": iso(attempt.finished_at),
        "error_type": attempt.error_type,
        "error": attempt.error,
        "traceback": attempt.traceback,
        "memory_peak_bytes": attempt.memory_peak_bytes,
    }


def detail_lines(detail: RunDetail) -> list[str]:
    """The run as a person reads it."""
    run = detail.run
    schedule = f"#{run.schedule}" if run.schedule else ""
    head = f"{style(text(run.address) + schedule, 'strong')}  {run.id}"
    lines = [f"{head}  {state_words(run.state, held=run.held)}", ""]
    lines += fields_lines([(n, v) for n, v in _fields(detail) if v], indent="  ")
    for attempt in detail.attempts:
        lines += ["", *_attempt_lines(attempt)]
        if detail.progress is not None and detail.progress["attempt"] == attempt.number:
            lines += phase_lines(detail.progress, indent="    ")
    lines += ["", f"  Its output: jobrunner runs logs {str(run.id)[:SHORT_ID]}"]
    return lines


def _fields(detail: RunDetail) -> list[tuple[str, str]]:
    run = detail.run
    by = f" by {text(run.created_by)}" if run.created_by else ""
    revision = "" if detail.revision is None else f"revision {detail.revision}"
    commit = f", git {detail.git_commit[:7]}" if detail.git_commit else ""
    where = "" if detail.file is None else f"{text(place(detail.file, detail.line or 0))}, "
    return [
        ("trigger", f"{run.trigger}{by}"),
        ("scheduled for", exact(run.scheduled_for)),
        ("started", "" if run.started_at is None else exact(run.started_at)),
        ("finished", "" if run.finished_at is None else exact(run.finished_at)),
        ("took", "" if run.duration is None else took(run.duration)),
        ("queue", text(run.queue)),
        ("worker", text(run.worker)),
        ("defined by", f"{where}{revision}{commit}"),
        ("kwargs", "" if detail.kwargs is None else text(shown(detail.kwargs))),
        ("progress", "" if detail.progress is None else progress_text(detail.progress)),
        ("result", "" if detail.result is None else text(detail.result)),
        _error_or_note(run),
        ("on_end", _clean_up(detail)),
    ]


def _error_or_note(run: Run) -> tuple[str, str]:
    """What is said of a run that has succeeded is no error: its result was not kept, for example."""
    if run.error is None or run.state == "succeeded":
        return "note", text(run.error or "")
    return "error", style(text(run.error), "bad")


def _clean_up(detail: RunDetail) -> str:
    """Its clean-up, where there is something to say of it."""
    if detail.on_end_error is not None:
        again = "it is tried again" if detail.on_end_is_due else "given up"
        tries = f"try {detail.on_end_tries}"
        return style(f"{text(detail.on_end_error)} ({tries}, {again})", "bad")
    is_over = detail.run.finished_at is not None
    return "not called yet" if detail.on_end_is_due and is_over else ""


def _attempt_lines(attempt: Attempt) -> list[str]:
    ended = attempt.finished_at
    lasted = "" if ended is None else f"  {took(ended - attempt.started_at)}"
    peak = attempt.memory_peak_bytes
    memory = "" if peak is None else f"  memory peak {peak // 1024**2:,} MiB"
    where = style(f"{text(attempt.worker)} pid {attempt.pid}{memory}", "quiet")
    lines = [f"  Attempt {attempt.number}  {state_words(attempt.state)}{lasted}  {where}"]
    told = attempt.traceback or attempt.error or ""
    return lines + [f"    {safe(line)}" for line in told.splitlines()]


@make_command(
    "cancel",
    "A queued run never starts; a running one is told to end. RUN is an id or how it begins.",
    examples=[
        ("jobrunner runs cancel 3f2a91bc", "One run."),
        ("jobrunner runs cancel 3f2a91bc 77c01d3e", "Several."),
    ],
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
def cancel_command(session: Session, runs: tuple[str, ...]) -> None:
    with open_database(session, "runs") as engine:
        for given in runs:
            with transaction(engine) as connection:
                run_id = find_run_id(connection, given)
                state = cancel_run(connection, run_id, actor=actor_of(session))
            if state is RunState.CANCELLED:
                session.output.result(f"Run {run_id} is cancelled; it never started.")
            else:
                session.output.result(f"Run {run_id} was told to end; its worker ends it.")


@make_command(
    "retry",
    "Run again what has ended: a new run now, with the same arguments and the definition in force.",
    examples=[
        ("jobrunner runs retry 3f2a91bc", "One run."),
        ("jobrunner runs retry 3f2a91bc 77c01d3e", "Several."),
    ],
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
def retry_command(session: Session, runs: tuple[str, ...]) -> None:
    actor = actor_of(session)
    with open_database(session, "runs") as engine:
        for given in runs:
            with transaction(engine) as connection:
                detail = get_run(connection, find_run_id(connection, given))
                _refuse_unless_over(detail.run)
                triggered = trigger_run(
                    connection,
                    detail.run.address,
                    created_by=actor,
                    kwargs=detail.kwargs,
                    keyring=keyring_of(session),
                )
                audit.record(
                    connection,
                    actor=actor,
                    action="run.retry",
                    target=str(detail.run.id),
                    details={"new_run": triggered.run_id},
                )
            session.output.result(f"Run {triggered.run_id} does {given} again.")


def _refuse_unless_over(run: Run) -> None:
    if not RunState(run.state).is_final:
        raise Conflict(
            f"Run {run.id} is not over ({run.state}).",
            hint=f"Cancel it first: jobrunner runs cancel {str(run.id)[:SHORT_ID]}",
        )


command = Group(
    "runs",
    help="Runs: list, show, logs, cancel, retry.",
    commands={
        "list": list_command,
        "show": show_command,
        "logs": logs_command,
        "cancel": cancel_command,
        "retry": retry_command,
    },
    examples=[
        ("jobrunner runs list --state failed", "What failed."),
        ("jobrunner runs show 3f2a91bc", "Why it failed."),
    ],
)
