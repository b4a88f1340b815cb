"""The files of the project, read and parsed, for the commands that need no database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.session import Session
from jobrunner.errors import ConfigurationError, NotFound
from jobrunner.files import read_project
from jobrunner.spec.diagnostics import Diagnostic, has_errors
from jobrunner.spec.models import DefinedJob, ProjectSpec
from jobrunner.spec.parse import parse_project
from jobrunner.spec.yaml import SourceFile

_SHOWN_ADDRESSES = 5


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


def no_such_job(address: str, addresses: Iterable[str], *, where: str = "") -> NotFound:
    """With the address that was probably meant, or where all of them stand."""
    known = list(addresses)
    # A name alone is enough where it is in one namespace only.
    named = [one for one in known if one.partition("/")[2] == address]
    close = named if len(named) == 1 else get_close_matches(address, known, n=1)
    hint = f"Did you mean {close[0]}?" if close else _known_addresses(known)
    return NotFound(f"There is no job {address}{where}.", hint=hint)


def _known_addresses(known: Sequence[str]) -> str:
    if not known:
        return "There is none at all; `jobrunner init` writes a first one."
    more = f" and {len(known) - _SHOWN_ADDRESSES} more" if len(known) > _SHOWN_ADDRESSES else ""
    return f"There are: {', '.join(known[:_SHOWN_ADDRESSES])}{more}."


def read_valid_project(session: Session) -> ReadProject:
    """The same, for commands that need all of it right. Raises ConfigurationError."""
    read = read_project_of(session)
    if has_errors(read.diagnostics):
        errors = sum(diagnostic.is_error for diagnostic in read.diagnostics)
        raise ConfigurationError(
            f"The files hold {count(errors, 'error')}.", diagnostics=read.diagnostics
        )
    return read
