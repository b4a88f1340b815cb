"""Which finished runs may go: old ones, and all but the newest of each job; and what is kept of them.

Job by job along the index of a job's runs, from the oldest on, so that a batch reads what it deletes
and nothing else, however many runs there are. A batch skips what somebody else holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

_JOBS = text("""
    SELECT j.id FROM jobrunner.jobs AS j
     WHERE EXISTS (SELECT FROM jobrunner.runs WHERE job_id = j.id) ORDER BY j.id
""")


def jobs_with_runs(connection: Connection) -> Sequence[UUID]:
    """Deleted jobs as well: their runs grow old, too."""
    return connection.execute(_JOBS).scalars().all()


_NEWEST = text("""
    SELECT (SELECT scheduled_for FROM jobrunner.runs WHERE job_id = :job_id
             ORDER BY scheduled_for DESC OFFSET :keep - 1 LIMIT 1)
""")


def newest_run(connection: Connection, job_id: UUID, *, keep: int) -> datetime | None:
    """The time of the oldest of the newest `keep` runs of a job; None when it has fewer."""
    found: datetime | None = connection.execute(
        _NEWEST, {"job_id": job_id, "keep": keep}
    ).scalar_one()
    return found


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a batch has done."""

    number: int
    last: datetime | None
    """The newest time that was deleted: a later batch may begin there. None: nothing was left."""


# Attempts and logs go along by their foreign keys. `scheduled_for` bounds the walk along the index: no
# run is over before its time. That it is over, and for how long, is read from its row.
_DELETE = """
    WITH old AS (
        SELECT id FROM jobrunner.runs
         WHERE job_id = :job_id AND scheduled_for >= coalesce(CAST(:after AS timestamptz), '-infinity')
           AND scheduled_for < least(:before, {ended_before}) AND finished_at < {ended_before}
         ORDER BY scheduled_for LIMIT :limit
           FOR UPDATE SKIP LOCKED
    ), deleted AS (
        DELETE FROM jobrunner.runs AS r USING old WHERE r.id = old.id
        RETURNING r.schedule_id, r.trigger, r.state,
                  CASE WHEN r.trigger IN ('schedule', 'catch_up')
                       THEN greatest(r.scheduled_for, r.missed_until) END AS until, r.scheduled_for
    ), counted AS (
        INSERT INTO jobrunner.run_totals AS t (job_id, trigger, state, deleted)
        SELECT :job_id, trigger, state, count(*) FROM deleted GROUP BY trigger, state
            ON CONFLICT (job_id, trigger, state) DO UPDATE SET deleted = t.deleted + excluded.deleted
    )
    SELECT schedule_id, max(until) AS until, max(scheduled_for) AS last, count(*) AS number
      FROM deleted GROUP BY schedule_id
"""
_DELETE_BY_AGE = text(
    _DELETE.format(ended_before="statement_timestamp() - make_interval(days => :older_than_days)")
)
_DELETE_BY_COUNT = text(_DELETE.format(ended_before="'infinity'"))
# The last statement of its transaction: a schedule whose row is locked fires a moment later.
_KEPT_FROM = text("""
    UPDATE jobrunner.schedules SET kept_from = greatest(kept_from, :until) WHERE id = :schedule_id
""")


def delete_batch(
    connection: Connection,
    job_id: UUID,
    *,
    before: datetime,
    after: datetime | None,
    older_than_days: int | None,
    limit: int,
) -> Deleted:
    """Delete up to `limit` runs of a job that are over, the oldest first, of [after, before).

    `older_than_days` None: however young. They are added to the totals, and each schedule says from
    when on its runs are all there.
    """
    values = {"job_id": job_id, "before": before, "after": after, "limit": limit}
    if older_than_days is None:
        groups = connection.execute(_DELETE_BY_COUNT, values).all()
    else:
        groups = connection.execute(
            _DELETE_BY_AGE, values | {"older_than_days": older_than_days}
        ).all()
    for group in groups:
        if group.until is not None:
            connection.execute(_KEPT_FROM, {"schedule_id": group.schedule_id, "until": group.until})
    return Deleted(
        number=sum(group.number for group in groups),
        last=max((group.last for group in groups), default=None),
    )
