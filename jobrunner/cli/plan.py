"""`jobrunner plan`: what an apply would change, and when everything runs then; nothing is written."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.desired import read_desired_of, with_commit
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.git import git_commit, git_is_dirty
from jobrunner.cli.layout import text
from jobrunner.cli.other_side import read_other_side
from jobrunner.cli.plan_file import write_plan_file
from jobrunner.cli.plan_markdown import plan_markdown
from jobrunner.cli.plan_text import plan_lines, wanted_text
from jobrunner.cli.session import Session
from jobrunner.cli.settings import keyring_of
from jobrunner.cli.style import style
from jobrunner.errors import UsageError
from jobrunner.garbage import collection_paused
from jobrunner.plan.changes import Plan
from jobrunner.plan.guards import apply_just_this
from jobrunner.plan.saved import Origin, SavedPlan, make_saved
from jobrunner.plan.targets import Targets, make_targets
from jobrunner.reconcile import (
    ApplyOptions,
    Desired,
    compare,
    plan_against,
    reading,
    with_refusal,
)
from jobrunner.spec.durations import parse_duration

EXIT_CHANGES = 2
Form = Literal["human", "json", "markdown"]
_LONGEST_HORIZON = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the plan is to be of."""

    targets: Targets
    horizon: timedelta
    against: str
    offline: bool


form_option = click.option(
    "--format",
    "-o",
    "form",
    type=click.Choice(["human", "json", "markdown"]),
    default="human",
    show_default=True,
    help="For people, for programs, or for a comment of a pull request.",
)
target_option = click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="ADDRESS",
    help="Only this job, or with namespace/* those of a namespace; can be repeated.",
)


@make_command(
    "plan",
    "Show what an apply would change, field by field, with the next runs before and after.",
    examples=[
        (
            "jobrunner plan --out plan.jrplan",
            "Look, and keep what you saw: `apply` takes the file.",
        ),
        (
            "jobrunner plan --against ../main --format markdown",
            "What a branch changes; no database.",
        ),
    ],
)
@form_option
@target_option
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Save it, to be applied."
)
@click.option(
    "--against",
    default="",
    metavar="REVISION|DIR",
    help="Compare with an earlier revision, or with another checkout and no database.",
)
@click.option("--offline", is_flag=True, help="Ask no database: everything is new.")
@click.option(
    "--horizon",
    default="7d",
    show_default=True,
    metavar="DURATION",
    help="How far ahead the load is counted.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@collection_paused()
def command(
    session: Session,
    *,
    form: Form,
    out: Path | None,
    targets: Sequence[str],
    against: str,
    offline: bool,
    horizon: str,
    detailed_exitcode: bool,
) -> int:
    begun = time.monotonic()
    asked = _Asked(make_targets(targets), read_horizon(horizon), against, offline)
    if offline and against.isdecimal():
        raise UsageError(
            "A revision is in the database, which --offline does not ask.",
            hint="Leave out one of the two.",
        )
    if out is not None and (offline or against):
        raise UsageError(
            "Only a plan of what is in force can be applied, so there is nothing to save.",
            hint="Leave out --out, or --offline and --against.",
        )
    desired = read_desired_of(session)
    plan, saved = _make(session, desired, asked)
    if form == "human":
        seconds = time.monotonic() - begun
        session.output.explain(*head_lines("plan", desired, plan, seconds=seconds))
    show_plan(session, plan, form)
    if out is not None and saved is not None:
        save_plan(session, out, saved)
    elif form == "human" and plan.digest and not plan.is_empty and plan.refused is None:
        session.output.explain(f"Digest {plan.digest}. Apply just this: {apply_just_this(plan)}")
    return EXIT_CHANGES if detailed_exitcode and not plan.is_empty else 0


def show_plan(
    session: Session, plan: Plan, form: Form, *, rolled_back_to: int | None = None
) -> None:
    """The result of the command, in the form that was asked for. Of a rollback with its revision."""
    match form:
        case "json":
            session.output.document(plan.as_json(), "json")
        case "markdown":
            session.output.result_text(plan_markdown(plan))
        case "human":
            session.output.told(*plan_lines(plan, wanted=wanted_text(rolled_back_to)))


def save_plan(session: Session, out: Path, saved: SavedPlan) -> None:
    """Write it to `out`, and say what to type next."""
    write_plan_file(session.working_directory / out, saved)
    session.output.explain(f"Saved {out}, digest {saved.digest}. Apply with: jobrunner apply {out}")


def read_horizon(given: str) -> timedelta:
    """Raises UsageError."""
    try:
        horizon = parse_duration(given)
    except ValueError as error:
        raise UsageError(f"--horizon: {error}.", hint="Write for example 7d or 36h.") from error
    if not timedelta(hours=1) <= horizon <= _LONGEST_HORIZON:
        raise UsageError(
            f"--horizon {given} is out of bounds.", hint="Write something from 1h to 366d."
        )
    return horizon


def head_lines(name: str, desired: Desired, plan: Plan, *, seconds: float) -> Sequence[str]:
    """What was compared with what."""
    environment = f"   env {text(plan.environment)}" if plan.environment else ""
    schedules = sum(len(job.spec.schedules) for job in desired.jobs)
    figures = [count(desired.files, "file"), count(len(desired.jobs), "job")]
    base = f"against {plan.against}" if plan.against else f"base revision {plan.base_revision}"
    compared = f"{base}{_git(desired)}"
    read = f"read {', '.join(figures)}, {count(schedules, 'schedule')} in {seconds:.1f}s"
    title = style(f"jobrunner {name}", "strong")
    unnamed = "" if desired.has_project_file else " (no jobrunner.yaml was found)"
    return (
        f"{title}   project {text(plan.project)}{unnamed}{environment}   {compared}",
        style(read, "quiet"),
        "",
    )


def _make(session: Session, desired: Desired, asked: _Asked) -> tuple[Plan, SavedPlan | None]:
    if asked.offline or asked.against:
        return _against(session, desired, asked), None
    # Git is asked before the transaction, and once.
    options = with_commit(
        ApplyOptions(author=actor_of(session), targets=asked.targets), desired.root
    )
    with (
        open_database(session, "plan") as engine,
        session.output.progress("comparing with the database"),
        reading(engine) as connection,
    ):
        made = compare(
            connection,
            desired,
            keyring=keyring_of(session),
            targets=asked.targets,
            horizon=asked.horizon,
        )
        plan = with_refusal(connection, made.plan, desired, options)
    return plan, make_saved(made.plan, made.current, made.moves, _origin(desired, options))


def _origin(desired: Desired, options: ApplyOptions) -> Origin:
    return Origin(
        tool_version=version("celery-jobrunner"),
        git_commit=options.git_commit,
        git_dirty=options.git_dirty,
        git_committed_at=options.git_committed_at,
        missing_folders=desired.missing_folders,
        guards=desired.project.guards,
    )


def _against(session: Session, desired: Desired, asked: _Asked) -> Plan:
    other = read_other_side(session, desired.project.project, asked.against)
    with session.output.progress("comparing"):
        return plan_against(
            desired,
            other.jobs,
            notifiers=other.notifiers,
            what=other.name,
            now=other.now,
            keyring=other.keyring,
            targets=asked.targets,
            horizon=asked.horizon,
        )


def _git(desired: Desired) -> str:
    commit = git_commit(desired.root)
    if commit is None:
        return ""
    return f"   git {commit[:7]} {'dirty' if git_is_dirty(desired.root) else 'clean'}"
