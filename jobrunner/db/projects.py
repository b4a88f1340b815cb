"""Projects: who owns which jobs, at which revision, and the lock under which one is applied."""

from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from jobrunner.db.engine import LOCK_NOT_AVAILABLE, sqlstate
from jobrunner.errors import LockNotObtained


@dataclass(frozen=True, slots=True)
class Project:
    """A project's row."""

    id: int
    environment: str
    revision: int


NEVER_APPLIED = Project(id=0, environment="", revision=0)

_FIND = text("SELECT id, environment, revision FROM jobrunner.projects WHERE name = :name")


def find_project(connection: Connection, name: str) -> Project | None:
    """None before its first apply."""
    row = connection.execute(_FIND, {"name": name}).mappings().one_or_none()
    return None if row is None else Project(**row)


API_OWNER = ":api"
"""The project of all jobs that no file defines. No file can give this name."""

_NAMES = text("SELECT name FROM jobrunner.projects WHERE name <> :api ORDER BY name")


def project_names(connection: Connection) -> tuple[str, ...]:
    """All of files that were ever applied."""
    return tuple(connection.execute(_NAMES, {"api": API_OWNER}).scalars())


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('jobrunner project ' || :name, 0))")
_HOLDER = text("""
    SELECT coalesce(nullif(a.application_name, ''), a.usename) AS name, host(a.client_addr) AS host,
           a.pid, extract(epoch FROM clock_timestamp() - a.xact_start) AS seconds
      FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()
       AND (CAST(CAST(l.classid AS bigint) AS bit(64)) << 32 | CAST(CAST(l.objid AS bigint) AS bit(64)))
         = CAST(hashtextextended('jobrunner project ' || :name, 0) AS bit(64))
""")


def lock_project(connection: Connection, name: str) -> None:
    """One apply of a project at a time; held to the end of the transaction.

    Raises LockNotObtained, which names who has it, when the transaction's lock time-out passes first.
    """
    try:
        with connection.begin_nested():
            connection.execute(_LOCK, {"name": name})
    except DBAPIError as error:
        if sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        raise LockNotObtained(
            f"Another apply of project {name} is under way{_holder(connection, name)}. "
            "Nothing was changed.",
            hint="Try again when it is over, or wait longer with --lock-timeout.",
        ) from error


def _holder(connection: Connection, name: str) -> str:
    row = connection.execute(_HOLDER, {"name": name}).first()
    if row is None:  # it is over by now
        return ""
    where = "" if row.host is None else f" on {row.host}"
    return f": {row.name}{where}, for {row.seconds:.0f} s (PostgreSQL's process {row.pid})"


_NEW_REVISION = text("""
    INSERT INTO jobrunner.projects AS p (name, environment, revision)
    VALUES (:name, :environment, 1)
        ON CONFLICT (name) DO UPDATE
       SET revision = p.revision + 1, environment = excluded.environment
    RETURNING id, environment, revision
""")


def start_revision(connection: Connection, name: str, *, environment: str) -> Project:
    """Count the project's revision up, making the project at its first apply. Under its lock.

    It is in force for this environment from then on: whether it may be is for the guards to say.
    """
    values = {"name": name, "environment": environment}
    return Project(**connection.execute(_NEW_REVISION, values).mappings().one())
