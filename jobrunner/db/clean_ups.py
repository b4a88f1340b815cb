"""Clean-ups that are owed: runs that are over and whose `on_end` has not been called yet.

Whoever inserts a run of a job with an `on_end` sets `runs.on_end_at`; that it is over makes it due. So
nobody who ends a run has to know of it, and no end can be forgotten.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, text

from jobrunner.db.arrays import text_array
from jobrunner.errors import Conflict
from jobrunner.spec.models import JobSpec, load_job

TRIES_MAX = 5
_FIRST_DELAY_SECONDS = 5
_DELAY_FACTOR = 4


@dataclass(frozen=True, slots=True)
class CleanUp:
    """One that a worker has taken. A later try of it has another number."""

    run_id: uuid.UUID
    tries: int
    """From 1."""


# A run of another app's workers has a queue that none of ours serves.
_TAKE = text("""
    WITH due AS (
        SELECT id FROM jobrunner.runs
         WHERE on_end_at <= clock_timestamp() AND finished_at IS NOT NULL
           AND (queue = ANY(CAST(:queues AS text[])) OR delivery <> 'claim')
         ORDER BY on_end_at
         LIMIT :limit
           FOR NO KEY UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE jobrunner.runs AS r
           SET on_end_tries = CASE WHEN on_end_tries < :most THEN on_end_tries + 1 ELSE :most END,
               on_end_at = CASE WHEN on_end_tries < :most
                                THEN clock_timestamp() + make_interval(secs => :lease_seconds) END,
               on_end_error = CASE WHEN on_end_tries < :most THEN on_end_error
                                   ELSE coalesce(on_end_error, 'its worker died each time') END
          FROM due WHERE r.id = due.id
        RETURNING r.id, r.on_end_tries, r.on_end_at
    )
    SELECT id, on_end_tries FROM taken WHERE on_end_at IS NOT NULL
""")


def take(
    connection: Connection, queues: Sequence[str], *, limit: int, lease_seconds: float
) -> tuple[CleanUp, ...]:
    """Those that are due on these queues, the caller's for `lease_seconds`; then they are due again.

    One whose last try was never answered is given up.
    """
    values = {
        "queues": text_array(queues),
        "limit": limit,
        "lease_seconds": lease_seconds,
        "most": TRIES_MAX,
    }
    return tuple(CleanUp(*row) for row in connection.execute(_TAKE, values))


@dataclass(frozen=True, slots=True)
class RunToCleanUp:
    """A run that is over."""

    address: str
    state: str
    attempt: int
    scheduled_for: datetime
    started_at: datetime | None
    finished_at: datetime
    error: str | None
    result: Any
    spec: JobSpec
    """The definition as of the run's dispatch."""
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


_READ = text("""
    SELECT jobs.address, runs.state, runs.attempt, runs.scheduled_for, runs.started_at,
           runs.finished_at, runs.error, runs.result, runs.kwargs, CAST(definitions.spec AS text) AS spec,
           (SELECT name FROM jobrunner.schedules WHERE schedules.id = runs.schedule_id) AS schedule
      FROM jobrunner.runs
      JOIN jobrunner.jobs ON jobs.id = runs.job_id
      JOIN jobrunner.definitions ON definitions.id = runs.definition_id
     WHERE runs.id = :run_id AND runs.on_end_tries = :tries AND runs.on_end_at IS NOT NULL
       AND runs.finished_at IS NOT NULL
""")


def read(connection: Connection, taken: CleanUp) -> RunToCleanUp | None:
    """The run, unless somebody else has taken it meanwhile.

    Raises Conflict when its stored definition cannot be read.
    """
    values = {"run_id": taken.run_id, "tries": taken.tries}
    row = connection.execute(_READ, values).one_or_none()
    if row is None:
        return None
    try:
        spec = load_job(json.loads(row.spec))
    except ValidationError as error:
        told = error.errors()[0]["msg"]
        raise Conflict(f"The stored definition cannot be read: {told}.") from error
    args, kwargs = spec.arguments_for(row.schedule)
    return RunToCleanUp(
        address=row.address,
        state=row.state,
        attempt=row.attempt,
        scheduled_for=row.scheduled_for,
        started_at=row.started_at,
        finished_at=row.finished_at,
        error=row.error,
        result=row.result,
        spec=spec,
        args=args,
        kwargs={**kwargs, **(row.kwargs or {})},
    )


_FINISH = text("""
    UPDATE jobrunner.runs SET on_end_at = NULL, on_end_error = NULL
     WHERE id = :run_id AND on_end_tries = :tries AND on_end_at IS NOT NULL
""")


def finish(connection: Connection, taken: CleanUp) -> bool:
    """It was called and came back. False: the try was not the caller's any more."""
    values = {"run_id": taken.run_id, "tries": taken.tries}
    return connection.execute(_FINISH, values).rowcount > 0


_FAIL = text("""
    UPDATE jobrunner.runs
       SET on_end_error = :error,
           on_end_at = CASE WHEN on_end_tries < :most
                            THEN clock_timestamp() + make_interval(secs => :delay_seconds) END
     WHERE id = :run_id AND on_end_tries = :tries AND on_end_at IS NOT NULL
    RETURNING on_end_at
""")


def fail(connection: Connection, taken: CleanUp, error: str) -> bool:
    """It failed: due again after 5 s, 20 s, 80 s … until it has failed five times. True: it is due again."""
    values = {
        "run_id": taken.run_id,
        "tries": taken.tries,
        "error": error,
        "most": TRIES_MAX,
        "delay_seconds": _FIRST_DELAY_SECONDS * _DELAY_FACTOR ** (taken.tries - 1),
    }
    return connection.execute(_FAIL, values).scalar_one_or_none() is not None
