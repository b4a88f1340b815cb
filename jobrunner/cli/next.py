"""`jobrunner next`: when a job, or an expression that stands in no file, runs next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click
from sqlalchemy.exc import DBAPIError

from jobrunner.cli.coming import (
    Asked,
    Coming,
    asked_of,
    clock_notes,
    coming_times,
    other_notes,
    words_lines,
)
from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.layout import Column, Table
from jobrunner.cli.output import Form
from jobrunner.cli.project import find_schedules
from jobrunner.cli.session import Session
from jobrunner.cli.timestamps import read_timestamp
from jobrunner.db.engine import transaction
from jobrunner.db.pauses import pauses_in_force
from jobrunner.errors import JobrunnerError, UsageError
from jobrunner.schedule import (
    ClockEffect,
    Cron,
    ScheduleError,
    Timing,
    load_zone,
    make_timing,
    times_between,
)
from jobrunner.spec.durations import parse_duration, spoken_duration
from jobrunner.spec.models import JobSpec, ScheduleSpec
from jobrunner.spec.moments import parse_wall_time
from jobrunner.wording.times import distance, exact

_TIMES_COMPARED = 3


@dataclass(frozen=True, slots=True)
class _Bare:
    """A schedule of the command line."""

    option: str
    """`--cron`, `--every` or `--rrule`, of which `written` is the value."""
    written: str
    dtstart: str | None
    timezone: str


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
@click.option("--rrule", metavar="RULE", help="A recurrence rule of RFC 5545 instead of a job.")
@click.option(
    "--dtstart", metavar="TIMESTAMP", help="Where --rrule counts from [default: --after, or now]."
)
@click.option(
    "--timezone", default="UTC", show_default=True, help="For --cron, --every and --rrule."
)
@click.option("-n", "count", type=click.IntRange(1, 1000), default=5, show_default=True)
@click.option("--after", metavar="TIMESTAMP", help="ISO 8601 with offset [default: now].")
@output_option
def command(
    session: Session,
    *,
    address: str | None,
    cron: str | None,
    every: str | None,
    rrule: str | None,
    dtstart: str | None,
    timezone: str,
    count: int,
    after: str | None,
    form: Form,
) -> None:
    options = {"--cron": cron, "--every": every, "--rrule": rrule}
    expressions = [(name, value) for name, value in options.items() if value is not None]
    if len(expressions) + (address is not None) != 1:
        raise UsageError(
            "Give exactly one of ADDRESS, --cron, --every and --rrule.",
            hint="jobrunner next --help",
        )
    if dtstart is not None and rrule is None:
        raise UsageError("--dtstart is where --rrule counts from.", hint="jobrunner next --help")
    since = datetime.now(UTC) if after is None else read_timestamp("--after", after)
    notes: list[str] = []
    if address is not None:
        _refuse_expression(address)
        job, found = find_schedules(session, address)
        _say_why_nothing(session, job.spec, found)
        schedules = asked_of(job.spec, [one for one in found if one.enabled] or found)
        _say_pauses(session, job.spec)
    else:
        timing, notes = _timing(_Bare(*expressions[0], dtstart, timezone), since)
        schedules = [Asked("", timing)]
    coming = list(islice(coming_times(schedules, since), count))
    for one in schedules:
        label = f"#{one.name}: " if len(schedules) > 1 else ""
        notes += [label + note for note in other_notes(coming, one, since)]
    effects = {one.name: clock_notes(coming, one, since) for one in schedules}
    _show(session, coming, effects, schedules=schedules, notes=notes, form=form)


def _refuse_expression(address: str) -> None:
    """Raises UsageError for what is no address but would be one of the options' values."""
    if meant := _option_for(address):
        raise UsageError(f"{address!r} is no address of a job.", hint=f"jobrunner next {meant}")


def _option_for(written: str) -> str:
    """The option that takes this, as it is typed; '' for an address, or what nobody can guess."""
    if interval := spoken_duration(written):
        return f"--every {interval}"
    if "FREQ=" in written.upper().replace(" ", ""):
        return f"--rrule '{written}'"
    if written.startswith("@") or "*" in written or len(written.split()) in {5, 6}:
        return f"--cron '{written}'"
    return ""


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


