"""Runs that another Celery app's own workers make: which to send, which to revoke, which are overdue.

Their messages start something by themselves, so a batch of them is sent once: what is written with its
end has to be on the disk before anybody goes on.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection, Row, text

from jobrunner.db.arrays import plain_array, text_array
from jobrunner.db.outbox import Batch
from jobrunner.run import OutgoingRun
from jobrunner.spec.models import load_job


class ForeignRun(NamedTuple):
    """What an ordinary Celery message is made of."""

    run_id: str
    task: str
    args: Sequence[Any]
    kwargs: dict[str, Any]
    queue: str
    priority: int | None
    expires_at: datetime | None
    traceparent: str | None
    """Of what the run was asked for with; None: nobody said one."""


@dataclass(frozen=True, slots=True)
class ForeignBatch:
    """Runs of one app to send, in order."""

    batch: Batch
    runs: tuple[ForeignRun, ...]


_WAITING = """
    runs.state = 'queued' AND runs.sent_at IS NULL AND NOT runs.held AND runs.delivery <> 'claim'
    AND runs.available_at <= statement_timestamp()
    AND (runs.expires_at IS NULL OR runs.expires_at > statement_timestamp())
"""
_APP = "coalesce(definitions.spec #>> '{celery,app}', '')"
_NOT_REFUSED = "runs.id <> ALL(CAST(:refused AS uuid[]))"
_NEXT_APP = text(f"""
    SELECT {_APP} AS app
      FROM jobrunner.runs
      JOIN jobrunner.definitions ON definitions.id = runs.definition_id
     WHERE {_WAITING} AND {_APP} <> ALL(CAST(:resting AS text[])) AND {_NOT_REFUSED}
     ORDER BY runs.available_at
     LIMIT 1
""")  # noqa: S608  constants of this file


def next_app(
    connection: Connection, *, resting: Sequence[str], refused: Sequence[str]
) -> str | None:
    """The dotted path of the app whose run waits longest to be sent; '' for a job that names none.

    `resting` apps and `refused` runs are passed over.
    """
    values = {"resting": text_array(resting), "refused": plain_array(refused)}
    app: str | None = connection.execute(_NEXT_APP, values).scalar_one_or_none()
    return app


_CANCEL_DELETED = text(f"""
    UPDATE jobrunner.runs
       SET state = 'cancelled', error = 'the job was deleted', finished_at = statement_timestamp()
      FROM jobrunner.jobs
     WHERE {_WAITING} AND jobs.id = runs.job_id AND jobs.deleted_at IS NOT NULL
""")  # noqa: S608  constants of this file
_TAKE = text(f"""
    WITH waiting AS (
        SELECT runs.id
          FROM jobrunner.runs
          JOIN jobrunner.definitions ON definitions.id = runs.definition_id
         WHERE {_WAITING} AND {_APP} = :app AND {_NOT_REFUSED}
         ORDER BY runs.available_at
         LIMIT :limit
           FOR NO KEY UPDATE OF runs SKIP LOCKED
    ), taken AS (
        UPDATE jobrunner.runs AS r
           SET sent_at = statement_timestamp()
          FROM waiting WHERE r.id = waiting.id
        RETURNING r.*
    ), batch AS (
        INSERT INTO jobrunner.outbox (sent_at, run_ids)
        SELECT sent_at, array_agg(id) FROM taken GROUP BY sent_at
        RETURNING id
    )
    SELECT batch.id AS batch_id, taken.sent_at, CAST(taken.id AS text) AS run_id, taken.kwargs,
           taken.queue, taken.priority, taken.expires_at, taken.traceparent, jobs.address,
           CAST(definitions.spec AS text) AS spec,
           (SELECT name FROM jobrunner.schedules WHERE schedules.id = taken.schedule_id) AS schedule
      FROM batch
     CROSS JOIN taken
      JOIN jobrunner.jobs ON jobs.id = taken.job_id
      JOIN jobrunner.definitions ON definitions.id = taken.definition_id
     ORDER BY taken.available_at, taken.scheduled_for, run_id
""")  # noqa: S608  constants of this file
_REFUSE = text("""
    UPDATE jobrunner.runs
       SET state = 'cancelled', error = :error, finished_at = statement_timestamp()
     WHERE id = :run_id AND state = 'queued'
