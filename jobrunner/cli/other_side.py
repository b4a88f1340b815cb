"""What `plan --against` compares the files with, in place of what is in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from jobrunner.cli.database import open_database
from jobrunner.cli.layout import text
from jobrunner.cli.session import Session
from jobrunner.cli.settings import given_of, keyring_of
from jobrunner.db import history, projects
from jobrunner.db.engine import database_now
from jobrunner.errors import NotFound, UsageError
from jobrunner.reconcile import read_desired, reading
from jobrunner.sealing import Keyring
from jobrunner.spec.models import DefinedJob, JsonValue


@dataclass(frozen=True, slots=True)
class OtherSide:
    """What the files are compared with, in place of what is in force."""

    jobs: Sequence[DefinedJob]
    notifiers: Mapping[str, JsonValue] | None
    """Where alerts go there; None: only fingerprints are known."""
    name: str
    now: datetime
    keyring: Keyring | None = None
    """With which its sensitive arguments are sealed."""


def read_other_side(session: Session, project: str, against: str) -> OtherSide:
    """Another checkout, a revision by its number, or nothing for ''.

    Raises NotFound, UsageError for a checkout of another project, ConfigurationError for its mistakes,
    DatabaseUnavailable.
    """
    if not against:
        return OtherSide((), {}, "nothing, as no database was asked", datetime.now(UTC))
    if against.isdecimal():
        return _revision(session, project, int(against))
    folder = session.working_directory / against
    if not folder.is_dir():
        raise NotFound(
            f"There is no folder {against}.", hint="--against takes a revision or another checkout."
        )
    with session.output.progress(f"reading the files of {against}"):
        other = read_desired(config=None, working_directory=folder, given=given_of(session))
    if other.project.project != project:
        raise UsageError(
            f"{against} is a checkout of project {other.project.project}, and the files here are of "
            f"{project}: they have nothing to do with each other.",
            hint=f"Name another checkout of {project}; `jobrunner plan --offline` shows these files alone.",
        )
    notifiers = {name: one.url for name, one in other.notifiers.items()}
    return OtherSide(other.jobs, notifiers, f"the files of {text(against)}", datetime.now(UTC))


def _revision(session: Session, project: str, number: int) -> OtherSide:
    with open_database(session, "plan") as engine, reading(engine) as connection:
        history.get_revision(connection, project, number)
        found = projects.find_project(connection, project) or projects.NEVER_APPLIED
        then = history.jobs_at(connection, found.id, number)
        now = database_now(connection)
    jobs = [one.job for one in then]
    return OtherSide(jobs, None, f"revision {number}", now, keyring_of(session))
