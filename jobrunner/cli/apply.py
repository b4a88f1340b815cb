"""`jobrunner apply`: make the database match the files, in one transaction."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from jobrunner.cli.agreement import agreeing_options, agreement_of
from jobrunner.cli.command import make_command
from jobrunner.cli.desired import read_desired_of
from jobrunner.cli.session import Session
from jobrunner.garbage import collection_paused


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
    agreement = replace(agreement_of(given), allow_older=allow_older, adopt=adopt)
    source = read_desired_of(session, meanwhile=_load)[0] if file is None else file
    from jobrunner.cli import applying  # noqa: PLC0415  see there

    return session.end(0, applying.make_it_so(session, source, agreement, begun=begun, yes=yes))


def _load(_: str) -> None:
    from jobrunner.cli import applying  # noqa: F401, PLC0415  see there
