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
from jobrunner.cli.timestamps import read_timestamp
from jobrunner.db.engine import transaction
from jobrunner.db.pauses import count_jobs, pause, pauses_in_force
from jobrunner.db.wakeups import notify
from jobrunner.errors import NotFound, UsageError
from jobrunner.spec.durations import parse_duration
from jobrunner.wording.times import exact

_TIMESTAMP_SIGNS = frozenset("-:T")
"""What has none of them was meant as a duration."""


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
            raise NotFound(f"No job would be held back: there is no {target}.", hint=_hint(target))
        earlier = pauses_in_force(connection)
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
    if any((one.scope, one.target) == (made.scope, made.target) for one in earlier):
        until_words = f"since {exact(made.started_at)} already, and now {until_words}"
    session.output.result(f"{state_words('paused')} {text(target)}, {until_words}.")
    session.output.say(_what_next(target, held_back))


def _hint(target: Target) -> str:
    job, _, schedule = target.name.partition("#")
    if target.scope == "job" and schedule:
        return (
            f"A pause holds back a whole job: jobrunner pause {job}; one schedule stops by "
            "`enabled: false` in its file."
        )
    return "`jobrunner list` shows addresses, tags and queues."


def _what_next(target: Target, held_back: int) -> str:
    jobs = "" if target.scope == "job" else f"{count(held_back, 'job')} held back. "
    return f"{jobs}End it with: jobrunner resume {target.as_typed()}"


def _moment(given: str) -> datetime:
    now = datetime.now(UTC)
    try:
        return now + parse_duration(given)
    except ValueError as error:
        if not _TIMESTAMP_SIGNS & set(given):
            raise UsageError(
                f"--until {error}.", hint="A timestamp will do, too: --until 2026-12-24T18:00:00Z."
            ) from error
    moment = read_timestamp("--until", given)
    if moment <= now:
        raise UsageError(
            f"--until {given} is in the past.", hint="Write a time to come, or for example 2h."
        )
    return moment
