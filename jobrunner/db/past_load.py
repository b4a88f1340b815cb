"""How much there was to do, by hour and queue, as far as a caller sees it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from jobrunner.access.caller import Caller


@dataclass(frozen=True, slots=True)
class PastHour:
    """The runs of a queue whose time was in that hour."""

    hour: datetime
    """Its beginning, in UTC."""
    queue: str
    runs: int
    seconds: float
    """That their newest attempts took together; of those that have ended."""


_PAST = text("""
    SELECT date_bin('1 hour', r.scheduled_for, '2000-01-01Z') AS hour, r.queue, count(*) AS runs,
           CAST(coalesce(extract(epoch FROM sum(r.finished_at - r.started_at)), 0) AS float)
             AS seconds
      FROM jobrunner.runs AS r
     WHERE r.scheduled_for >= CAST(:start AS timestamptz)
       AND r.scheduled_for < CAST(:end AS timestamptz)
       AND (CAST(:created_by AS text) IS NULL OR r.created_by = :created_by)
       AND (CAST(:queue AS text) IS NULL OR r.queue = :queue)
       AND (NOT :limited OR r.job_id IN (
              SELECT id FROM jobrunner.jobs
               WHERE (CAST(:namespaces AS text[]) IS NULL
                      OR namespace = ANY(CAST(:namespaces AS text[])))
                 AND (CAST(:namespace AS text) IS NULL OR namespace = :namespace)))
     GROUP BY 1, 2 ORDER BY 1, 2
""")


def past_load(
    connection: Connection,
    caller: Caller,
    *,
    start: datetime,
    end: datetime,
    namespace: str | None = None,
    queue: str | None = None,
) -> tuple[PastHour, ...]:
    """Of [start, end), by hour and queue; hours without a run are left out."""
    values = {
        "start": start,
        "end": end,
        "namespaces": None if caller.namespaces is None else sorted(caller.namespaces),
        "limited": caller.namespaces is not None or namespace is not None,
        "created_by": caller.subject if caller.own_runs_only else None,
        "namespace": namespace,
        "queue": queue,
    }
    return tuple(PastHour(**row) for row in connection.execute(_PAST, values).mappings())
