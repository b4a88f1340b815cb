"""`jobrunner apply`: make the database match the files, in one transaction."""

import time

import click
from sqlalchemy import Engine

from jobrunner.cli.command import make_command
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.desired import read_desired_of
from jobrunner.cli.git import git_commit, git_is_dirty
from jobrunner.cli.plan import head_lines
from jobrunner.cli.plan_text import plan_lines
from jobrunner.cli.session import Session
from jobrunner.cli.settings import keyring_of
from jobrunner.cli.style import style
from jobrunner.db.engine import transaction
from jobrunner.dispatch import record_due
from jobrunner.errors import UsageError
from jobrunner.plan.changes import Plan
from jobrunner.plan.guards import check_guards
from jobrunner.reconcile import (
    LOCK_TIMEOUT_SECONDS,
    Applied,
    ApplyOptions,
    Desired,
    apply_project,
    plan_project,
)
from jobrunner.spec.durations import format_duration, parse_duration


@make_command(
    "apply",
    "Make the database match the files, in one transaction: everything or nothing.\n\n"
    "It shows the plan and asks; where nobody can answer it needs --yes.",
    examples=[
        ("jobrunner apply", "Look at the plan, and say yes."),
        ("jobrunner apply --yes --expect 7f3c91ab42de", "In a pipeline: this plan and no other."),
    ],
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--expect", default="", metavar="DIGEST", help="Only when the plan has this digest.")
@click.option(
    "--allow-deletes",
    type=click.IntRange(min=0),
    metavar="N",
    help="As many deletions are meant.",
)
@click.option(
    "--lock-timeout",
    default="30s",
    show_default=True,
    metavar="DURATION",
    help="How long another apply is waited for.",
)
def command(
    session: Session, *, yes: bool, expect: str, allow_deletes: int | None, lock_timeout: str
) -> None:
    begun = time.monotonic()
    lock_timeout_seconds = _seconds(lock_timeout)
    desired = read_desired_of(session)
    with open_database(session, "apply") as engine:
        if not yes:
            shown = _show_plan(session, engine, desired, begun, allow_deletes=allow_deletes)
            if not shown.is_empty:
                _ask(session, shown)
                expect = expect or shown.digest
        options = ApplyOptions(
            author=actor_of(session),
            git_commit=git_commit(desired.root),
            git_dirty=git_is_dirty(desired.root),
            expected_digest=expect,
            allow_deletes=allow_deletes,
            lock_timeout_seconds=lock_timeout_seconds,
            keyring=keyring_of(session),
        )
        with session.output.progress("applying"):
            applied = apply_project(engine, desired, options=options, record_due=record_due)
    if yes:
        seconds = time.monotonic() - begun
        session.output.say(*head_lines("apply", desired, applied.plan, seconds=seconds))
        session.output.told(*plan_lines(applied.plan))
    _tell(session, applied)


def _seconds(given: str) -> float:
    try:
        return parse_duration(given).total_seconds()
    except ValueError as error:
        raise UsageError(
            f"--lock-timeout: {error}.",
            hint=f"Write for example {format_duration(parse_duration(f'{LOCK_TIMEOUT_SECONDS}s'))}.",
        ) from error


def _show_plan(
    session: Session, engine: Engine, desired: Desired, begun: float, *, allow_deletes: int | None
) -> Plan:
    """The plan, looked at before anything is locked; a guard that would refuse it says so now."""
    with transaction(engine) as connection:
        plan = plan_project(connection, desired, keyring=keyring_of(session))
    seconds = time.monotonic() - begun
    session.output.say(*head_lines("apply", desired, plan, seconds=seconds))
    session.output.told(*plan_lines(plan))
    check_guards(plan, missing_folders=desired.missing_folders, allow_deletes=allow_deletes)
    return plan


def _ask(session: Session, plan: Plan) -> None:
    if not session.output.interactive or not session.answers.isatty():
        raise UsageError(
            "Nobody is here to say yes, so nothing was applied.",
            hint=f"jobrunner apply --yes, or better: jobrunner apply --yes --expect {plan.digest}",
        )
    if not session.output.confirm("Apply this?", session.answers):
        raise click.Abort


def _tell(session: Session, applied: Applied) -> None:
    if applied.revision is not None:
        done = style("Applied", "good")
        session.output.result(f"{done} as revision {applied.revision} of {applied.plan.project}.")
