"""The files of the project, read and parsed, for the commands that need no database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from jobrunner.check_tasks import check_tasks
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.reading import reading_files
from jobrunner.cli.session import Session
from jobrunner.cli.settings import given_of
from jobrunner.errors import ConfigurationError, NotFound
from jobrunner.files import PROJECT_FILE
from jobrunner.spec.diagnostics import Diagnostic, has_errors
from jobrunner.spec.models import DefinedJob, ScheduleSpec
from jobrunner.spec.parse import parse_project
from jobrunner.spec.project import ProjectSpec, TaskCheck
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


def read_project_of(
    session: Session, *, only: Sequence[Path] = (), mode: TaskCheck = "off"
) -> ReadProject:
    """Read everything, or `only` these files and folders. Mistakes are diagnostics.

    `mode`: how what the jobs call is checked.
    """
    given = given_of(session)
    with reading_files(session, given, mode=mode, only=only) as (read, readings):
        parsed = parse_project(
            read.config, read.files, given=given, is_whole=not only, readings=readings
        )
        diagnostics = check_tasks(read, parsed, mode=mode, names_missing_modules=True)
    return ReadProject(
        root=read.root,
        project=parsed.project,
        jobs=parsed.jobs,
        diagnostics=(*read.diagnostics, *diagnostics),
        files=len(read.files),
        sources=read.sources,
    )


def read_paths(session: Session, paths: Sequence[Path], *, mode: TaskCheck = "off") -> ReadProject:
    """What the PATHs of a command name: a single one may be a whole project, any others are files and
    folders by themselves. None is the project. Raises NotFound.
    """
    for path in paths:
        if not (session.working_directory / path).exists():
            raise NotFound(f"There is no file or folder {path}.")
    if len(paths) == 1:
        only = session.working_directory / paths[0]
        if only.name == PROJECT_FILE:
            session.given_config = only
            return read_project_of(session, mode=mode)
        if (only / PROJECT_FILE).exists():
            session.given_config = only / PROJECT_FILE
            return read_project_of(session, mode=mode)
    return read_project_of(session, only=paths, mode=mode)


def no_such_job(
    address: str, addresses: Iterable[str], *, where: str = "", or_else: str = ""
) -> NotFound:
    """With the address that was probably meant, or where all of them stand and what else it may be."""
    known = list(addresses)
    job = address.partition("#")[0]
    # A name alone is enough where it is in one namespace only.
    named = [one for one in known if one.partition("/")[2] == job]
    close = named if len(named) == 1 else _alike(job, known)
    hint = f"Did you mean {close[0]}?" if close else f"{_known_addresses(known)} {or_else}".strip()
    return NotFound(f"There is no job {address}{where}.", hint=hint)


def _alike(address: str, known: Sequence[str]) -> list[str]:
    """The nearest one. In a namespace that exists by name: to share one makes no two jobs alike."""
    namespace, slash, name = address.partition("/")
    beside = [one.partition("/")[2] for one in known if one.startswith(f"{namespace}/")]
    if slash and beside:
        return [f"{namespace}/{one}" for one in get_close_matches(name, beside, n=1)]
    return get_close_matches(address, known, n=1)


def find_schedules(session: Session, address: str) -> tuple[DefinedJob, Sequence[ScheduleSpec]]:
    """A job of the files by `namespace/job`, and its schedules; one of them with `#schedule`.

    Raises ConfigurationError or NotFound.
    """
    job_address, _, schedule_name = address.partition("#")
    jobs = read_valid_project(session).jobs
    for job in jobs:
        if job.address == job_address:
            wanted = [s for s in job.spec.schedules if schedule_name in {"", s.name}]
            if schedule_name and not wanted:
                has = ", ".join(f"#{one.name}" for one in job.spec.schedules) or "none"
                raise NotFound(
                    f"{job_address} has no schedule #{schedule_name}.", hint=f"It has: {has}."
                )
            return job, wanted
    raise no_such_job(job_address, [job.address for job in jobs], where=" in the files")


def _known_addresses(known: Sequence[str]) -> str:
    if not known:
        return "There is none at all; `jobrunner init` writes a first one."
    more = f" and {len(known) - _SHOWN_ADDRESSES} more" if len(known) > _SHOWN_ADDRESSES else ""
    return f"There are: {', '.join(known[:_SHOWN_ADDRESSES])}{more}."


def read_valid_project(session: Session, paths: Sequence[Path] = ()) -> ReadProject:
    """The same, for commands that need all of it right. Raises ConfigurationError."""
    read = read_paths(session, paths)
    if has_errors(read.diagnostics):
        errors = sum(diagnostic.is_error for diagnostic in read.diagnostics)
        raise ConfigurationError(
            f"The files hold {count(errors, 'error')}.", diagnostics=read.diagnostics
        )
    return read
