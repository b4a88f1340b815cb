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


_HOURS = """
    SELECT date_bin('1 hour', r.scheduled_for, '2000-01-01Z') AS hour, r.queue, count(*) AS runs,
           coalesce(CAST(extract(epoch FROM sum(r.finished_at - r.started_at)) AS float), 0)
             AS seconds
      FROM jobrunner.runs AS r JOIN jobrunner.jobs AS j ON j.id = r.job_id
     WHERE r.scheduled_for >= CAST(:start AS timestamptz)
       AND r.scheduled_for < CAST(:end AS timestamptz)
       AND (CAST(:queue AS text) IS NULL OR r.queue = :queue)
       AND (CAST(:namespaces AS text[]) IS NULL OR j.namespace = ANY(CAST(:namespaces AS text[])))
       AND (CAST(:namespace AS text) IS NULL OR j.namespace = :namespace)
       AND {which} GROUP BY 1, 2
"""
_OF_SUBJECT = text(_HOURS.format(which="r.created_by = :created_by") + "ORDER BY 1, 2")
# What the totals do not have is read from its rows: three parts, since each has an index of its own.
_NOT_COUNTED = " UNION ALL ".join(
    _HOURS.format(which=which)
    for which in (
        "r.finished_at IS NOT NULL AND NOT r.is_counted",
        "r.state IN ('queued', 'running') AND NOT r.held",
        "r.held",
    )
)
_OF_ALL = text(f"""
    SELECT hour, queue, CAST(sum(runs) AS bigint) AS runs, sum(seconds) AS seconds
      FROM (SELECT t.hour, t.queue, t.runs, t.duration_seconds AS seconds
              FROM jobrunner.hour_totals AS t
             WHERE t.hour >= CAST(:start AS timestamptz) AND t.hour < CAST(:end AS timestamptz)
               AND (CAST(:queue AS text) IS NULL OR t.queue = :queue)
               AND (CAST(:namespaces AS text[]) IS NULL
                    OR t.namespace = ANY(CAST(:namespaces AS text[])))
               AND (CAST(:namespace AS text) IS NULL OR t.namespace = :namespace)
             UNION ALL {_NOT_COUNTED}) AS parts
     GROUP BY hour, queue ORDER BY hour, queue
""")  # noqa: S608  made of constants of this file


def past_load(
    connection: Connection,
    caller: Caller,
    *,
    start: datetime,
    end: datetime,
    namespace: str | None = None,
    queue: str | None = None,
) -> tuple[PastHour, ...]:
    """Of [start, end), by hour and queue; hours without a run are left out.

    `start` begins an hour of UTC, of the last `db.totals.DAYS_BY_HOUR` days.
    """
    values = {
        "start": start,
        "end": end,
        "namespaces": None if caller.namespaces is None else sorted(caller.namespaces),
        "created_by": caller.subject,
        "namespace": namespace,
        "queue": queue,
    }
    # A total is of everybody's runs.
    asked = _OF_SUBJECT if caller.own_runs_only else _OF_ALL
    return tuple(PastHour(**row) for row in connection.execute(asked, values).mappings())
