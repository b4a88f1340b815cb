"""`jobrunner show`: a saved plan as it was shown when it was made, and whether it can still be applied."""

from pathlib import Path

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.database import open_database
from jobrunner.cli.layout import text
from jobrunner.cli.plan_file import read_plan_file
from jobrunner.cli.plan_options import Form, form_option
from jobrunner.cli.planning import show_plan
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.errors import StalePlan
from jobrunner.plan.saved import SavedPlan
from jobrunner.reconcile import plan_saved, reading
from jobrunner.wording.times import exact


@make_command(
    "show",
    "Show a saved plan as `plan` showed it, and whether it is stale: then the exit code is 3.",
    examples=[
        ("jobrunner show plan.jrplan", "Look again, before you apply it."),
        (
            "jobrunner show plan.jrplan --offline --format json",
            "What is in it; no database is asked.",
        ),
    ],
)
@click.argument("file", type=click.Path(path_type=Path))
@form_option
@click.option("--offline", is_flag=True, help="Ask no database whether it is stale.")
def command(session: Session, *, file: Path, form: Form, offline: bool) -> int:
    saved = read_plan_file(session.working_directory / file)
    if form == "human":
        session.output.say(*saved_head_lines("show", saved))
    show_plan(session, saved.plan(), form, rolled_back_to=saved.origin.rolled_back_to)
    if offline:
        return 0
    stale = _why_stale(session, saved)
    if stale is not None:
        session.output.error(stale.message, stale.hint)
        return stale.exit_code
    session.output.say(f"It can be applied: jobrunner apply {file}")
    return 0


def saved_head_lines(name: str, saved: SavedPlan) -> tuple[str, str, str]:
    """What it was made from."""
    origin, current = saved.origin, saved.current
    environment = f"   env {text(saved.environment)}" if saved.environment else ""
    git = ""
    if origin.git_commit is not None:
        git = f"   git {text(origin.git_commit[:7])} {'dirty' if origin.git_dirty else 'clean'}"
    title = style(f"jobrunner {name}", "strong")
    base = f"base revision {current.revision}"
    made = (
        f"made {exact(saved.now)} by jobrunner {text(origin.tool_version)}, digest {saved.digest}"
    )
    return (
        f"{title}   project {text(current.name)}{environment}   {base}{git}",
        style(made, "quiet"),
        "",
    )


def _why_stale(session: Session, saved: SavedPlan) -> StalePlan | None:
    with (
        open_database(session, "show") as engine,
        session.output.progress("comparing with the database"),
        reading(engine) as connection,
    ):
        try:
            plan_saved(connection, saved)
        except StalePlan as stale:
            return stale
    return None
