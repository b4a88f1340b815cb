"""`jobrunner init`: a project file, a first job and its callable; nothing is ever overwritten."""

from pathlib import Path
from typing import Any

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.new_file import write_new
from jobrunner.cli.scaffold import CeleryTask, as_name, scaffold
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.errors import NotFound
from jobrunner.importing.celery_app import load_beat_schedule

_OF_BEAT_ITSELF = "celery.backend_cleanup"


@make_command(
    "init",
    "Write a project file, a first job, its callable, schemas for editors, a workflow for pull "
    "requests and a pre-commit hook.\n\nFiles that exist are left as they are.",
    examples=[
        ("jobrunner init", "In this folder; then `jobrunner up`."),
        ("jobrunner init acme-jobs", "In a new folder."),
        ("jobrunner init --from-celery acme.celery:app", "Beside an app: a first job of its own."),
    ],
)
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--from-celery",
    "app",
    metavar="APP",
    help="An existing Celery app, as for `celery -A`: the first job sends a task of it.",
)
def command(session: Session, *, folder: Path, app: str | None) -> None:
    root = session.working_directory / folder
    told = None if app is None else _load(session, app, root)
    task = None if told is None else _first_task(told)
    # A folder `tasks` would be imported in place of `tasks.py`, where many a Celery app stands.
    package = "job_tasks" if (root / "tasks.py").exists() else "tasks"
    files = scaffold(project_name=_project_name(root), package=package, celery_task=task)
    for path, content in files.items():
        if write_new(root / path, content):
            session.output.result(f"{style('+', 'good')} {path}")
        else:
            session.output.result(f"{style('=', 'quiet')} {path}  {style('exists, kept', 'quiet')}")
    where = "" if folder == Path() else f"cd {folder} && "
    session.output.say("", f"Next: {where}jobrunner up")
    if told is not None and any(entry["name"] != _OF_BEAT_ITSELF for entry in told["entries"]):
        session.output.say(f"The schedule of its beat: {where}jobrunner import celery {app}")


def _load(session: Session, app: str, root: Path) -> Any:
    """From the project's folder, as a beat loads it."""
    if not root.is_dir():
        raise NotFound(f"There is no folder {root} that {app} could be loaded from.")
    with session.output.progress(f"loading {app}"):
        return load_beat_schedule(app, folder=root)


def _first_task(told: Any) -> CeleryTask:
    """Rather one that can be sent as it stands."""
    app = told["app"]
    if not told["tasks"]:
        raise NotFound(
            f"The Celery app {app} has no task of its own.",
            hint="Let it import them: `include`, or `autodiscover_tasks()`.",
        )
    first = min(told["tasks"], key=lambda task: bool(task["needs_arguments"]))
    return CeleryTask(app, first["name"], needs_arguments=first["needs_arguments"])


def _project_name(root: Path) -> str:
    """The folder's name."""
    return as_name(root.resolve().name) or "jobs"
