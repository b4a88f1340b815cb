"""`jobrunner apply`: make the database match the files, in one transaction."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from sqlalchemy import Connection, Engine

from jobrunner.cli.command import make_command
from jobrunner.cli.database import actor_of, open_database
from jobrunner.cli.desired import read_desired_of
from jobrunner.cli.git import git_commit, git_is_dirty
from jobrunner.cli.plan import head_lines, target_option
from jobrunner.cli.plan_file import read_plan_file
from jobrunner.cli.plan_text import plan_lines
from jobrunner.cli.session import Session
from jobrunner.cli.settings import keyring_of, settings_of
from jobrunner.cli.show import saved_head_lines
from jobrunner.cli.style import style
from jobrunner.dispatch import record_due
from jobrunner.errors import UsageError
from jobrunner.plan.changes import Plan
from jobrunner.plan.guards import check_guards
from jobrunner.plan.saved import SavedPlan
from jobrunner.plan.targets import make_targets
from jobrunner.reconcile import (
    LOCK_TIMEOUT_SECONDS,
    Applied,
    ApplyOptions,
    Desired,
    apply_project,
    apply_saved,
    plan_project,
    plan_saved,
    reading,
)
from jobrunner.spec.collection import collection_paused
from jobrunner.spec.durations import format_duration, parse_duration


@dataclass(frozen=True, slots=True)
class _Look:
    """What is applied, files or a saved plan, and how."""

    wanted: Desired | SavedPlan
    options: ApplyOptions
    begun: float

    def plan(self, connection: Connection) -> Plan:
        match self.wanted:
            case SavedPlan() as saved:
                return plan_saved(connection, saved)
            case Desired() as desired:
                keyring, targets = self.options.keyring, self.options.targets
                return plan_project(connection, desired, keyring=keyring, targets=targets)

    def apply(self, engine: Engine) -> Applied:
        match self.wanted:
            case SavedPlan() as saved:
                return apply_saved(engine, saved, options=self.options, record_due=record_due)
            case Desired() as desired:
                return apply_project(engine, desired, options=self.options, record_due=record_due)

    def head_lines(self, plan: Plan) -> Sequence[str]:
        match self.wanted:
            case SavedPlan() as saved:
                return saved_head_lines("apply", saved)
            case Desired() as desired:
                return head_lines("apply", desired, plan, seconds=time.monotonic() - self.begun)

    @property
    def missing_folders(self) -> Sequence[str]:
        match self.wanted:
            case SavedPlan(origin=origin):
                return origin.missing_folders
            case Desired(missing_folders=folders):
                return folders


@make_command(
    "apply",
    "Make the database match the files, in one transaction: everything or nothing.\n\n"
    "With FILE, a plan that `plan --out` has saved, it makes exactly those changes and reads no file of "
    "the project. It shows the plan and asks; where nobody can answer it needs --yes.",
    examples=[
        ("jobrunner apply", "Look at the plan, and say yes."),
        ("jobrunner apply plan.jrplan --yes", "In a pipeline: this plan and no other."),
    ],
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--expect", default="", metavar="DIGEST", help="Only when the plan has this digest.")
@target_option
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
@collection_paused()
def command(
    session: Session,
    *,
    file: Path | None,
    yes: bool,
    expect: str,
    targets: Sequence[str],
    allow_deletes: int | None,
    lock_timeout: str,
) -> None:
    begun = time.monotonic()
    options = ApplyOptions(
        author=actor_of(session),
        expected_digest=expect,
        targets=make_targets(targets),
        allow_deletes=allow_deletes,
        lock_timeout_seconds=_seconds(lock_timeout),
    )
    look = _saved(session, file, options) if file is not None else _files(session, options, begun)
    with open_database(session, "apply") as engine:
        if not yes:
            shown = _show_plan(session, engine, look)
            if not shown.is_empty:
                _ask(session, shown)
            agreed = replace(look.options, expected_digest=expect or shown.digest)
            look = replace(look, options=agreed)
        with session.output.progress("applying"):
            applied = look.apply(engine)
    if yes:
        session.output.say(*look.head_lines(applied.plan))
        session.output.told(*plan_lines(applied.plan))
    _tell(session, applied)


def _files(session: Session, options: ApplyOptions, begun: float) -> _Look:
    desired = read_desired_of(session)
    options = replace(
        options,
        git_commit=git_commit(desired.root),
        git_dirty=git_is_dirty(desired.root),
        keyring=keyring_of(session),
    )
    return _Look(desired, options, begun)


def _saved(session: Session, file: Path, options: ApplyOptions) -> _Look:
    if options.targets:
        raise UsageError(
            "A saved plan is applied as a whole.", hint="Give --target to the `plan` that saves it."
        )
    saved = read_plan_file(session.working_directory / file)
    environment = settings_of(session).environment
    if environment and environment != saved.environment:
        raise UsageError(
            f"{file} is a plan for environment {saved.environment or '(none)'}, not for {environment}.",
            hint="Leave the environment out: the plan knows its own.",
        )
    origin = saved.origin
    options = replace(options, git_commit=origin.git_commit, git_dirty=origin.git_dirty)
    return _Look(saved, options, 0.0)


def _seconds(given: str) -> float:
    try:
        return parse_duration(given).total_seconds()
    except ValueError as error:
        raise UsageError(
            f"--lock-timeout: {error}.",
            hint=f"Write for example {format_duration(parse_duration(f'{LOCK_TIMEOUT_SECONDS}s'))}.",
        ) from error


def _show_plan(session: Session, engine: Engine, look: _Look) -> Plan:
    """The plan, looked at before anything is locked; a guard that would refuse it says so now."""
    with reading(engine) as connection:
        plan = look.plan(connection)
    session.output.say(*look.head_lines(plan))
    session.output.told(*plan_lines(plan))
    check_guards(
        plan, missing_folders=look.missing_folders, allow_deletes=look.options.allow_deletes
    )
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
