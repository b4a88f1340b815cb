"""`jobrunner simulate`: a day of the whole configuration, before it happens."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click

from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import Column, Table, table_lines, text
from jobrunner.cli.output import Form
from jobrunner.cli.project import read_valid_project
from jobrunner.cli.session import Session
from jobrunner.cli.style import cut, style
from jobrunner.cli.timestamps import read_day
from jobrunner.db.durations import past_durations
from jobrunner.db.engine import transaction
from jobrunner.errors import JobrunnerError
from jobrunner.simulate import (
    FULL_HISTORY,
    HOURS,
    Day,
    Durations,
    JobDay,
    Overlaps,
    QueueDay,
    simulate_day,
)
from jobrunner.wording.times import iso, took

_SHOWN_JOBS = 15
_BAR_PARTS = " ▏▎▍▌▋▊▉█"
_WIDEST_BAR = 24
_NARROWEST_BAR = 6
_WITHOUT_TERMINAL = 100


@make_command(
    "simulate",
    "Play a day of all jobs of the files: runs by queue and hour, the busiest minute, and, where a "
    "database with past runs is known, which jobs meet themselves and how many worker slots it takes."
    "\n\nNothing is changed, and no database is needed. PATH is as for `jobrunner validate`.",
    examples=[
        ("jobrunner simulate", "Tomorrow, in UTC."),
        (
            "jobrunner simulate --day 2027-03-28 -o json",
            "The day of a clock change, for a program.",
        ),
    ],
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]…")
@click.option("--day", metavar="DATE", help="A day of UTC, as 2027-03-28 [default: tomorrow].")
@output_option
def command(session: Session, *, paths: tuple[Path, ...], day: str | None, form: Form) -> int:
    starts_at = _midnight(day)
    jobs = [job.spec for job in read_valid_project(session, paths).jobs]
    durations = _durations(session)
    with session.output.progress("playing the day"):
        played = simulate_day(jobs, starts_at=starts_at, durations=durations)
    if form == "table":
        _tell(session, played, knows_durations=bool(durations))
    else:
        session.output.document(_record(played), form)
    return 0


def _midnight(day: str | None) -> datetime:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    return datetime.combine(tomorrow if day is None else read_day("--day", day), time(), tzinfo=UTC)


def _durations(session: Session) -> Mapping[str, Durations]:
    """Those of the database, if one is known and answers; its absence is told, and no mistake."""
    try:
        with open_database(session, "simulate") as engine, transaction(engine) as connection:
            return past_durations(connection)
    except JobrunnerError as error:
        session.output.say(f"Only starts are counted, for want of past durations: {error.message}")
        return {}


# --- For people ------------------------------------------------------------------------------------


def _tell(session: Session, day: Day, *, knows_durations: bool) -> None:
    output = session.output
    columns = output.columns or _WITHOUT_TERMINAL
    output.result(*_heading(day))
    if not day.starts:
        return
    output.result("", *table_lines(_hours_table(day, columns), columns))
    if knows_durations:
        output.result("", *table_lines(_slots_table(day), columns))
        output.result("", *_overlap_lines(day, columns))
    output.result("", *table_lines(_jobs_table(day), columns))
    if any(job.durations and job.durations.is_scarce for job in day.jobs[:_SHOWN_JOBS]):
        output.result(style(f"? known from fewer than {FULL_HISTORY} runs", "quiet"))
    hidden = len(day.jobs) - _SHOWN_JOBS
    if hidden > 0:
        output.result(style(f"and {count(hidden, 'more job')}; `-o json` lists all", "quiet"))


def _heading(day: Day) -> list[str]:
    at = day.starts_at
    title = style(f"{at:%A} {at.day} {at:%B %Y}, UTC", "strong")
    jobs = count(len(day.jobs), "job")
    told = [f"{title}   {count(day.starts, 'start')} of {jobs}, {day.idle_jobs:,} idle"]
    if day.busiest_minute_at is not None:
        minute = f"{day.busiest_minute_at:%H:%M}"
        told.append(f"busiest minute {minute}, {count(day.busiest_minute_starts, 'start')}")
    return told


def _hours_table(day: Day, columns: int) -> Table:
    """Numbers first, a bar beside each; all bars have one scale."""
    queues, others = _columns_that_fit(day.queues, columns)
    shown = [(queue.name, queue.starts_by_hour) for queue in queues]
    if others:
        sums = tuple(
            sum(hour) for hour in zip(*(one.starts_by_hour for one in others), strict=True)
        )
        shown.append((f"{len(others)} others", sums))
    most = max(max(hours) for _, hours in shown)
    digits = max(len(f"{sum(hours):,}") for _, hours in shown)
    bar = min(max((columns - 7) // len(shown) - digits - 3, _NARROWEST_BAR), _WIDEST_BAR)
    heads = [Column(cut(text(name), digits + 1 + bar)) for name, _ in shown]
    rows = [
        [f"{hour:02}:00", *(_cell(hours[hour], most, digits, bar) for _, hours in shown)]
        for hour in range(HOURS)
    ]
    rows.append(["in all", *(f"{sum(hours):>{digits},}" for _, hours in shown)])
    return Table((Column("hour"), *heads), rows)


def _columns_that_fit(
    queues: Sequence[QueueDay], columns: int
) -> tuple[Sequence[QueueDay], Sequence[QueueDay]]:
    """The busiest queues, and those that share the last column."""
    fitting = max((columns - 7) // (_NARROWEST_BAR + 9), 1)
    if len(queues) <= fitting:
        return queues, ()
    return queues[: fitting - 1], queues[fitting - 1 :]


def _cell(number: int, most: int, digits: int, width: int) -> str:
    if not number:
        return style("·".rjust(digits), "quiet")
    full, rest = divmod(max(round(number / most * width * 8), 1), 8)
    bar = "█" * full + (_BAR_PARTS[rest] if rest else "")
    return f"{number:>{digits},} {style(bar, 'busy')}"


def _slots_table(day: Day) -> Table:
    rows = [
        [
            text(queue.name),
            "?" if queue.slots is None else f"{queue.slots:,}",
            f"without {count(queue.unknown, 'job')} that never ran" if queue.unknown else "",
        ]
        for queue in day.queues
    ]
    columns = (Column("queue", shrinks=True), Column("slots at its peak", right=True), Column(""))
    return Table(columns, rows)


def _overlap_lines(day: Day, columns: int) -> list[str]:
    meeting = [job for job in day.jobs if job.slow is not None and job.slow.number]
    if not meeting:
        return ["No job that has run meets itself, even when its runs are slow."]
    rows = [
        [text(job.address), job.overlap, _met(job.usual), _met(job.slow)]
        for job in meeting[:_SHOWN_JOBS]
    ]
    heads = (
        Column("job that meets itself", shrinks=True),
        Column("overlap"),
        Column("with runs of p50"),
        Column("with runs of p95"),
    )
    return table_lines(Table(heads, rows), columns)


def _took(job: JobDay) -> str:
    known = job.durations
    if known is None:
        return ""
    return f"{took(known.p50)}, {took(known.p95)}" + (" ?" if known.is_scarce else "")


def _met(overlaps: Overlaps | None) -> str:
    if overlaps is None or not overlaps.number:
        return style("·", "quiet")
    words = (
        (overlaps.skipped, "skipped"),
        (overlaps.waited, "late"),
        (overlaps.replaced, "cut short"),
    )
    return ", ".join(f"{number:,} {word}" for number, word in words if number)


def _jobs_table(day: Day) -> Table:
    rows = [[text(job.address), f"{job.starts:,}", _took(job)] for job in day.jobs[:_SHOWN_JOBS]]
    heads = (Column("job", shrinks=True), Column("starts", right=True), Column("takes p50, p95"))
    has_durations = any(job.durations for job in day.jobs)
    if has_durations:
        return Table(heads, rows)
    return Table(heads[:2], [row[:2] for row in rows])


# --- For programs ----------------------------------------------------------------------------------


def _record(day: Day) -> dict[str, Any]:
    return {
        "starts_at": iso(day.starts_at),
        "starts": day.starts,
        "busiest_minute_at": iso(day.busiest_minute_at),
        "busiest_minute_starts": day.busiest_minute_starts,
        "idle_jobs": day.idle_jobs,
        "queues": [
            {
                "name": queue.name,
                "starts": queue.starts,
                "starts_by_hour": list(queue.starts_by_hour),
                "slots": queue.slots,
                "jobs_without_durations": queue.unknown,
            }
            for queue in day.queues
        ],
        "jobs": [_job_record(job) for job in day.jobs],
    }


def _job_record(job: JobDay) -> dict[str, Any]:
    known = job.durations
    return {
        "address": job.address,
        "starts": job.starts,
        "overlap": job.overlap,
        "p50_seconds": None if known is None else known.p50.total_seconds(),
        "p95_seconds": None if known is None else known.p95.total_seconds(),
        "durations_of_runs": 0 if known is None else known.runs,
        "usual": _overlaps_record(job.usual),
        "slow": _overlaps_record(job.slow),
    }


def _overlaps_record(overlaps: Overlaps | None) -> dict[str, int] | None:
    if overlaps is None:
        return None
    return {
        "skipped": overlaps.skipped,
        "waited": overlaps.waited,
        "replaced": overlaps.replaced,
    }
