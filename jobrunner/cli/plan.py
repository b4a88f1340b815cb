"""`jobrunner plan`: what an apply would change, and when everything runs then; nothing is written."""

import time
from collections.abc import Sequence
from typing import Literal

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.database import open_database
from jobrunner.cli.desired import read_desired_of
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.git import git_commit, git_is_dirty
from jobrunner.cli.layout import text
from jobrunner.cli.plan_text import plan_lines
from jobrunner.cli.session import Session
from jobrunner.cli.settings import keyring_of
from jobrunner.cli.style import style
from jobrunner.db.engine import transaction
from jobrunner.plan.changes import Plan
from jobrunner.reconcile import Desired, plan_project

EXIT_CHANGES = 2


@make_command(
    "plan",
    "Show what an apply would change, field by field, with the next runs before and after.",
    examples=[
        ("jobrunner plan", "Look before you apply."),
        ("jobrunner plan --detailed-exitcode --format json", "In a pipeline: 2 means changes."),
    ],
)
@click.option(
    "--format",
    "-o",
    "form",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="For people or for programs.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
def command(session: Session, *, form: Literal["human", "json"], detailed_exitcode: bool) -> int:
    begun = time.monotonic()
    desired = read_desired_of(session)
    with (
        open_database(session, "plan") as engine,
        session.output.progress("comparing with the database"),
        transaction(engine) as connection,
    ):
        plan = plan_project(connection, desired, keyring=keyring_of(session))
    if form == "json":
        session.output.document(plan.as_json(), "json")
    else:
        seconds = time.monotonic() - begun
        session.output.say(*head_lines("plan", desired, plan, seconds=seconds))
        session.output.told(*plan_lines(plan))
        if not plan.is_empty:
            session.output.say(
                f"Digest {plan.digest}. Apply exactly this with: "
                f"jobrunner apply --expect {plan.digest}"
            )
    return EXIT_CHANGES if detailed_exitcode and not plan.is_empty else 0


def head_lines(name: str, desired: Desired, plan: Plan, *, seconds: float) -> Sequence[str]:
    """What was compared with what."""
    environment = f"   env {text(plan.environment)}" if plan.environment else ""
    schedules = sum(len(job.spec.schedules) for job in desired.jobs)
    figures = [count(desired.files, "file"), count(len(desired.jobs), "job")]
    compared = f"base revision {plan.base_revision}{_git(desired)}"
    read = f"read {', '.join(figures)}, {count(schedules, 'schedule')} in {seconds:.1f}s"
    title = style(f"jobrunner {name}", "strong")
    unnamed = "" if desired.has_project_file else " (no jobrunner.yaml was found)"
    return (
        f"{title}   project {text(plan.project)}{unnamed}{environment}   {compared}",
        style(read, "quiet"),
        "",
    )


def _git(desired: Desired) -> str:
    commit = git_commit(desired.root)
    if commit is None:
        return ""
    return f"   git {commit[:7]} {'dirty' if git_is_dirty(desired.root) else 'clean'}"
