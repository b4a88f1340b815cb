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
