"""What a worker's process has at hand."""

import time
from dataclasses import dataclass, field

from sqlalchemy import Engine

from jobrunner.cleaner import Cleaner
from jobrunner.db.engine import Limits, make_engine
from jobrunner.execute import Home
from jobrunner.heartbeat import Heartbeat
from jobrunner.limits import LimitBoard
from jobrunner.secrets import Secrets
from jobrunner.settings import Settings
from jobrunner.worker.lookahead import Lookahead

_LIMITS = Limits(statement_timeout_seconds=5.0, lock_timeout_seconds=2.0)


@dataclass(slots=True)
class Here:
    """What this process has at hand. Celery calls back by signals and by classes that it makes
    itself, so there is no other place for it. Children are forked with the parent's.
    """

    settings: Settings | None = None
    """Set in the parent when the worker is made."""
    allow: tuple[str, ...] = ()
    root: str = "."
    """The project's folder."""
    secrets: Secrets = field(default_factory=Secrets)
    heartbeat: Heartbeat | None = None
    """Set in the parent when its pool is up. Children keep the copy and never touch it: a
    connection that is collected there would hang up here."""
    cleaner: Cleaner | None = None
    """The same."""
    lookahead: Lookahead = field(default_factory=lambda: Lookahead(time.monotonic))
    """The parent's alone."""
    limits: LimitBoard = field(default_factory=LimitBoard)
    """Of the runs in hand; the children's is the parent's."""
    home: Home | None = None
    """Set in each child."""


here = Here()


def open_engine(application_name: str, *, pool_size: int) -> Engine:
    """For a thread of this process; nothing waits long for PostgreSQL in a worker."""
    assert here.settings is not None  # noqa: S101  set before the pool is made
    return make_engine(
        here.settings.database_url,
        application_name=application_name,
        limits=_LIMITS,
        pool_size=pool_size,
    )
