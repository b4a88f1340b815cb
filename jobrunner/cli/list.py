"""`jobrunner list`: the jobs in force, each with what a person needs next."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.layout import Column, Table, text
from jobrunner.cli.output import Form
from jobrunner.cli.session import Session
from jobrunner.cli.style import state_words, style
from jobrunner.db.engine import transaction
from jobrunner.db.overview import JobFilter, LastRun, ListedJob, list_jobs
from jobrunner.db.pauses import pauses_in_force
from jobrunner.plan.pause import PauseInForce
from jobrunner.spec.secrets import shown
from jobrunner.wording.times import distance, iso, took

_COLUMNS = (
    Column("job", shrinks=True),
    Column("next", right=True),
    Column("last"),
    Column("ended", right=True),
    Column("took", right=True),
    Column("tags", shrinks=True),
)


@make_command(
    "list",
    "The jobs in force, with their next and last run.",
    examples=[
        ("jobrunner list --namespace ops", "The jobs of a namespace."),
        (
            "jobrunner list --tag finance -o json",
            "Everything that is known of them, for a program.",
        ),
    ],
)
@click.option("--namespace", metavar="NAME", help="Only jobs of this namespace.")
@click.option("--tag", metavar="TAG", help="Only jobs with this tag.")
@click.option("--queue", metavar="NAME", help="Only jobs on this queue.")
@click.option("--owner", metavar="NAME", help="Only jobs of this owner.")
@output_option
def command(
    session: Session,
    *,
    namespace: str | None,
    tag: str | None,
    queue: str | None,
    owner: str | None,
    form: Form,
) -> None:
    wanted = JobFilter(namespace=namespace, tag=tag, queue=queue, owner=owner)
    with open_database(session, "list") as engine, transaction(engine) as connection:
        jobs = list_jobs(connection, wanted)
        pauses = pauses_in_force(connection)
    now = datetime.now(UTC)
    table = Table(
        _COLUMNS,
        [_cells(job, pauses_of(job, pauses), now) for job in jobs],
        empty="No job matches."
        if wanted != JobFilter()
        else "No jobs yet. Write one with `jobrunner init`, then `jobrunner apply`.",
    )
    session.output.listing([job_record(job, pauses_of(job, pauses)) for job in jobs], table, form)


def pauses_of(job: ListedJob, pauses: Sequence[PauseInForce]) -> tuple[PauseInForce, ...]:
    """Those that hold the job back now."""
    return tuple(p for p in pauses if p.covers(job.address, queues=(job.queue,), tags=job.tags))


def _cells(job: ListedJob, pauses: Sequence[PauseInForce], now: datetime) -> list[str]:
    last = job.last_run
    ended = None if last is None else last.finished_at or last.started_at
    return [
        text(job.address),
        next_words(job, pauses, now),
        "" if last is None else state_words(last.state, held=last.held),
        "" if ended is None else distance(ended, now),
        _took(last),
        style(text(", ".join(job.tags)), "quiet"),
    ]


def next_words(job: ListedJob, pauses: Sequence[PauseInForce], now: datetime) -> str:
    """When it fires next, or why it does not."""
    if not job.enabled:
        return style("disabled", "quiet")
    if pauses:
        return state_words("paused")
    if job.schedule_error is not None:
        return style("✕ in error", "bad")
    if job.next_run_at is None:
        return style("never" if job.definition.get("schedules") else "by hand", "quiet")
    if job.next_run_at <= now:
        return "due"
    return distance(job.next_run_at, now)


def _took(last: LastRun | None) -> str:
    if last is None or last.started_at is None or last.finished_at is None:
        return ""
    return took(last.finished_at - last.started_at)


def job_record(job: ListedJob, pauses: Sequence[PauseInForce]) -> dict[str, Any]:
    """The job as JSON."""
    last = job.last_run
    return {
        "address": job.address,
        "project": job.project,
        "enabled": job.enabled,
        "paused": bool(pauses),
        "pauses": [pause_record(pause) for pause in pauses],
        "queue": job.queue,
        "owner": job.owner,
        "tags": list(job.tags),
        "file": job.file,
        "line": job.line,
        "revision": job.revision,
        "git_commit": job.git_commit,
        "next_run_at": iso(job.next_run_at),
        "schedule_error": job.schedule_error,
        "last_run": None
        if last is None
        else {
            "state": last.state,
            "scheduled_for": iso(last.scheduled_for),
            "started_at": iso(last.started_at),
            "finished_at": iso(last.finished_at),
            "error": last.error,
        },
        "definition": shown(job.definition),
    }


def pause_record(pause: PauseInForce) -> dict[str, Any]:
    """The pause as JSON."""
    return {
        "scope": pause.scope,
        "target": pause.target,
        "reason": pause.reason,
        "paused_by": pause.paused_by,
        "started_at": iso(pause.started_at),
        "until": iso(pause.until),
    }
