"""The files of the project, read and parsed, for the commands that need no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.session import Session
from jobrunner.errors import ConfigurationError
from jobrunner.files import read_project
from jobrunner.spec.diagnostics import Diagnostic, has_errors
from jobrunner.spec.models import DefinedJob, ProjectSpec
from jobrunner.spec.parse import parse_project
from jobrunner.spec.yaml import SourceFile


@dataclass(frozen=True, slots=True)
class ReadProject:
    """What the files say, and what is wrong with them."""

    root: Path
    project: ProjectSpec
    jobs: tuple[DefinedJob, ...]
    """With an error among the diagnostics: only the good ones."""
    diagnostics: tuple[Diagnostic, ...]
    files: int
    """How many job files were read."""
    sources: tuple[SourceFile, ...]
    """What was read, for quoting its lines."""


def read_project_of(session: Session, *, only: Sequence[Path] = ()) -> ReadProject:
    """Read everything, or `only` these files and folders. Mistakes are diagnostics."""
    with session.output.progress("reading the files"):
        read = read_project(
            config=session.config, working_directory=session.working_directory, only=only
        )
        parsed = parse_project(read.config, read.files)
    return ReadProject(
        root=read.root,
        project=parsed.project,
        jobs=parsed.jobs,
        diagnostics=(*read.diagnostics, *parsed.diagnostics),
        files=len(read.files),
        sources=read.sources,
    )


def read_valid_project(session: Session) -> ReadProject:
    """The same, for commands that need all of it right. Raises ConfigurationError."""
    read = read_project_of(session)
    if has_errors(read.diagnostics):
        errors = sum(diagnostic.is_error for diagnostic in read.diagnostics)
        raise ConfigurationError(
            f"The files hold {count(errors, 'error')}.", diagnostics=read.diagnostics
        )
    return read