def _say_pauses(session: Session, job: JobSpec) -> None:
    """Only the database knows of them; the files say when a job is due without one, too."""
    try:
        with open_database(session, "next") as engine, transaction(engine) as connection:
            pauses = pauses_in_force(connection)
    except (JobrunnerError, DBAPIError):
        return
    for pause in pauses:
        if pause.covers(job.address, queues=job.queues, tags=job.tags):
            until = "" if pause.until is None else f" until {exact(pause.until)}"
            why = f": {pause.reason}" if pause.reason else ""
            session.output.warning(
                f"{pause.scope} {pause.target} is paused by {pause.paused_by}{until}{why}."
            )


def _timing(bare: _Bare, since: datetime) -> tuple[Timing, list[str]]:
    """Of an expression, with notes on what would be another in a file. Raises JobrunnerError."""
    try:
        if bare.option == "--rrule":
            return _recurrence(bare, since)
        if bare.option == "--every":
            return make_timing(every=parse_duration(bare.written), timezone=bare.timezone), []
        timing = make_timing(cron=bare.written, timezone=bare.timezone)
    except (ScheduleError, ValueError) as error:
        told = str(error).rstrip(".")
        end = "" if told.endswith("?") else "."
        meant = _option_for(bare.written)
        hint = f"jobrunner next {meant}" if meant and not meant.startswith(bare.option) else ""
        raise JobrunnerError(f"{told[:1].upper()}{told[1:]}{end}", hint=hint) from error
    if isinstance(timing.rule, Cron) and timing.rule.is_hashed:
        return timing, ["H is made from this expression here, in a file from the schedule's name"]
    return timing, []


def _recurrence(bare: _Bare, since: datetime) -> tuple[Timing, list[str]]:
    zone = load_zone(bare.timezone)
    if bare.dtstart is not None:
        start = parse_wall_time(bare.dtstart, zone)
        return make_timing(rrule=bare.written, dtstart=start, timezone=bare.timezone), []
    start = since.astimezone(zone).replace(tzinfo=None, microsecond=0)
    timing = make_timing(rrule=bare.written, dtstart=start, timezone=bare.timezone)
    without = _without_start(bare)
    if without is not None and _first_times(without, since) == _first_times(timing, since):
        return without, []
    return timing, [f"counted from {exact(since, zone)}, as its first time; --dtstart sets another"]


def _without_start(bare: _Bare) -> Timing | None:
    """None for a rule that needs a start."""
    try:
        return make_timing(rrule=bare.written, timezone=bare.timezone)
    except ScheduleError:
        return None


def _first_times(timing: Timing, since: datetime) -> list[datetime]:
    end = datetime.max.replace(tzinfo=UTC)
    return list(islice(times_between(timing, since, end), _TIMES_COMPARED))


def _show(
    session: Session,
    coming: Sequence[Coming],
    effects: Mapping[str, Sequence[ClockEffect]],
    *,
    schedules: Sequence[Asked],
    notes: Sequence[str],
    form: Form,
) -> None:
    """`effects` by the name of the schedule."""
    if form == "table" and not schedules:
        return  # that there is none is said
    now = datetime.now(UTC)
    several = len(schedules) > 1
    columns = [Column("when"), Column("utc"), Column("in", right=True)]
    columns += [Column("schedule", shrinks=True)] if several else []
    rows = [[*_cells(one, now), *([one.schedule.name] if several else [])] for one in coming]
    output = session.output
    if form == "table":
        output.told(*words_lines(schedules), *([""] if several else []))
    output.listing(
        [_record(one, effects[one.schedule.name]) for one in coming],
        Table(tuple(columns), rows, empty="It does not run any more."),
        form,
    )
    told = [effect.in_words() for found in effects.values() for effect in found]
    if form == "table":
        output.told(*(f"note: {note}" for note in dict.fromkeys([*told, *notes])))
    else:
        output.say(*(f"note: {note}" for note in dict.fromkeys(notes)))


def _cells(one: Coming, now: datetime) -> list[str]:
    zone = one.schedule.timing.zone
    return [exact(one.at, zone), f"{one.at:%Y-%m-%dT%H:%M:%SZ}", distance(one.at, now)]


def _record(one: Coming, effects: Sequence[ClockEffect]) -> dict[str, Any]:
    zone = one.schedule.timing.zone
    record = {
        "utc": one.at.isoformat(),
        "local": one.at.astimezone(zone).isoformat(),
        "timezone": zone.key,
        "notes": [effect.in_words() for effect in effects if effect.runs_at == one.at],
    }
    return {**record, "schedule": one.schedule.name} if one.schedule.name else record
