"""`jobrunner pause`: hold back a job, a tag, a queue or a namespace, until somebody resumes."""

from datetime import UTC, datetime

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import text
from jobrunner.cli.session import Session
from jobrunner.cli.style import state_words
from jobrunner.cli.target import Target, target_of, target_options
from jobrunner.cli.times import exact
from jobrunner.db.engine import transaction
from jobrunner.db.pauses import count_jobs, pause
from jobrunner.db.wakeups import notify
from jobrunner.errors import NotFound, UsageError
from jobrunner.spec.durations import parse_duration


@make_command(
    "pause",
    "Hold back a job, or all jobs of a tag, a queue or a namespace.\n\n"
    "Nothing of it is started by its schedules; what runs goes on, and a run by hand is possible. "
    "It lasts until `jobrunner resume`, or until --until; an apply never ends it.",
    examples=[
        ("jobrunner pause ops/disk-report --reason 'disk swap' --until 2h", "One job for 2 hours."),
        ("jobrunner pause --queue analytics", "Every job of a queue, until somebody resumes."),
    ],
)
@target_options
@click.option("--reason", default="", metavar="TEXT", help="Shown wherever the pause is.")
@click.option("--until", metavar="WHEN", help="A duration (2h) or a timestamp with offset.")
def command(
    session: Session,
    *,
    address: str | None,
    tag: str | None,
    queue: str | None,
    namespace: str | None,
    reason: str,
    until: str | None,
) -> None:
    target = target_of(address=address, tag=tag, queue=queue, namespace=namespace)
    end = None if until is None else _moment(until)
    with open_database(session, "pause") as engine, transaction(engine) as connection:
        held_back = count_jobs(connection, target.scope, target.name)
        if not held_back:
            raise NotFound(
                f"No job would be held back: there is no {target}.",
                hint="`jobrunner list` shows addresses, tags and queues.",
            )
        made = pause(
            connection,
            target.scope,
            target.name,
            reason=reason,
            paused_by=actor_of(session),
            until=end,
        )
        notify(connection)
    until_words = "until somebody resumes" if made.until is None else f"until {exact(made.until)}"
    session.output.result(f"{state_words('paused')} {text(target)}, {until_words}.")
    session.output.say(_what_next(target, held_back))


def _what_next(target: Target, held_back: int) -> str:
    jobs = "" if target.scope == "job" else f"{count(held_back, 'job')} held back. "
    return f"{jobs}End it with: jobrunner resume {target.as_typed()}"


def _moment(given: str) -> datetime:
    now = datetime.now(UTC)
    try:
        return now + parse_duration(given)
    except ValueError:
        moment = _timestamp(given)
    if moment <= now:
        raise UsageError(f"--until {given} is in the past.")
    return moment


def _timestamp(given: str) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise UsageError(
            f"--until {given!r} is neither a duration nor a timestamp.",
            hint="Write for example --until 2h, or --until 2026-12-24T18:00:00Z.",
        ) from error
    if moment.tzinfo is None:
        raise UsageError(f"--until {given!r} has no offset.", hint=f"Write {given}Z.")
    return moment
