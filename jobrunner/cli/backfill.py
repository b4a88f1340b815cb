"""`jobrunner backfill`: run the times of a schedule that have passed, a few at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import click
from sqlalchemy import Engine

from jobrunner.backfill import Backfilled, Planned, plan_backfill, start_backfill
from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import text
from jobrunner.cli.output import Form
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.cli.timestamps import read_wall_timestamp
from jobrunner.db.engine import transaction
from jobrunner.errors import UsageError
from jobrunner.schedule import load_zone
from jobrunner.wording.times import exact, iso

_PROGRESS_FROM = 10_000
_SHOWN_TIMES = 5
"""With more, the dots stand for at least two of them."""


def max_active_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--max-active`, for whoever starts a backfill."""
    return click.option(
        "--max-active",
        type=click.IntRange(1, 1_000),
        default=1,
        show_default=True,
        metavar="N",
        help="At most this many of its runs at once.",
    )(function)


@make_command(
    "backfill",
    "Run the times of a schedule in [--from, --to), by the schedule and the definition in force.\n\n"
    "Each time gets one run, however often this is repeated or spans overlap; another --request-id "
    "runs them again. They start in order, beside what the schedule itself starts. ADDRESS is "
    "namespace/job, or namespace/job#schedule where a job has several.",
    examples=[
        (
            "jobrunner backfill reports/nightly --from 2026-11-01 --to 2026-11-08 --dry-run",
            "Which times, by the clock of the schedule's zone.",
        ),
        (
            "jobrunner backfill reports/nightly --from 2026-11-01 --to 2026-11-08 --max-active 4 --yes",
            "Run them, four at once.",
        ),
    ],
)
@click.argument("address")
@click.option(
    "--from",
    "start",
    required=True,
    metavar="TIMESTAMP",
    help="The first moment; without an offset in the schedule's time zone.",
)
@click.option(
    "--to", "end", required=True, metavar="TIMESTAMP", help="The first moment after the span."
)
@max_active_option
@click.option("--request-id", default="", metavar="KEY", help="Another key runs the times again.")
@click.option("--dry-run", is_flag=True, help="Show the times, and write nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output_option
def command(
    session: Session,
    *,
    address: str,
    start: str,
    end: str,
    max_active: int,
    request_id: str,
    dry_run: bool,
    yes: bool,
    form: Form,
) -> None:
    from_at, to_at = read_wall_timestamp("--from", start), read_wall_timestamp("--to", end)
    with open_database(session, "backfill") as engine:
        with transaction(engine) as connection:
            planned = plan_backfill(
                connection, address, start=from_at, end=to_at, request_key=request_id
            )
        run_planned(
            session, engine, [planned], max_active=max_active, dry_run=dry_run, yes=yes, form=form
        )


def run_planned(
    session: Session,
    engine: Engine,
    planned: Sequence[Planned],
    *,
    max_active: int,
    dry_run: bool,
    yes: bool,
    form: Form = "table",
) -> None:
    """Show what is planned, ask, and do it. Raises UsageError where nobody can be asked."""
    if form == "table":
        for one in planned:
            session.output.say(*_plan_lines(one, max_active))
    missing = sum(len(one.times) - one.existing for one in planned)
    if missing and not dry_run and not yes:
        _ask(session, missing)
    done = [
        None if dry_run else _start(session, engine, one, max_active=max_active) for one in planned
    ]
    if form != "table":
        records = [_record(one, made, max_active) for one, made in zip(planned, done, strict=True)]
        session.output.document(records, form)
        return
    for one, made in zip(planned, done, strict=True):
        session.output.result(*_end_lines(one, made))


def _plan_lines(planned: Planned, max_active: int) -> list[str]:
    if not planned.times:
        return []
    zone = load_zone(planned.spec.timezone)
    shown = [exact(time, zone) for time in planned.times[:_SHOWN_TIMES]]
    if len(planned.times) > _SHOWN_TIMES:
        shown[-2:] = ["…", exact(planned.times[-1], zone)]
    how_many = f"{count(len(planned.times), 'time')}, at most {max_active} at once"
    lines = [f"{style(text(planned.address), 'strong')}  {how_many}"]
    lines += [f"  {line}" for line in shown]
    if planned.existing:
        lines.append(f"  {planned.existing:,} of them have their run already")
    return lines


def _ask(session: Session, missing: int) -> None:
    if not session.output.interactive or not session.answers.isatty():
        raise UsageError(
            "Nobody is here to say yes, so nothing was started.",
            hint="Say so with --yes, or look with --dry-run.",
        )
    if not session.output.confirm(f"Create {count(missing, 'run')}?", session.answers):
        raise click.Abort


def _start(session: Session, engine: Engine, planned: Planned, *, max_active: int) -> Backfilled:
    def tell(done: int) -> None:
        if len(planned.times) >= _PROGRESS_FROM:
            session.output.say(f"  {done:,} of {len(planned.times):,}")

    return start_backfill(
        engine, planned, max_active=max_active, created_by=actor_of(session), on_progress=tell
    )


def _end_lines(planned: Planned, made: Backfilled | None) -> list[str]:
    if not planned.times:
        after = f"{planned.from_at:%Y-%m-%dT%H:%M:%SZ}"
        return [
            f"{text(planned.address)}: it is not due in that span.",
            f"  → When it is: jobrunner next {text(planned.address)} --after {after}",
        ]
    if made is None:
        missing = len(planned.times) - planned.existing
        would = f"would create {count(missing, 'run')}, {planned.existing:,} exist"
        return [f"{text(planned.address)}: {would}."]
    how_many = f"created {count(made.created, 'run')}, {made.existed:,} existed"
    lines = [f"{style('●', 'good')} {text(planned.address)}: {how_many}."]
    if made.created:
        address = text(planned.address)
        lines.append(f"  → Look at them: jobrunner runs list {address} --trigger backfill")
    return lines


def _record(planned: Planned, made: Backfilled | None, max_active: int) -> dict[str, Any]:
    return {
        "job": planned.schedule.address,
        "schedule": planned.schedule.name,
        "from": iso(planned.from_at),
        "to": iso(planned.to_at),
        "max_active": max_active,
        "request_id": planned.request_key,
        "times": [iso(time) for time in planned.times],
        "backfill": None if made is None else str(made.id),
        "created": 0 if made is None else made.created,
        "existed": planned.existing if made is None else made.existed,
    }
