"""`jobrunner resume`: end a pause, or run the overdue times that wait for somebody."""

import click

from jobrunner.backfill import plan_catch_up
from jobrunner.cli.backfill import max_active_option, run_planned
from jobrunner.cli.command import make_command
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.layout import text
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.cli.target import Target, target_of, target_options
from jobrunner.db.engine import transaction
from jobrunner.db.pauses import resume
from jobrunner.db.wakeups import notify
from jobrunner.errors import NotFound, UsageError


@make_command(
    "resume",
    "End a pause. The next times fire again; what passed meanwhile stays passed.\n\n"
    "With --catch-up it ends none: it runs the overdue times of a job that were too many to start by "
    "themselves, after a restored backup or a jump of the clock, in order.",
    examples=[
        ("jobrunner resume ops/disk-report", "One job."),
        ("jobrunner resume ops/disk-report --catch-up", "Run what is overdue."),
    ],
)
@target_options
@click.option("--catch-up", is_flag=True, help="Run the overdue times that are held back.")
@max_active_option
@click.option("--dry-run", is_flag=True, help="With --catch-up: show the times, and write nothing.")
@click.option("--yes", "-y", is_flag=True, help="With --catch-up: do not ask.")
def command(
    session: Session,
    *,
    address: str | None,
    tag: str | None,
    queue: str | None,
    namespace: str | None,
    catch_up: bool,
    max_active: int,
    dry_run: bool,
    yes: bool,
) -> None:
    target = target_of(address=address, tag=tag, queue=queue, namespace=namespace)
    if catch_up:
        _catch_up(session, target, max_active=max_active, dry_run=dry_run, yes=yes)
        return
    if dry_run:
        raise UsageError(
            "--dry-run shows what --catch-up would run.", hint="Give --catch-up too, or neither."
        )
    with open_database(session, "resume") as engine, transaction(engine) as connection:
        if not resume(connection, target.scope, target.name, resumed_by=actor_of(session)):
            raise NotFound(
                f"{text(target)} is not paused.",
                hint="`jobrunner status` shows every pause in force.",
            )
        notify(connection)
    session.output.result(f"{style('●', 'good')} resumed {text(target)}.")


def _catch_up(
    session: Session, target: Target, *, max_active: int, dry_run: bool, yes: bool
) -> None:
    if target.scope != "job":
        raise UsageError(
            "--catch-up is for one job.",
            hint="Name it: jobrunner resume ADDRESS --catch-up; `jobrunner runs list --state missed` "
            "shows which have times that are held back.",
        )
    with open_database(session, "resume") as engine:
        with transaction(engine) as connection:
            planned = plan_catch_up(connection, target.name)
        run_planned(session, engine, planned, max_active=max_active, dry_run=dry_run, yes=yes)
