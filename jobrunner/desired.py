"""Files → what they want: every definition, or every mistake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobrunner.check_tasks import check_tasks
from jobrunner.errors import ConfigurationError
from jobrunner.files import ProjectFiles, read_project
from jobrunner.spec.diagnostics import Diagnostic, has_errors
from jobrunner.spec.models import DefinedJob
from jobrunner.spec.parse import parse_project
from jobrunner.spec.project import NOTHING_GIVEN, DefinedNotifier, Given, Move, ProjectSpec
from jobrunner.spec.readings import KnownReadings
from jobrunner.spec.yaml import SourceFile


@dataclass(frozen=True, slots=True)
class Desired:
    """What the files say, read at one moment."""

    project: ProjectSpec
    environment: str
    root: Path
    jobs: tuple[DefinedJob, ...]
    """Sorted by address."""
    moves: tuple[Move, ...]
    notifiers: Mapping[str, DefinedNotifier]
    files: int
    """How many job files were read."""
    missing_folders: tuple[str, ...]
    """Where `include` looks and nothing is at all; an empty folder is not missing."""
    diagnostics: tuple[Diagnostic, ...]
    """Warnings; with an error there is no `Desired`."""
    content_hash: str
    """Of all files that were read: the same hash, the same definitions."""
    sources: tuple[SourceFile, ...] = ()
    """What was read, for quoting its lines."""
    has_project_file: bool = True
    """False: none was found, and the project is `default` for that reason."""


def read_desired(
    *, config: Path | None, working_directory: Path, given: Given = NOTHING_GIVEN
) -> Desired:
    """The definitions of the project that `working_directory` lies in, or of the file `config`.

    Needs no database. Raises ConfigurationError with all mistakes of all files.
    """
    return understand(read_project(config=config, working_directory=working_directory), given)


def understand(read: ProjectFiles, given: Given, readings: KnownReadings | None = None) -> Desired:
    """The definitions that these files hold. Raises ConfigurationError with all their mistakes.

    `readings` spares what has been read before, or is read elsewhere.
    """
    parsed = parse_project(read.config, read.files, given=given, readings=readings)
    diagnostics = (*read.diagnostics, *check_tasks(read, parsed, mode=given.check_tasks))
    if has_errors(diagnostics):
        raise _mistakes(diagnostics)
    return Desired(
        project=parsed.project,
        environment=given.environment,
        root=read.root,
        jobs=parsed.jobs,
        moves=parsed.moves,
        notifiers=parsed.notifiers,
        files=len(read.files),
        missing_folders=read.missing_folders,
        diagnostics=diagnostics,
        content_hash=read.content_hash,
        sources=read.sources,
        has_project_file=read.config is not None,
    )


def _mistakes(diagnostics: Sequence[Diagnostic]) -> ConfigurationError:
    errors = sum(diagnostic.is_error for diagnostic in diagnostics)
    number = "1 mistake" if errors == 1 else f"{errors} mistakes"
    return ConfigurationError(
        f"The configuration has {number}; nothing was changed.", diagnostics=diagnostics
    )
