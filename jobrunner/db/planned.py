"""The schedules in force, as far as a caller sees them: what a calendar of planned starts is made of."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from jobrunner.access.caller import Caller


@dataclass(frozen=True, slots=True)
class PlannedSchedule:
    """A schedule of a job that is enabled."""

    address: str
    """Of its job."""
    queue: str
    spec_json: str
    """As it is stored."""


_PLANNED = text("""
    SELECT j.address, coalesce(s.spec ->> 'queue', j.queue) AS queue, CAST(s.spec AS text) AS spec_json
      FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE s.deleted_at IS NULL AND j.deleted_at IS NULL AND j.enabled
       AND s.next_run_at IS NOT NULL
       AND (CAST(:namespaces AS text[]) IS NULL OR j.namespace = ANY(CAST(:namespaces AS text[])))
       AND (CAST(:namespace AS text) IS NULL OR j.namespace = :namespace)
       AND (CAST(:queue AS text) IS NULL OR coalesce(s.spec ->> 'queue', j.queue) = :queue)
""")


def planned_schedules(
    connection: Connection,
    caller: Caller,
    *,
    namespace: str | None = None,
    queue: str | None = None,
) -> tuple[PlannedSchedule, ...]:
    """Those that have a next time, in no order; of one namespace, or of one queue, where it is given."""
    values = {
        "namespaces": None if caller.namespaces is None else sorted(caller.namespaces),
        "namespace": namespace,
        "queue": queue,
    }
    return tuple(PlannedSchedule(*row) for row in connection.execute(_PLANNED, values))


_USUAL = text("""
    SELECT j.address, percentile_disc(0.5) WITHIN GROUP (ORDER BY newest.took) AS usual
      FROM jobrunner.jobs AS j
     CROSS JOIN LATERAL (
           SELECT finished_at - started_at AS took FROM jobrunner.runs
            WHERE job_id = j.id AND state = 'succeeded' AND started_at IS NOT NULL
            ORDER BY scheduled_for DESC LIMIT :newest
          ) AS newest
     WHERE j.deleted_at IS NULL
     GROUP BY j.address
""")
_NEWEST = 9
"""An odd number, and so few that 5,000 jobs are read in a third of a second."""


def usual_seconds(connection: Connection) -> dict[str, float]:
    """The median of the newest succeeded runs of each job; none for a job without any."""
    rows = connection.execute(_USUAL, {"newest": _NEWEST})
    return {row.address: row.usual.total_seconds() for row in rows}
