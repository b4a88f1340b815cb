"""The database's own version: which one it is at, whether this program can use it, how it moves on.

The migrations are the top-level `alembic/` of the repository, `jobrunner/_migrations` in an
installed package. Alembic takes 150 ms to import and only `upgrade` needs it, so it is imported
there: every process checks the revision when it starts.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from jobrunner.db.engine import LOCK_NOT_AVAILABLE, Limits, change_limits, sqlstate, transaction
from jobrunner.errors import LockNotObtained, SchemaBehind, SchemaMismatch

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every migration, oldest first; the last is what `upgrade` leads to."""
OLDEST_USABLE = "0005"
"""This program works with this revision and all that follow it: those in REVISIONS, and newer ones that
say that programs of REVISIONS can use them (`schema_compatibility`), as after a release that is taken back.
"""
LOCK_TIMEOUT_SECONDS = 120.0

LOCK_KEY = 0x6A6F6272  # "jobr": PostgreSQL's advisory locks are numbers


def upgrade(engine: Engine) -> str:
    """Bring the database to the newest revision, making the schema if need be; return it.

    Everything happens in one transaction under an advisory lock: of many processes that call it at
    once one migrates and the others wait, then find nothing to do; a killed one leaves no trace.
    Raises SchemaMismatch when the database is newer, LockNotObtained after 120 s of waiting.
    """
    with transaction(engine) as connection:
        _lock(connection)
        found = _read_revision(connection)
        if found is not None and found not in REVISIONS:
            _check_newer(connection, found)
            return found
        if found != REVISIONS[-1]:
            _make_schema(connection)
            run_migrations(connection, REVISIONS[-1])
    return REVISIONS[-1]


def current_revision(engine: Engine) -> str | None:
    """The revision the database is at; None when it has none of our tables."""
    with transaction(engine) as connection:
        return _read_revision(connection)


def check_revision(engine: Engine) -> None:
    """Raise SchemaMismatch unless this program works with the database as it is."""
    with transaction(engine) as connection:
        found = _read_revision(connection)
        if found is not None and found not in REVISIONS:
            _check_newer(connection, found)
            return
    if found is None:
        raise SchemaBehind(
            f"The database has no jobrunner tables; this version needs revision {_needed()}.",
            hint="Make them with `jobrunner db upgrade`.",
        )
    if REVISIONS.index(found) < REVISIONS.index(OLDEST_USABLE):
        raise SchemaBehind(
            f"The database is at revision {found}, this version needs {_needed()}.",
            hint="Bring it up with `jobrunner db upgrade`.",
        )


def run_migrations(connection: Connection, target: str) -> None:
    """Upgrade or downgrade to `target` (`base`: before the first) in the caller's transaction."""
    from alembic import command  # noqa: PLC0415  dear to import, and rarely needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if target == "base" or _is_before(target, _read_revision(connection)):
        command.downgrade(config, target)
    else:
        command.upgrade(config, target)


def migrations_folder() -> Path:
    """Where `env.py` and `versions/` stand: in the installed package or in the checkout."""
    package = Path(__file__).parent.parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "alembic"


def _is_before(target: str, found: str | None) -> bool:
    return found is not None and REVISIONS.index(target) < REVISIONS.index(found)


# Held by the transaction and not by the session: it works through PgBouncer, and is gone with it.
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


def _lock(connection: Connection) -> None:
    change_limits(connection, Limits(0, LOCK_TIMEOUT_SECONDS, 0))
    try:
        connection.execute(_LOCK, {"key": LOCK_KEY})
    except DBAPIError as error:
        if sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        raise LockNotObtained(
            f"Another process has been migrating the database for {LOCK_TIMEOUT_SECONDS:.0f} s.",
            hint="Look for it in pg_stat_activity, then try again.",
        ) from error


# to_regclass answers NULL where a SELECT from a missing table would break the transaction.
_HAS_VERSION = text("SELECT to_regclass('jobrunner.schema_version') IS NOT NULL")
_READ_VERSION = text("SELECT version_num FROM jobrunner.schema_version")


def _read_revision(connection: Connection) -> str | None:
    if not connection.execute(_HAS_VERSION).scalar_one():
        return None
    return connection.execute(_READ_VERSION).scalar_one_or_none()


# CREATE SCHEMA IF NOT EXISTS asks for the right to create even when there is nothing to do.
_HAS_SCHEMA = text("SELECT to_regnamespace('jobrunner') IS NOT NULL")


def _make_schema(connection: Connection) -> None:
    if not connection.execute(_HAS_SCHEMA).scalar_one():
        connection.execute(text("CREATE SCHEMA jobrunner"))


_OLDEST_PROGRAM = text("SELECT oldest_program FROM jobrunner.schema_compatibility")


def _check_newer(connection: Connection, found: str) -> None:
    """A later program has migrated the database. Raises SchemaMismatch unless it left room for this one."""
    if connection.execute(_OLDEST_PROGRAM).scalar_one_or_none() in REVISIONS:
        return
    raise SchemaMismatch(
        f"The database is newer: it is at revision {found}, this version needs {_needed()}.",
        hint="Install the jobrunner version that migrated it, or a later one.",
    )


def _needed() -> str:
    newest = REVISIONS[-1]
    return newest if newest == OLDEST_USABLE else f"{OLDEST_USABLE}…{newest}"
