"""What the commands that ask the database share: an engine, who is asking, and of which commit."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from jobrunner.cli.git import (
    git_answer,
    git_commit,
    git_committed_at,
    git_is_behind,
    git_is_dirty,
)
from jobrunner.cli.session import Session
from jobrunner.cli.settings import servers_of
from jobrunner.db.engine import CONNECT_TIMEOUT_SECONDS, make_engine
from jobrunner.db.migrate import check_revision
from jobrunner.reconcile import ApplyOptions


@contextmanager
def open_database(
    session: Session,
    command: str,
    *,
    check: bool = True,
    pool_size: int = 1,
    connect_timeout_seconds: int = CONNECT_TIMEOUT_SECONDS,
) -> Iterator[Engine]:
    """An engine for one command. Raises DatabaseUnavailable, and SchemaMismatch with `check`."""
    engine = make_engine(
        servers_of(session).database_url,
        application_name=f"jobrunner {command}",
        pool_size=pool_size,
        connect_timeout_seconds=connect_timeout_seconds,
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


def with_commit(options: ApplyOptions, folder: Path) -> ApplyOptions:
    """The same for an apply of what is checked out in `folder`."""
    return replace(
        options,
        git_commit=git_commit(folder),
        git_dirty=git_is_dirty(folder),
        git_committed_at=git_committed_at(folder),
        is_ancestor=lambda commit: git_is_behind(folder, commit),
    )


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
