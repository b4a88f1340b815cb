"""`jobrunner validate`: every mistake of the files in one go; no database, no network."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.diagnostic_text import count, github_line, report_lines
from jobrunner.cli.project import ReadProject, read_paths
from jobrunner.cli.session import Session
from jobrunner.cli.settings import settings_of
from jobrunner.cli.style import style
from jobrunner.garbage import collection_paused
from jobrunner.plan.lint import lint_jobs
from jobrunner.spec.diagnostics import Diagnostic, has_errors
from jobrunner.spec.project import TaskCheck
from jobrunner.spec.source_lines import with_source_lines

FORMAT_VERSION = "1.0"
"""Of the JSON: a minor version only adds."""

Format = Literal["human", "json", "github"]


@make_command(
    "validate",
    "Check the files: every mistake of all of them in one go. No database, no network.\n\n"
    "Without PATH the project is checked. PATH is a project's folder or its project file, or files "
    "and folders that are checked by themselves with the project's defaults.",
    examples=[
        ("jobrunner validate", "All files of this project; exit 1 when one is wrong."),
        ("jobrunner validate --check-tasks import", "Import the tasks, too, as a worker would."),
        ("jobrunner validate --strict --format github", "In a workflow: warnings fail it too."),
    ],
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]…")
@click.option(
    "--format",
    "-o",
    "form",
    type=click.Choice(["human", "json", "github"]),
    default="human",
    show_default=True,
    help="For people, for programs, for a GitHub workflow.",
)
@click.option(
    "--check-tasks",
    type=click.Choice(["static", "import", "off"]),
    help="Whether what jobs call is there and takes their args and kwargs: by reading its source without "
    "running it, by importing it in a process of its own, or not at all.  [default: static, or "
    "JOBRUNNER_CHECK_TASKS]",
)
@click.option("--strict", is_flag=True, help="A warning is an error.")
@collection_paused()
def command(
    session: Session,
    *,
    paths: tuple[Path, ...],
    form: Format,
    check_tasks: TaskCheck | None,
    strict: bool,
) -> int:
    mode = check_tasks or settings_of(session).check_tasks
    read = read_paths(session, paths, mode=mode)
    lints = () if has_errors(read.diagnostics) else lint_jobs(read.jobs, now=datetime.now(UTC))
    diagnostics = (*read.diagnostics, *with_source_lines(lints, read.sources))
    is_empty = not (read.files or read.jobs or diagnostics)
    is_valid = not (has_errors(diagnostics) or (strict and (diagnostics or is_empty)))
    _show(session, read, diagnostics, form, is_valid=is_valid)
    if is_empty:
        session.output.warning(
            _nothing(read), "Write a first job with `jobrunner init`, or name another folder."
        )
    return session.end(0 if is_valid else 1)


def _show(
    session: Session,
    read: ReadProject,
    diagnostics: Sequence[Diagnostic],
    form: Format,
    *,
    is_valid: bool,
) -> None:
    output = session.output
    match form:
        case "json":
            found = [diagnostic.as_json() for diagnostic in diagnostics]
            figures = {"valid": is_valid, "files": read.files, "jobs": len(read.jobs)}
            document = {"format_version": FORMAT_VERSION, **figures, "diagnostics": found}
            output.document(document, "json")
        case "github":
            root = _from_repository(session, read.root)
            output.result(*(github_line(diagnostic, root=root) for diagnostic in diagnostics))
        case "human" if diagnostics:
            output.told(*report_lines(diagnostics))
        case "human" if read.files or read.jobs:
            output.result(_all_well(read))
        case "human":
            pass  # a warning says that there is nothing


def _nothing(read: ReadProject) -> str:
    what = "no job file and no job" if read.sources else "no project file and no job file"
    return f"There is {what} in {read.root}."


def _from_repository(session: Session, root: Path) -> str:
    """A workflow's annotations name files from the checkout on, wherever the project is in it."""
    checkout = Path(session.environ.get("GITHUB_WORKSPACE") or session.working_directory).resolve()
    return root.relative_to(checkout).as_posix() if root.is_relative_to(checkout) else "."


def _all_well(read: ReadProject) -> str:
    schedules = sum(len(job.spec.schedules) for job in read.jobs)
    figures = (count(read.files, "file"), count(len(read.jobs), "job"))
    return f"{style('●', 'good')} {', '.join(figures)}, {count(schedules, 'schedule')}: all valid."
