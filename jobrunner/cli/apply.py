"""`jobrunner apply`: make the database match the files, in one transaction."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from jobrunner.cli.agreeing import Act, agreeing_options, carry_out, options_of
from jobrunner.cli.command import make_command
from jobrunner.cli.database import open_database, with_commit
from jobrunner.cli.desired import read_desired_of
from jobrunner.cli.plan_file import read_plan_file
from jobrunner.cli.planning import head_lines
from jobrunner.cli.session import Session
from jobrunner.cli.settings import keyring_of, settings_of
from jobrunner.cli.show import saved_head_lines
from jobrunner.errors import UsageError
from jobrunner.garbage import collection_paused
from jobrunner.plan.changes import Plan
from jobrunner.reconcile import ApplyOptions


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
@agreeing_options
@click.option(
    "--allow-older",
    is_flag=True,
    help="The files may be of an older commit than those in force.",
)
@click.option(
    "--adopt",
    is_flag=True,
    help="Jobs that are in force for no environment become those of the environment.",
)
@collection_paused()
def command(
    session: Session,
    *,
    file: Path | None,
    yes: bool,
    allow_older: bool,
    adopt: bool,
    **given: Any,
) -> int:
    begun = time.monotonic()
    options = replace(options_of(session, given), allow_older=allow_older, adopt=adopt)
    act = (
        _of_saved(session, file, options)
        if file is not None
        else _of_files(session, options, begun)
    )
    with open_database(session, "apply") as engine:
        made = carry_out(session, engine, act, yes=yes)
    return session.end(0, made)


def _of_files(session: Session, options: ApplyOptions, begun: float) -> Act:
    desired, _ = read_desired_of(session)
    options = with_commit(replace(options, keyring=keyring_of(session)), desired.root)

    def head(plan: Plan) -> Sequence[str]:
        return head_lines("apply", desired, plan, seconds=time.monotonic() - begun)

    return Act("apply", desired, options, head)


def _of_saved(session: Session, file: Path, options: ApplyOptions) -> Act:
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
    options = replace(
        options,
        git_commit=origin.git_commit,
        git_dirty=origin.git_dirty,
        git_committed_at=origin.git_committed_at,
    )
    return Act(f"apply {file}", saved, options, lambda _: saved_head_lines("apply", saved))
