"""`jobrunner plan`: what an apply would change, and when everything runs then; nothing is written."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.desired import read_desired_of
from jobrunner.cli.plan_options import (
    EXIT_CHANGES,
    Asked,
    Form,
    form_option,
    read_horizon,
    target_option,
)
from jobrunner.cli.session import Session
from jobrunner.errors import UsageError
from jobrunner.garbage import collection_paused
from jobrunner.plan.guards import apply_just_this
from jobrunner.plan.targets import make_targets

if TYPE_CHECKING:
    from jobrunner.cli import planning


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
    asked = Asked(make_targets(targets), read_horizon(horizon), against, offline)
    if offline and against.isdecimal():
        raise UsageError(
            "A revision is in the database, which --offline does not ask.",
            hint="Leave out one of the two.",
        )
    if out is not None and not asked.of_the_database:
        raise UsageError(
            "Only a plan of what is in force can be applied, so there is nothing to save.",
            hint="Leave out --out, or --offline and --against.",
        )
    with ExitStack() as opened:
        desired, looked = read_desired_of(
            session, meanwhile=partial(_get_ready, session, asked, opened)
        )
        from jobrunner.cli import planning  # noqa: PLC0415  see there

        plan, saved = planning.make_asked(session, desired, asked, looked)
    if form == "human":
        seconds = time.monotonic() - begun
        session.output.explain(*planning.head_lines("plan", desired, plan, seconds=seconds))
    planning.show_plan(session, plan, form)
    if out is not None and saved is not None:
        planning.save_plan(session, out, saved)
    elif form == "human" and plan.digest and not plan.is_empty and plan.refused is None:
        session.output.explain(f"Digest {plan.digest}. Apply just this: {apply_just_this(plan)}")
    return session.end(EXIT_CHANGES if detailed_exitcode and not plan.is_empty else 0)


def _get_ready(
    session: Session, asked: Asked, opened: ExitStack, project: str
) -> "planning.Looked | None":
    from jobrunner.cli import planning  # noqa: PLC0415  see there

    return planning.look(session, project, opened) if asked.of_the_database else None
