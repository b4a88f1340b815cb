"""Which jobs somebody means who knows them by what they call."""

from sqlalchemy import Connection, text

_BY_NAME = text("""
    SELECT j.address
      FROM jobrunner.jobs AS j JOIN jobrunner.definitions AS d ON d.id = j.definition_id
     WHERE j.deleted_at IS NULL
       AND (d.spec ->> 'task' = :calls OR d.spec ->> 'celery_task' = :calls)
     ORDER BY j.address
""")


def jobs_that_call(connection: Connection, calls: str) -> tuple[str, ...]:
    """The addresses of the jobs in force with this `task` or `celery_task`, in order."""
    return tuple(connection.execute(_BY_NAME, {"calls": calls}).scalars())
