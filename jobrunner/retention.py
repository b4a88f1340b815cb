"""The product's own clean-up job: history by age and by count, in batches.

Schedule it like any job: `task: jobrunner.retention.delete_old_runs`.
"""

import os
from collections.abc import Callable
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine

from jobrunner.db import retention
from jobrunner.db.engine import make_engine, transaction
from jobrunner.errors import UsageError
from jobrunner.settings import load_settings

BATCH_RUNS = 1_000
KEEP_AT_LEAST = 10
"""However old, so many runs of a job stay: the last outcome of a yearly job is worth keeping."""

log = structlog.get_logger("jobrunner.retention")


def delete_old_runs(*, older_than_days: int = 30, keep_per_job: int = 10_000) -> dict[str, int]:
    """Delete runs that ended long ago and those beyond the newest of each job; how many of each."""
    if older_than_days < 1 or keep_per_job < 1:
        raise UsageError(
            f"older_than_days={older_than_days} and keep_per_job={keep_per_job} must be 1 or more.",
            hint="To delete a job's history, delete the job.",
        )
    settings = load_settings(os.environ, Path.cwd())
    engine = make_engine(settings.database_url, application_name="jobrunner retention")
    try:
        return delete_runs(engine, older_than_days=older_than_days, keep_per_job=keep_per_job)
    finally:
        engine.dispose()


def delete_runs(engine: Engine, *, older_than_days: int, keep_per_job: int) -> dict[str, int]:
    """The same on a given database. Each batch is a transaction of its own."""
    deleted = {
        "by_age": _in_batches(
            engine,
            lambda connection: retention.delete_old(
                connection,
                older_than_days=older_than_days,
                keep_at_least=KEEP_AT_LEAST,
                limit=BATCH_RUNS,
            ),
        ),
        "by_count": _in_batches(
            engine,
            lambda connection: retention.delete_surplus(
                connection, keep_per_job=keep_per_job, limit=BATCH_RUNS
            ),
        ),
    }
    log.info("runs_deleted", **deleted)
    return deleted


def _in_batches(engine: Engine, delete_batch: Callable[[Connection], int]) -> int:
    deleted = 0
    while True:
        with transaction(engine) as connection:
            batch = delete_batch(connection)
        deleted += batch
        if batch < BATCH_RUNS:
            return deleted
