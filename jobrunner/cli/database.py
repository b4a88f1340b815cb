"""What the commands that ask the database share: an engine, and who is asking."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from jobrunner.cli.git import git_answer
from jobrunner.cli.session import Session
from jobrunner.cli.settings import servers_of
from jobrunner.db.engine import make_engine
from jobrunner.db.migrate import check_revision


@contextmanager
def open_database(
    session: Session, command: str, *, check: bool = True, pool_size: int = 1
) -> Iterator[Engine]:
    """An engine for one command. Raises DatabaseUnavailable, and SchemaMismatch with `check`."""
    engine = make_engine(
        servers_of(session).database_url,
        application_name=f"jobrunner {command}",
        pool_size=pool_size,
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
    return git_answer(session.working_directory, "config", "user.email") or _login_name()


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
