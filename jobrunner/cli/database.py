"""What the commands that ask the database share: settings, an engine, who is asking."""

import getpass
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from jobrunner.cli.session import Session
from jobrunner.db.engine import make_engine
from jobrunner.db.migrate import check_revision
from jobrunner.settings import Settings, load_settings

_GIT_TIMEOUT_SECONDS = 5


def settings_of(session: Session) -> Settings:
    """The settings of this process. Raises UsageError for a value that cannot be used."""
    return load_settings(session.environ, session.working_directory)


@contextmanager
def open_database(session: Session, command: str, *, check: bool = True) -> Iterator[Engine]:
    """An engine for one command. Raises DatabaseUnavailable, and SchemaMismatch with `check`."""
    engine = make_engine(
        settings_of(session).database_url, application_name=f"jobrunner {command}", pool_size=1
    )
    try:
        if check:
            with session.output.progress("connecting to the database"):
                check_revision(engine)
        yield engine
    finally:
        engine.dispose()


def actor_of(session: Session) -> str:
    """Who acts, for revisions and the audit: git's name of this person, or the system's."""
    return git(session.working_directory, "config", "user.email") or _login_name()


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"


def git(folder: Path, *arguments: str) -> str:
    """The answer of git, '' when there is none: no git, no repository, no such setting."""
    try:
        asked = subprocess.run(  # noqa: S603  our own words
            ["git", *arguments],  # noqa: S607  whichever git the person uses
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