""")


def take_unsent(
    connection: Connection, app: str, *, refused: Sequence[str], limit: int
) -> ForeignBatch | None:
    """Runs of this app that wait to be sent, as a batch of the caller's; None when there are none.
    `refused` ones are passed over.

    What cannot be sent at all is over: a job was deleted, a stored definition cannot be read.
    """
    connection.execute(_CANCEL_DELETED)
    values = {"app": app, "refused": plain_array(refused), "limit": limit}
    rows = connection.execute(_TAKE, values).all()
    if not rows:
        return None
    runs: list[ForeignRun] = []
    for row in rows:
        try:
            runs.append(_foreign_run(row))
        except (ValidationError, TypeError) as error:
            told = f"The stored definition cannot be read: {type(error).__name__}."
            connection.execute(_REFUSE, {"run_id": row.run_id, "error": told})
    outgoing = tuple(
        OutgoingRun(row.run_id, 0, row.address, row.queue, row.priority) for row in rows
    )
    return ForeignBatch(Batch(rows[0].batch_id, rows[0].sent_at, outgoing), tuple(runs))


def _foreign_run(row: Row[Any]) -> ForeignRun:
    spec = load_job(json.loads(row.spec))
    if spec.celery_task is None:
        raise TypeError(row.run_id)
    args, kwargs = spec.arguments_for(row.schedule)
    return ForeignRun(
        run_id=row.run_id,
        task=spec.celery_task,
        args=args,
        kwargs={**kwargs, **(row.kwargs or {})},
        queue=row.queue,
        priority=row.priority,
        expires_at=row.expires_at,
        traceparent=row.traceparent,
    )


_END_SENT = text("""
    UPDATE jobrunner.runs
       SET state = 'handed_over', finished_at = clock_timestamp()
     WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'queued' AND delivery = 'handed_over'
""")
_WAIT_FOR_DISK = text("SELECT set_config('synchronous_commit', 'on', true)")


def end_sent(connection: Connection, run_ids: Collection[str]) -> None:
    """They are sent: those that nothing more is heard of are over. The commit waits for the disk."""
    connection.execute(_WAIT_FOR_DISK)
    connection.execute(_END_SENT, {"ids": plain_array(run_ids)})


class Revocation(NamedTuple):
    """A run that was cancelled, whose message its app's workers may have."""

    run_id: str
    app: str


_TO_REVOKE = text(f"""
    SELECT CAST(runs.id AS text), {_APP}
      FROM jobrunner.runs
      JOIN jobrunner.definitions ON definitions.id = runs.definition_id
     WHERE runs.delivery = 'tracked' AND runs.cancel_requested_at IS NOT NULL
       AND runs.revoked_at IS NULL AND {_APP} <> ALL(CAST(:resting AS text[]))
     ORDER BY runs.cancel_requested_at
     LIMIT :limit
""")  # noqa: S608  constants of this file


def to_revoke(
    connection: Connection, *, resting: Sequence[str], limit: int
) -> tuple[Revocation, ...]:
    """Those whose workers have not been told yet, the oldest first."""
    values = {"resting": text_array(resting), "limit": limit}
    return tuple(Revocation(*row) for row in connection.execute(_TO_REVOKE, values))


_NOTE_REVOKED = text("""
    UPDATE jobrunner.runs SET revoked_at = clock_timestamp() WHERE id = ANY(CAST(:ids AS uuid[]))
""")


def note_revoked(connection: Connection, run_ids: Sequence[str]) -> None:
    """Their workers have been told."""
    connection.execute(_NOTE_REVOKED, {"ids": plain_array(run_ids)})


# One that is held, or whose app's broker is away, has no `sent_at`: `greatest` would pass over that.
_LOSE_UNSTARTED = text("""
    WITH overdue AS (
        SELECT runs.id
          FROM jobrunner.runs
          JOIN jobrunner.jobs ON jobs.id = runs.job_id
         WHERE runs.delivery = 'tracked' AND runs.finished_at IS NULL AND runs.state = 'queued'
           AND runs.sent_at IS NOT NULL
           AND greatest(runs.sent_at, runs.available_at) + jobs.timeout < statement_timestamp()
         LIMIT :limit
           FOR NO KEY UPDATE OF runs SKIP LOCKED
    )
    UPDATE jobrunner.runs AS r
       SET state = 'lost', finished_at = statement_timestamp(),
           error = 'handed to its Celery app and not started within the time limit'
      FROM overdue WHERE r.id = overdue.id
""")


def lose_unstarted(connection: Connection, *, limit: int) -> int:
    """End runs that were handed over and of whose start nothing was heard within `timeout`."""
    return connection.execute(_LOSE_UNSTARTED, {"limit": limit}).rowcount
