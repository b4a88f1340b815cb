"""`jobrunner next`: when a job, or an expression that stands in no file, runs next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

import click

from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.layout import Column, Table
from jobrunner.cli.project import no_such_job, read_valid_project
from jobrunner.cli.render import Form
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.cli.times import distance, exact
from jobrunner.errors import JobrunnerError, NotFound, UsageError
from jobrunner.schedule import (
    ClockEffect,
    ScheduleError,
    Timing,
    clock_effects,
    in_words,
    make_timing,
    next_time,
)
from jobrunner.spec.durations import format_duration, parse_duration, spoken_duration
from jobrunner.spec.models import JobSpec, ScheduleSpec

_AROUND = timedelta(hours=1)
"""A run may be due just beside the change of the clock that moves it."""


@dataclass(frozen=True, slots=True)
class _Coming:
    at: datetime
    schedule: str
    """'' for an expression of the command line."""
    timing: Timing


@make_command(
    "next",
    "When a job runs next, by its files; or when an expression would, without any file.\n\n"
    "ADDRESS is namespace/job, or namespace/job#schedule.",
    examples=[
        ("jobrunner next ops/disk-report -n 3", "The next three times of a job."),
        ("jobrunner next --cron '30 5 * * 1-5' --timezone Europe/Berlin", "Try an expression."),
    ],
)
@click.argument("address", required=False)
@click.option("--cron", metavar="EXPR", help="A cron expression instead of a job.")
@click.option("--every", metavar="DURATION", help="An interval instead of a job: 90s, 1h30m.")
@click.option("--timezone", default="UTC", show_default=True, help="For --cron and --every.")
@click.option("-n", "count", type=click.IntRange(1, 1000), default=5, show_default=True)
@click.option("--after", metavar="TIMESTAMP", help="ISO 8601 with offset [default: now].")
@output_option
def command(
    session: Session,
    *,
    address: str | None,
    cron: str | None,
    every: str | None,
    timezone: str,
    count: int,
    after: str | None,
    form: Form,
) -> None:
    given = [value for value in (address, cron, every) if value is not None]
    if len(given) != 1:
        raise UsageError(
            "Give exactly one of ADDRESS, --cron and --every.", hint="jobrunner next --help"
        )
    now = datetime.now(UTC)
    since = now if after is None else _timestamp(after)
    if address is not None:
        _refuse_expression(address)
        job, schedules = _find(session, address)
        timings = [(schedule.name, schedule.timing()) for schedule in schedules]
        _say_why_nothing(session, job, schedules)
    else:
        timings = [("", _timing(cron, every, timezone))]
    _show(session, list(islice(_coming(timings, since), count)), now, form)


def _find(session: Session, address: str) -> tuple[JobSpec, Sequence[ScheduleSpec]]:
    job_address, _, schedule_name = address.partition("#")
    jobs = read_valid_project(session).jobs
    for job in jobs:
        if job.address == job_address:
            wanted = [s for s in job.spec.schedules if schedule_name in {"", s.name}]
            if schedule_name and not wanted:
                raise NotFound(f"{job_address} has no schedule named {schedule_name!r}.")
            return job.spec, wanted
    raise no_such_job(job_address, [job.address for job in jobs], where=" in the files")


def _refuse_expression(address: str) -> None:
    """Raises UsageError for what is no address but would be one of the options' values."""
    if interval := spoken_duration(address):
        hint = f"For an interval: jobrunner next --every {interval}"
    elif " " in address or "*" in address or address.startswith("@"):
        hint = f"For a cron expression: jobrunner next --cron '{address}'"
    else:
        return
    raise UsageError(f"{address!r} is no address of a job.", hint=hint)


def _say_why_nothing(session: Session, job: JobSpec, schedules: Sequence[ScheduleSpec]) -> None:
    if not job.enabled:
        session.output.warning(f"{job.address} is not enabled: it does not fire.")
    elif not schedules:
        session.output.say(
            f"{job.address} has no schedule; start it with `jobrunner run {job.address}`."
        )
    for schedule in schedules:
        if not schedule.enabled:
            session.output.warning(
                f"{job.address}#{schedule.name} is not enabled: it does not fire."
            )


def _timing(cron: str | None, every: str | None, timezone: str) -> Timing:
    try:
        interval = None if every is None else parse_duration(every)
        return make_timing(cron=cron, every=interval, timezone=timezone)
    except (ScheduleError, ValueError) as error:
        told = str(error)
        raise JobrunnerError(told[:1].upper() + told[1:].rstrip(".") + ".") from error


def _timestamp(given: str) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise UsageError(
            f"--after {given!r} is no timestamp.", hint="Write for example 2026-12-24T18:00:00Z."
        ) from error
    if moment.tzinfo is None:
        raise UsageError(
            f"--after {given!r} has no offset.", hint=f"Write {given}Z, or {given}+01:00."
        )
    return moment.astimezone(UTC)


def _coming(timings: Sequence[tuple[str, Timing]], after: datetime) -> Iterator[_Coming]:
    return merge(*(_times(name, timing, after) for name, timing in timings), key=lambda c: c.at)


def _times(name: str, timing: Timing, after: datetime) -> Iterator[_Coming]:
    at = next_time(timing, after)
    while at is not None:
        yield _Coming(at, name, timing)
        at = next_time(timing, at)


def _show(session: Session, coming: Sequence[_Coming], now: datetime, form: Form) -> None:
    several = len({one.schedule for one in coming}) > 1
    columns = [Column("when"), Column("utc"), Column("in", right=True)]
    columns += [Column("schedule", shrinks=True)] if several else []
    rows = [[*_cells(one, now), *([one.schedule] if several else [])] for one in coming]
    timings = {one.schedule: one.timing for one in coming}
    effects = [effect for timing in timings.values() for effect in _effects(timing, coming)]
    if form == "table":
        for name, timing in timings.items():
            label = f"#{name}  " if name else ""
            session.output.result(style(label + _in_words(timing), "strong"))
    session.output.listing(
        [_record(one, effects) for one in coming],
        Table(tuple(columns), rows, empty="It does not run any more."),
        form,
    )
    if form == "table":
        session.output.result(*(f"note: {effect.in_words()}" for effect in effects))


def _effects(timing: Timing, coming: Sequence[_Coming]) -> Sequence[ClockEffect]:
    """What changes of the clock do to the schedule between the first and the last time shown."""
    first, last = coming[0].at - _AROUND, coming[-1].at + _AROUND
    return list(clock_effects(timing, first, last))


def _in_words(timing: Timing) -> str:
    spread = f", up to {format_duration(timing.jitter)} later (jitter)" if timing.jitter else ""
    return in_words(timing) + spread


def _cells(one: _Coming, now: datetime) -> list[str]:
    return [exact(one.at, one.timing.zone), f"{one.at:%Y-%m-%dT%H:%M:%SZ}", distance(one.at, now)]


def _record(one: _Coming, effects: Sequence[ClockEffect]) -> dict[str, Any]:
    record = {
        "utc": one.at.isoformat(),
        "local": one.at.astimezone(one.timing.zone).isoformat(),
        "timezone": one.timing.zone.key,
        "notes": [
            effect.in_words()
            for effect in effects
            if effect.zone == one.timing.zone and effect.runs_at == one.at
        ],
    }
    return {**record, "schedule": one.schedule} if one.schedule else record
