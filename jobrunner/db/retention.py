"""Which finished runs may go: old ones, and all but the newest of each job; and what is kept of them.
Of incidents old ones as well.

Job by job along the index of a job's runs, from the oldest on, so that a batch reads what it deletes
and nothing else, however many runs there are. A batch skips what somebody else holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from jobrunner.db.totals import count_these

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


# `scheduled_for` bounds the walk along the index: no run is over before its time. That it is over, and
# for how long, is read from its row.
_OLD = """
    SELECT id, is_counted FROM jobrunner.runs
     WHERE job_id = :job_id AND scheduled_for >= coalesce(CAST(:after AS timestamptz), '-infinity')
       AND scheduled_for < least(:before, {ended_before}) AND finished_at < {ended_before}
     ORDER BY scheduled_for LIMIT :limit
       FOR UPDATE SKIP LOCKED
"""
_OLD_BY_AGE = text(
    _OLD.format(ended_before="statement_timestamp() - make_interval(days => :older_than_days)")
)
_OLD_BY_COUNT = text(_OLD.format(ended_before="'infinity'"))
# Attempts and logs go along by their foreign keys.
_DELETE = text("""
    WITH deleted AS (
        DELETE FROM jobrunner.runs AS r WHERE r.id = ANY(CAST(:run_ids AS uuid[]))
        RETURNING r.schedule_id,
                  CASE WHEN r.trigger IN ('schedule', 'catch_up')
                       THEN greatest(r.scheduled_for, r.missed_until) END AS until, r.scheduled_for
    )
    SELECT schedule_id, max(until) AS until, max(scheduled_for) AS last, count(*) AS number
      FROM deleted GROUP BY schedule_id
""")
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

    `older_than_days` None: however young. The totals have them then, and each schedule says from
    when on its runs are all there.
    """
    values = {"job_id": job_id, "before": before, "after": after, "limit": limit}
    if older_than_days is None:
        old = connection.execute(_OLD_BY_COUNT, values).all()
    else:
        old = connection.execute(_OLD_BY_AGE, values | {"older_than_days": older_than_days}).all()
    count_these(connection, [run.id for run in old if not run.is_counted])
    groups = connection.execute(_DELETE, {"run_ids": [run.id for run in old]}).all()
    for group in groups:
        if group.until is not None:
            connection.execute(_KEPT_FROM, {"schedule_id": group.schedule_id, "until": group.until})
    return Deleted(
        number=sum(group.number for group in groups),
        last=max((group.last for group in groups), default=None),
    )


# The newest of each job and kind stays: what goes wrong is compared with it. With an incident go its
# messages, by their foreign key.
_DELETE_INCIDENTS = text("""
    WITH old AS (
        SELECT id FROM jobrunner.incidents AS i
         WHERE closed_at < statement_timestamp() - make_interval(days => :older_than_days)
           AND EXISTS (SELECT FROM jobrunner.incidents AS newer
                        WHERE newer.job_id = i.job_id AND newer.kind = i.kind AND newer.id > i.id)
           AND NOT EXISTS (SELECT FROM jobrunner.notifications
                            WHERE incident_id = i.id AND next_try_at IS NOT NULL)
         ORDER BY id LIMIT :limit
           FOR UPDATE SKIP LOCKED
    )
    DELETE FROM jobrunner.incidents AS i USING old WHERE i.id = old.id
""")


def delete_old_incidents(connection: Connection, *, older_than_days: int, limit: int) -> int:
    """Delete up to `limit` incidents that closed so long ago, with their messages; how many it were.

    One of which a message still waits to be sent stays.
    """
    values = {"older_than_days": older_than_days, "limit": limit}
    return connection.execute(_DELETE_INCIDENTS, values).rowcount
