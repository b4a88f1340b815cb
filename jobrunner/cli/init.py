"""`jobrunner init`: a project file, a first job and its callable; nothing is ever overwritten."""

import json
import re
from pathlib import Path

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.scaffold import scaffold
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.errors import JobrunnerError
from jobrunner.spec.json_schema import json_schema


@make_command(
    "init",
    "Write a project file, a first job, its callable, an editor's schema, a workflow and a "
    "pre-commit hook.\n\nFiles that exist are left as they are.",
    examples=[
        ("jobrunner init", "In this folder; then `jobrunner up`."),
        ("jobrunner init acme-jobs", "In a new folder."),
    ],
)
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
def command(session: Session, *, folder: Path) -> None:
    root = session.working_directory / folder
    schema = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    for path, content in scaffold(project_name=_name(root), schema=schema).items():
        if _write_new(root / path, content):
            session.output.result(f"{style('+', 'good')} {path}")
        else:
            session.output.result(f"{style('=', 'quiet')} {path}  {style('exists, kept', 'quiet')}")
    where = "" if folder == Path() else f"cd {folder} && "
    session.output.say("", f"Next: {where}jobrunner up")


def _write_new(file: Path, content: str) -> bool:
    """False when it exists, whatever it is."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(content)
    except FileExistsError:
        return False
    except OSError as error:
        raise JobrunnerError(f"{file} cannot be written: {error.strerror}.") from error
    return True


def _name(root: Path) -> str:
    """The folder's name as a project's name."""
    name = re.sub(r"[^a-z0-9._-]+", "-", root.resolve().name.lower()).strip("-._")
    return name[:100] or "jobs"
