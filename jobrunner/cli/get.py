"""`jobrunner get`: one job, with its schedules and its last runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
from pydantic import ValidationError
from sqlalchemy import Connection

from jobrunner.cli.coming import Asked
from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import fields_lines, table_lines, text
from jobrunner.cli.list import job_record, pauses_of
from jobrunner.cli.output import Form
from jobrunner.cli.project import no_such_job
from jobrunner.cli.runs import run_record, runs_table
from jobrunner.cli.session import Session
from jobrunner.cli.style import state_words, style
from jobrunner.cli.wrapping import wrapped
from jobrunner.db.engine import transaction
from jobrunner.db.overview import (
    JobFilter,
    ListedJob,
    ListedSchedule,
    get_job,
    list_jobs,
    schedules_of,
)
from jobrunner.db.pauses import pauses_in_force
from jobrunner.db.runs import Run, RunFilter, find_runs
from jobrunner.errors import NotFound
from jobrunner.plan.pause import PauseInForce
from jobrunner.schedule import ScheduleError
from jobrunner.spec.durations import format_duration
from jobrunner.spec.in_words import (
    alert_in_words,
    arguments_in_words,
    overlap_in_words,
    retry_in_words,
)
from jobrunner.spec.models import JobSpec, ScheduleSpec, load_job
from jobrunner.spec.secrets import shown
from jobrunner.wording.places import place
from jobrunner.wording.times import distance, iso, short

_LAST_RUNS = 5


@dataclass(frozen=True, slots=True)
class _Found:
    job: ListedJob
    schedules: tuple[ListedSchedule, ...]
    pauses: tuple[PauseInForce, ...]
    runs: tuple[Run, ...]


@make_command(
    "get",
    "One job: its definition in force, its schedules, its last runs.",
    examples=[
        ("jobrunner get ops/disk-report", "All of it on one screen."),
        ("jobrunner get ops/disk-report -o yaml", "The same for a program."),
    ],
)
@click.argument("address")
@output_option
def command(session: Session, address: str, form: Form) -> None:
    with open_database(session, "get") as engine, transaction(engine) as connection:
        job = _job(connection, address)
        found = _Found(
            job=job,
            schedules=schedules_of(connection, address),
            pauses=pauses_of(job, pauses_in_force(connection)),
            runs=find_runs(connection, RunFilter(address=address, limit=_LAST_RUNS)),
        )
    if form == "table":
        session.output.result(*_lines(found, datetime.now(UTC), session.output.columns))
    else:
        session.output.document(_record(found), form)


def _job(connection: Connection, address: str) -> ListedJob:
    """Raises NotFound with the address that was probably meant."""
    try:
        return get_job(connection, address)
    except NotFound as error:
        known = [job.address for job in list_jobs(connection, JobFilter())]
        raise no_such_job(address, known) from error


def _record(found: _Found) -> dict[str, Any]:
    schedules = [
        {
            "name": schedule.name,
            "spec": shown(schedule.spec),
            "next_scheduled_for": iso(schedule.next_scheduled_for),
            "next_run_at": iso(schedule.next_run_at),
            "last_run_at": iso(schedule.last_run_at),
            "total_run_count": schedule.total_run_count,
            "error": schedule.error,
        }
        for schedule in found.schedules
    ]
    runs = [run_record(run) for run in found.runs]
    return {**job_record(found.job, found.pauses), "schedules": schedules, "runs": runs}


def _lines(found: _Found, now: datetime, columns: int | None) -> list[str]:
    job = found.job
    spec = _readable(job.definition)
    description = "" if spec is None else text(spec.description)
    lines = [f"{style(text(job.address), 'strong')}  {description}".rstrip(), ""]
    lines += fields_lines(_definition(job, spec), indent="  ")
    lines += [_pause_line(pause, now) for pause in found.pauses]
    lines += ["", style("Schedules", "strong")]
    for schedule in found.schedules:
        for line in _schedule_lines(job.address, schedule, now):
            lines += wrapped(line, columns)
    if not found.schedules:
        lines.append(f"  none; start it with `jobrunner run {text(job.address)}`")
    lines += ["", style("Last runs", "strong")]
    table = table_lines(runs_table(found.runs, now, with_job=False), columns and columns - 2)
    lines += [f"  {line}" for line in table] if found.runs else ["  none yet"]
    return lines


def _readable(definition: Any) -> JobSpec | None:
    try:
        return load_job(definition)
    except ValidationError:  # written by a newer version, or by hand
        return None


def _definition(job: ListedJob, spec: JobSpec | None) -> list[tuple[str, str]]:
    fields = [
        ("file", _origin(job)),
        ("project", text(job.project)),
        ("owner", text(job.owner)),
        ("tags", text(", ".join(job.tags))),
    ]
    if not job.enabled:
        fields.append(("enabled", style("no: it keeps its history and fires nothing", "warn")))
    if spec is None:
        return [*fields, ("definition", style("cannot be read by this version", "bad"))]
    fields += [
        ("task", f"{spec.calls}({text(arguments_in_words(spec.args, spec.kwargs))})"),
        ("queue", spec.queue + ("" if spec.priority is None else f", priority {spec.priority}")),
        ("timeout", format_duration(spec.timeout)),
        ("retry", retry_in_words(spec.retry)),
        ("overlap", overlap_in_words(spec)),
        ("catch_up", spec.catch_up.policy),
        ("alerts", "\n".join(text(alert_in_words(one)) for one in spec.alerts)),
        (
            "links",
            "\n".join(f"{text(one)}  {text(link)}" for one, link in sorted(spec.links.items())),
        ),
        ("protect", "no apply deletes it" if spec.protect else ""),
    ]
    return [(name, value) for name, value in fields if value]


def _origin(job: ListedJob) -> str:
    revision = "" if job.revision is None else f", revision {job.revision}"
    commit = f", git {text(job.git_commit[:7])}" if job.git_commit else ""
    return f"{text(place(job.file, job.line))}{revision}{commit}"


def _pause_line(pause: PauseInForce, now: datetime) -> str:
    until = "" if pause.until is None else f", until {short(pause.until, near=now)}"
    why = f": {text(pause.reason)}" if pause.reason else ""
    scope = "" if pause.scope == "job" else f" ({pause.scope} {text(pause.target)})"
    since = distance(pause.started_at, now)
    return f"  {state_words('paused')}{scope} by {text(pause.paused_by)} {since}{until}{why}"


def _schedule_lines(address: str, schedule: ListedSchedule, now: datetime) -> Iterator[str]:
    spec, asked = _readable_schedule(address, schedule)
    words = style("cannot be read by this version", "bad") if asked is None else asked.in_words()
    off = "" if spec is None or spec.enabled else style(" (not enabled)", "quiet")
    yield f"  {style(f'#{schedule.name}', 'strong')}  {words}{off}"
    if spec is not None and (given := _given_instead(spec)):
        yield f"    with {given}"
    zone = None if asked is None else asked.timing.zone
    coming = (
        "no next time"
        if schedule.next_run_at is None
        else f"next {short(schedule.next_run_at, zone, near=now)} "
        f"({distance(schedule.next_run_at, now)})"
    )
    yield f"    {coming}  {style(_runs(schedule, spec), 'quiet')}"
    if schedule.error is not None:
        yield f"    {style('✕', 'bad')} {text(schedule.error)}"


def _readable_schedule(
    address: str, schedule: ListedSchedule
) -> tuple[ScheduleSpec, Asked] | tuple[None, None]:
    """None for one that was written by a newer version, or by hand."""
    try:
        spec = ScheduleSpec.model_validate(schedule.spec)
        return spec, Asked(schedule.name, spec.timing(address))
    except (ValidationError, ScheduleError):
        return None, None


def _given_instead(spec: ScheduleSpec) -> str:
    """What a schedule gives in place of its job."""
    arguments = arguments_in_words(spec.args or (), spec.kwargs or {})
    given = [
        f"arguments ({text(arguments)})" if (spec.args, spec.kwargs) != (None, None) else "",
        f"queue {spec.queue}" if spec.queue is not None else "",
        f"priority {spec.priority}" if spec.priority is not None else "",
    ]
    return ", ".join(part for part in given if part)


def _runs(schedule: ListedSchedule, spec: ScheduleSpec | None) -> str:
    runs = f"{schedule.total_run_count:,}"
    if spec is not None and spec.max_runs is not None:
        return f"{runs} of {count(spec.max_runs, 'run')}"
    return count(schedule.total_run_count, "run")
