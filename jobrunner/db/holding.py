"""Runs that wait for other runs of their job: who counts, who waits, who is free.

Whoever starts a run where others count does it under the lock of its job's row. The rules are those
of `run`: `decide_start` on the way in, `count_free` on the way out.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from jobrunner.db.arrays import plain_array
from jobrunner.db.wakeups import notify
from jobrunner.run import Active

_RELEASED_MAX = 1_000
"""Runs of one job that are set free at once."""

# The literals below are texts first: a trigger comes by its caller's driver, and asyncpg would want lists.
# Whoever locks several jobs does it by this statement: one order for all, or two would wait for each other.
# In `id = ANY(…)` the text would be read again for each row: minutes for an apply that changes all jobs.
LOCK_JOBS = text("""
    SELECT CAST(jobs.id AS text), max_concurrency
      FROM unnest(CAST(CAST(:ids AS text) AS uuid[])) AS wanted (id)
      JOIN jobrunner.jobs ON jobs.id = wanted.id
     ORDER BY jobs.id FOR NO KEY UPDATE OF jobs
""")
# ORDER BY and LIMIT, here and below, where EXISTS would do: it would be looked for in the whole table
# once a backfill has made held runs common.
_COUNT_ACTIVE = text("""
    SELECT CAST(job.id AS text), running, queued, waiting.held, backfill
      FROM unnest(CAST(CAST(:ids AS text) AS uuid[])) AS job (id)
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE state = 'running' AND backfill_id IS NULL) AS running,
                  count(*) FILTER (WHERE state = 'queued' AND backfill_id IS NULL) AS queued,
                  count(*) FILTER (WHERE backfill_id IS NOT NULL) AS backfill
             FROM jobrunner.runs
            WHERE job_id = job.id AND state IN ('queued', 'running') AND NOT held
          ) AS started
     CROSS JOIN LATERAL (
           SELECT count(*) AS held
             FROM (SELECT FROM jobrunner.runs
                    WHERE job_id = job.id AND held AND backfill_id IS NULL
                    ORDER BY scheduled_for LIMIT 1) AS oldest
          ) AS waiting
     WHERE running + queued + waiting.held + backfill > 0
""")
_NOBODY = Active()


def lock_and_count_active(connection: Connection, job_ids: Sequence[str]) -> Mapping[str, Active]:
    """The runs of these jobs that are not over, counted under their jobs' row locks.

    Whoever starts a run of such a job takes the same lock first, in id order, so that two beats with
    two schedules of one job count one after the other.
    """
    if not job_ids:
        return {}
    ids = {"ids": plain_array(job_ids)}
    limits = {
        job_id: limit for job_id, limit in connection.execute(LOCK_JOBS, ids) if limit is not None
    }
    found = dict.fromkeys(job_ids, _NOBODY)
    found |= {job_id: Active(limit=limit) for job_id, limit in limits.items()}
    for job_id, running, queued, held, backfill in connection.execute(_COUNT_ACTIVE, ids):
        found[job_id] = Active(running, queued, held, backfill, limits.get(job_id))
    return found


_CANCEL_WAITING = text("""
    UPDATE jobrunner.runs
       SET state = 'cancelled', held = false, finished_at = statement_timestamp(),
           error = 'replaced by a newer run',
           -- Its message starts it all the same, unless its workers are told.
           cancel_requested_at = CASE WHEN delivery = 'tracked' THEN statement_timestamp() END
     WHERE job_id = ANY(CAST(CAST(:ids AS text) AS uuid[])) AND state = 'queued' AND backfill_id IS NULL
""")
_CANCEL_RUNNING = text("""
    UPDATE jobrunner.runs
       SET cancel_requested_at = statement_timestamp()
     WHERE job_id = ANY(CAST(CAST(:ids AS text) AS uuid[])) AND state = 'running' AND backfill_id IS NULL
       AND cancel_requested_at IS NULL
""")


def cancel_replaced(connection: Connection, job_ids: Sequence[object]) -> None:
    """`overlap: replace`: what waits is cancelled, what runs is asked to end. Before the insert."""
    if job_ids:
        ids = {"ids": plain_array(job_ids)}
        connection.execute(_CANCEL_WAITING, ids)
        connection.execute(_CANCEL_RUNNING, ids)


# A worker that has claimed nothing says so to nobody else: the run waits for the end of another one.
_HOLD_BACK = text("""
    UPDATE jobrunner.runs
       SET held = true, sent_at = NULL
      FROM jobrunner.jobs
     WHERE runs.id = :run_id AND runs.state = 'queued' AND NOT runs.held
       AND runs.delivery = 'claim' AND runs.available_at <= clock_timestamp()
       AND jobs.id = runs.job_id AND jobs.max_concurrency IS NOT NULL
""")


def hold_back(connection: Connection, run_id: UUID) -> bool:
    """A run that could not be claimed for its job's limit waits again; False when it was not that."""
    return connection.execute(_HOLD_BACK, {"run_id": run_id}).rowcount > 0


