"""What a process is told by its environment: where the servers are, by the variables that jobrunner reads.

A server is a URL (`JOBRUNNER_DATABASE_URL`, `JOBRUNNER_BROKER_URL`) or its parts (`POSTGRES_HOST`,
`POSTGRES_PASSWORD_FILE`, `REDIS_DB`, …); a password may hold any character.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import URL, make_url

from jobrunner.settings import load_settings

TIME_ZONE = "Europe/Berlin"


@dataclass(frozen=True)
class Settings:
    """All settings of a process."""

    database_url: URL
    """With the asynchronous driver."""
    broker_url: str
    result_url: str
    """Results are what the runs in the database say."""
    folder: Path
    """Where reports are written, and read by the API."""
    work_seconds: float
    """How long a report is worked at, besides what is shown here."""


@cache
def settings() -> Settings:
    """Those of this process. Raises UsageError for a variable that cannot be used."""
    servers = load_settings(os.environ, Path.cwd())
    return Settings(
        database_url=make_url(servers.database_url).set(drivername="postgresql+asyncpg"),
        broker_url=servers.broker_url,
        result_url=f"jobrunner+{servers.database_url}",
        folder=Path(os.environ.get("REPORTS_FOLDER", "files")),
        work_seconds=float(os.environ.get("REPORTS_WORK_SECONDS", "30")),
    )
