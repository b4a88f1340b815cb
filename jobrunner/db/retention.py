"""Which finished runs may go: old ones, and all but the newest of each job."""

from sqlalchemy import Connection, text

# A batch is small and skips what somebody else holds, so a deletion never delays a claim; attempts
# and logs go along by their foreign keys. Totals live on the schedule and do not shrink.
_DELETE_OLD = text("""
    WITH old AS (
        SELECT r.id
          FROM jobrunner.runs AS r
         WHERE r.finished_at < statement_timestamp() - make_interval(days => :older_than_days)
           AND r.id NOT IN (SELECT newest.id FROM jobrunner.runs AS newest
                             WHERE newest.job_id = r.job_id
                             ORDER BY newest.scheduled_for DESC LIMIT :keep_at_least)
         LIMIT :limit
           FOR UPDATE OF r SKIP LOCKED
    )
    DELETE FROM jobrunner.runs AS r USING old WHERE r.id = old.id
""")

# Job by job along the index, so that a batch ends at its limit and sorts no whole ledger.
_DELETE_SURPLUS = text("""
    WITH surplus AS (
        SELECT beyond.id
          FROM jobrunner.jobs AS j
         CROSS JOIN LATERAL (
                SELECT id, finished_at FROM jobrunner.runs
                 WHERE job_id = j.id ORDER BY scheduled_for DESC OFFSET :keep_per_job
               ) AS beyond
         WHERE beyond.finished_at IS NOT NULL
         LIMIT :limit
    )
    DELETE FROM jobrunner.runs AS r USING surplus WHERE r.id = surplus.id
""")


def delete_old(
    connection: Connection, *, older_than_days: int, keep_at_least: int, limit: int
) -> int:
    """Delete up to `limit` runs that ended so long ago, but not the newest few of a job."""
    values = {"older_than_days": older_than_days, "keep_at_least": keep_at_least, "limit": limit}
    return connection.execute(_DELETE_OLD, values).rowcount


def delete_surplus(connection: Connection, *, keep_per_job: int, limit: int) -> int:
    """Delete up to `limit` finished runs beyond the newest `keep_per_job` of their job."""
    values = {"keep_per_job": keep_per_job, "limit": limit}
    return connection.execute(_DELETE_SURPLUS, values).rowcount