# From one job to the next along the index: the cost is theirs, however many runs wait.
_MAY_BE_FREE = text("""
    WITH RECURSIVE waiting AS (
        (SELECT job_id FROM jobrunner.runs WHERE held ORDER BY job_id LIMIT 1)
        UNION ALL
        SELECT (SELECT job_id FROM jobrunner.runs
                 WHERE held AND job_id > waiting.job_id ORDER BY job_id LIMIT 1)
          FROM waiting WHERE waiting.job_id IS NOT NULL
    )
    SELECT j.id
      FROM waiting
      JOIN jobrunner.jobs AS j ON j.id = waiting.job_id
     CROSS JOIN LATERAL (
           SELECT count(*) AS number, count(*) FILTER (WHERE backfill_id IS NULL) AS overlapping
             FROM jobrunner.runs
            WHERE job_id = j.id AND state IN ('queued', 'running') AND NOT held
          ) AS started
     WHERE (j.max_concurrency IS NULL OR started.number < j.max_concurrency)
       AND (started.overlapping = 0 OR j.overlap IN ('allow', 'skip')
            OR (SELECT held FROM jobrunner.runs
                 WHERE job_id = j.id AND held AND backfill_id IS NOT NULL
                 ORDER BY backfill_id LIMIT 1))
     LIMIT :limit
""")


def release_held(connection: Connection, *, limit: int) -> int:
    """Free what waits for nothing any more, of that many jobs; how many runs there were."""
    free = connection.execute(_MAY_BE_FREE, {"limit": limit}).scalars().all()
    return release(connection, free) if free else 0


# Two statements in one message, and so in one transaction: the second one counts what everybody has
# done who held the lock before. A job that somebody holds is passed over; the next tick comes to it.
#
# A run of the job itself is free when all older ones are, `number` counts it among them: alone it
# must be the only one, and any needs a place. What a backfill has waiting comes after those.
_RELEASE = text("""
    SELECT FROM jobrunner.jobs
     WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED;

    WITH locked AS (
        SELECT id, overlap, max_concurrency
          FROM jobrunner.jobs
         WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    ), started AS MATERIALIZED (
        SELECT runs.job_id, runs.backfill_id
          FROM locked
          JOIN jobrunner.runs ON runs.job_id = locked.id
           AND runs.state IN ('queued', 'running') AND NOT runs.held
    ), job AS (
        SELECT locked.id, locked.overlap, locked.max_concurrency,
               count(started.job_id) AS started,
               count(started.job_id) FILTER (WHERE started.backfill_id IS NULL) AS overlapping
          FROM locked
          LEFT JOIN started ON started.job_id = locked.id
         GROUP BY locked.id, locked.overlap, locked.max_concurrency
    ), own AS (
        SELECT job.id AS job_id, oldest.id,
               bool_and(
                   (job.max_concurrency IS NULL
                    OR job.started + oldest.number <= job.max_concurrency)
                   AND (job.overlapping + oldest.number = 1
                        OR NOT (oldest.trigger = 'catch_up' OR job.overlap IN ('queue', 'replace')
                                OR (job.overlap = 'skip' AND oldest.trigger = 'schedule')))
               ) OVER (PARTITION BY job.id ORDER BY oldest.number) AS is_free
          FROM job
         CROSS JOIN LATERAL (
               SELECT id, trigger, row_number() OVER (ORDER BY scheduled_for, id) AS number
                 FROM jobrunner.runs
                WHERE job_id = job.id AND held AND backfill_id IS NULL
                ORDER BY scheduled_for, id
                LIMIT :most
              ) AS oldest
    ), of_backfills AS (
        SELECT job.id AS job_id, oldest.id,
               row_number() OVER (PARTITION BY job.id ORDER BY oldest.scheduled_for, oldest.id)
                 + (SELECT count(*) FROM own WHERE own.job_id = job.id AND is_free) AS number,
               job.max_concurrency - job.started AS places
          FROM job
          JOIN jobrunner.schedules ON schedules.job_id = job.id
          JOIN jobrunner.backfills ON backfills.schedule_id = schedules.id
         CROSS JOIN LATERAL (
               SELECT id, scheduled_for
                 FROM jobrunner.runs
                WHERE job_id = job.id AND held AND backfill_id = backfills.id
                ORDER BY scheduled_for, id
                LIMIT greatest(0, backfills.max_active - (
                      SELECT count(*) FROM started WHERE backfill_id = backfills.id))
              ) AS oldest
    ), free AS (
        SELECT id FROM own WHERE is_free
        UNION ALL
        SELECT id FROM of_backfills WHERE places IS NULL OR number <= places
    )
    UPDATE jobrunner.runs
       SET held = false, available_at = statement_timestamp()
      FROM free
     WHERE runs.id = free.id AND runs.held
""")


def release(connection: Connection, job_ids: Sequence[UUID]) -> int:
    """Free those runs of these jobs that wait for nothing any more, the oldest first; how many.

    It wakes the beats: by their next look alone, a backfill of short runs would do one a second.
    """
    values = {"ids": plain_array(job_ids), "most": _RELEASED_MAX}
    freed: int = connection.execute(_RELEASE, values).rowcount
    if freed:
        notify(connection)
    return freed
