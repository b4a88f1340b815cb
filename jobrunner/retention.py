"""The product's own clean-up job: history by age and by count, in batches.

Schedule it like any job: `task: jobrunner.retention.delete_old_runs`.
"""

import os
import time
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import Engine

from jobrunner.crash_points import reach
from jobrunner.db import retention
from jobrunner.db.engine import make_engine, transaction
from jobrunner.errors import UsageError
from jobrunner.settings import load_settings

BATCH_RUNS = 1_000
BATCH_INCIDENTS = 1_000
KEEP_AT_LEAST = 10
"""However old, so many runs of a job stay: the last outcome of a yearly job is worth keeping."""

log = structlog.get_logger("jobrunner.retention")


def delete_old_runs(*, older_than_days: int = 30, keep_per_job: int = 10_000) -> dict[str, int]:
    """Delete runs that ended long ago and those beyond the newest of each job; how many of each.

    Incidents of alerts go, too, that closed so long ago, with their messages; the newest of each job and
    kind stays.
    """
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
    deleted = {"by_age": 0, "by_count": 0, "incidents": 0}
    with transaction(engine) as connection:
        job_ids = retention.jobs_with_runs(connection)
    for job_id in job_ids:
        deleted["by_age"] += _delete_of_job(engine, job_id, KEEP_AT_LEAST, older_than_days)
        deleted["by_count"] += _delete_of_job(engine, job_id, keep_per_job, None)
    deleted["incidents"] = _delete_incidents(engine, older_than_days)
    log.info("runs_deleted", **deleted)
    return deleted


def _delete_of_job(engine: Engine, job_id: UUID, keep: int, older_than_days: int | None) -> int:
    """Batch by batch, each beginning where the last one ended: what stays is not looked at again."""
    with transaction(engine) as connection:
        before = retention.newest_run(connection, job_id, keep=keep)
    number, after = 0, None
    while before is not None:
        started_at = time.monotonic()
        with transaction(engine) as connection:
            batch = retention.delete_batch(
                connection,
                job_id,
                before=before,
                after=after,
                older_than_days=older_than_days,
                limit=BATCH_RUNS,
            )
            reach("history_batch_deleted")
        number += batch.number
        reach("history_batch_committed")
        if batch.number < BATCH_RUNS:
            return number
        after = batch.last
        # As long a rest as there was work: what fires meanwhile finds the disk free half of the time.
        time.sleep(time.monotonic() - started_at)
    return number


def _delete_incidents(engine: Engine, older_than_days: int) -> int:
    number = 0
    while True:
        with transaction(engine) as connection:
            batch = retention.delete_old_incidents(
                connection, older_than_days=older_than_days, limit=BATCH_INCIDENTS
            )
        number += batch
        if batch < BATCH_INCIDENTS:
            return number
