"""Attempts of tracked runs, as the workers of another Celery app report them."""

import uuid

from sqlalchemy import Connection, text

from jobrunner.db.attempts import Claim

# The lease is the time limit: nobody renews it, and past it the run is lost.
_START = text("""
    WITH started AS (
        UPDATE jobrunner.runs
           SET state = 'running', attempt = runs.attempt + 1, claim_token = :token,
               lease_until = clock_timestamp() + jobs.timeout, started_at = clock_timestamp(),
               worker = :worker, progress = NULL
          FROM jobrunner.jobs
         WHERE runs.id = :run_id AND runs.delivery = 'tracked' AND runs.state = 'queued'
           AND NOT runs.held AND jobs.id = runs.job_id
        RETURNING runs.id, runs.attempt, runs.claim_token, runs.started_at
    )
    INSERT INTO jobrunner.attempts (run_id, number, state, claim_token, worker, pid, started_at)
    SELECT id, attempt, 'running', claim_token, :worker, :pid, started_at FROM started
""")


def start(connection: Connection, started: Claim, *, worker: str, pid: int) -> bool:
    """An attempt has begun, under the caller's new token. False: the run is not one that can begin."""
    values = {"run_id": started.run_id, "token": started.token, "worker": worker, "pid": pid}
    return connection.execute(_START, values).rowcount > 0


_RUNNING = text("""
    SELECT claim_token FROM jobrunner.runs
     WHERE id = :run_id AND delivery = 'tracked' AND state = 'running'
""")


def running_attempt(connection: Connection, run_id: uuid.UUID) -> Claim | None:
    """The attempt that goes on now; None for a run that is none, or none of ours."""
    token = connection.execute(_RUNNING, {"run_id": run_id}).scalar_one_or_none()
    return None if token is None else Claim(run_id, token)


_HAS_ENDED = text("""
    SELECT attempt >= :retries AND state <> 'running' FROM jobrunner.runs WHERE id = :run_id
""")


def has_ended_before(connection: Connection, run_id: uuid.UUID, *, retries: int) -> bool:
    """Whether the attempt that asked for this retry is written to its end. True for no run at all."""
    values = {"run_id": run_id, "retries": retries}
    return connection.execute(_HAS_ENDED, values).scalar_one_or_none() is not False


_FAIL_UNSTARTED = text("""
    UPDATE jobrunner.runs
       SET state = :state, error = :error, finished_at = clock_timestamp()
     WHERE id = :run_id AND delivery = 'tracked' AND state = 'queued'
""")


def end_unstarted(connection: Connection, run_id: uuid.UUID, *, state: str, error: str) -> bool:
    """A run that never began is over: `cancelled`, `expired` or `lost`."""
    values = {"run_id": run_id, "state": state, "error": error}
    return connection.execute(_FAIL_UNSTARTED, values).rowcount > 0
