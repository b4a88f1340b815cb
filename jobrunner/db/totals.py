"""What all runs that ever ended came to, by job: kept apart from the runs, so that no deletion lowers it.

A run that is over is counted once, by whoever comes first: a beat, in batches, or the clean-up that
deletes it. Until then it is read from its own row. A total and what is not counted yet, read in one
statement, are therefore exact, whoever counts or deletes meanwhile.

A lost run may still turn out to have succeeded. So it is told of only when it was counted, and from
then on it stays what it was counted as.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, text

BOUNDS_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)
"""Of the buckets, the same for all three times. What is stored was counted with them."""
ERROR_TYPES_MAX = 50
"""Of one job; errors of further types are counted together, since code may make up types."""
OTHER_ERRORS = "other"
DAYS_BY_HOUR = 8
"""So long the totals by hour are kept: a week, and the hours that have begun at its ends."""

_BUCKETS = len(BOUNDS_SECONDS) + 1
# Of a run: what it took, if it ran; from when it could be sent to its start; from the time it was owed
# to its row. One that was tried, failed and then ended while it waited for its next attempt has not
# run since: its newest start is older than the time at which it could be sent.
_MEASURES = {
    "duration": "CASE WHEN r.started_at >= r.available_at"
    " THEN CAST(extract(epoch FROM r.finished_at - r.started_at) AS double precision) END",
    "wait": "CASE WHEN r.started_at >= r.available_at"
    " THEN CAST(extract(epoch FROM r.started_at - r.available_at) AS double precision) END",
    "delay": "CASE WHEN r.trigger = 'schedule' AND r.state <> 'missed'"
    " THEN greatest(CAST(extract(epoch FROM r.created_at - r.scheduled_for) AS double precision), 0)"
    " END",
}


def _sums(measure: str) -> str:
    within = [f"count(*) FILTER (WHERE {measure} <= {bound})" for bound in BOUNDS_SECONDS]
    counts = ", ".join([*within, f"count({measure})"])
    return f"coalesce(sum({measure}), 0) AS {measure}_seconds, ARRAY[{counts}] AS {measure}_buckets"


_KEY = "job_id, queue, trigger, state"
# OFFSET 0: the measures are computed once for each run, and not again for each bucket.
_TOTALS = f"""
    SELECT {_KEY}, count(*) AS runs, CAST(sum(retries) AS bigint) AS retries,
           {", ".join(map(_sums, _MEASURES))}, max(finished_at) AS last_finished_at
      FROM (SELECT r.*, greatest(r.attempt - 1, 0) AS retries,
                   {", ".join(f"{value} AS {name}" for name, value in _MEASURES.items())}
              FROM {{runs}} AS r OFFSET 0) AS ended
     GROUP BY {_KEY}
"""  # noqa: S608  made of constants of this file


def _added(measure: str) -> str:
    buckets = f"{measure}_buckets"
    each = ", ".join(f"t.{buckets}[{n}] + excluded.{buckets}[{n}]" for n in range(1, _BUCKETS + 1))
    seconds = f"{measure}_seconds"
    return f"{seconds} = t.{seconds} + excluded.{seconds}, {buckets} = ARRAY[{each}]"


# In the order of the key: whoever else counts waits for us, instead of us for each other.
_COUNT = f"""
    counted AS (
        UPDATE jobrunner.runs SET is_counted = true FROM taken WHERE runs.id = taken.id
        RETURNING runs.*
    ), added AS (
        INSERT INTO jobrunner.job_totals AS t
               ({_KEY}, runs, retries, {", ".join(f"{m}_seconds, {m}_buckets" for m in _MEASURES)},
                last_finished_at)
        {_TOTALS.format(runs="counted")} ORDER BY {_KEY}
            ON CONFLICT ({_KEY}) DO UPDATE
           SET runs = t.runs + excluded.runs, retries = t.retries + excluded.retries,
               {", ".join(map(_added, _MEASURES))},
               last_finished_at = greatest(t.last_finished_at, excluded.last_finished_at)
    ), added_hours AS (
        INSERT INTO jobrunner.hour_totals AS t (hour, namespace, queue, state, runs, duration_seconds)
        SELECT date_bin('1 hour', r.scheduled_for, '2000-01-01Z') AS hour, j.namespace, r.queue,
               r.state, count(*),
               coalesce(CAST(extract(epoch FROM sum(r.finished_at - r.started_at)) AS float), 0)
          FROM counted AS r JOIN jobrunner.jobs AS j ON j.id = r.job_id
         WHERE r.scheduled_for > statement_timestamp() - interval '{DAYS_BY_HOUR} days'
         GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
            ON CONFLICT (hour, namespace, queue, state) DO UPDATE
           SET runs = t.runs + excluded.runs,
               duration_seconds = t.duration_seconds + excluded.duration_seconds
    ), forgotten AS (
        DELETE FROM jobrunner.hour_totals
         WHERE hour < statement_timestamp() - interval '{DAYS_BY_HOUR} days'
    )
    SELECT id, attempt > 1 OR attempt = 1 AND state <> 'succeeded' AS may_have_failed FROM counted
"""  # noqa: S608  made of constants of this file
_COUNT_SOME = text(f"""
    WITH taken AS (
        SELECT id FROM jobrunner.runs WHERE finished_at IS NOT NULL AND NOT is_counted
         ORDER BY finished_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    ), {_COUNT}
""")  # noqa: S608  the same
_COUNT_THESE = text(f"""
    WITH taken AS (
        SELECT id FROM jobrunner.runs WHERE id = ANY(CAST(:run_ids AS uuid[]))
           AND finished_at IS NOT NULL AND NOT is_counted
           FOR NO KEY UPDATE
    ), {_COUNT}
""")  # noqa: S608  the same
# A type that is new to its job has a place while there is room for it, and those of one batch as well.
_COUNT_ERRORS = text("""
    WITH failed AS (
        SELECT r.job_id, r.queue, a.error_type, count(*) AS attempts
          FROM jobrunner.attempts AS a JOIN jobrunner.runs AS r ON r.id = a.run_id
         WHERE a.run_id = ANY(CAST(:run_ids AS uuid[])) AND a.error_type IS NOT NULL
         GROUP BY r.job_id, r.queue, a.error_type
    ), ranked AS (
        SELECT failed.*,
               known.job_id IS NOT NULL AS is_known,
               dense_rank() OVER (PARTITION BY failed.job_id, known.job_id IS NULL
                                  ORDER BY failed.error_type)
               + (SELECT count(DISTINCT error_type) FROM jobrunner.error_totals
                   WHERE job_id = failed.job_id) AS place
          FROM failed
          LEFT JOIN jobrunner.error_totals AS known USING (job_id, queue, error_type)
    ), named AS (
        SELECT job_id, queue,
               CASE WHEN is_known OR place <= :types_max THEN error_type ELSE :other END
                 AS error_type, attempts
          FROM ranked
    )
    INSERT INTO jobrunner.error_totals AS t (job_id, queue, error_type, attempts)
    SELECT job_id, queue, error_type, sum(attempts) FROM named
     GROUP BY job_id, queue, error_type ORDER BY job_id, queue, error_type
        ON CONFLICT (job_id, queue, error_type) DO UPDATE
       SET attempts = t.attempts + excluded.attempts
""")


def count_ended(connection: Connection, *, limit: int) -> int:
    """Count up to `limit` runs that are over, the oldest first; how many it were.

    Those that somebody else has in hand are left to him.
    """
    return _count(connection, connection.execute(_COUNT_SOME, {"limit": limit}).all())


def count_these(connection: Connection, run_ids: Sequence[uuid.UUID]) -> None:
    """Count those of them that are over and not counted, before they are deleted."""
    if run_ids:
        _count(connection, connection.execute(_COUNT_THESE, {"run_ids": list(run_ids)}).all())


def _count(connection: Connection, counted: Sequence[Any]) -> int:
    failed = [row.id for row in counted if row.may_have_failed]
    if failed:
        values = {"run_ids": failed, "types_max": ERROR_TYPES_MAX, "other": OTHER_ERRORS}
        connection.execute(_COUNT_ERRORS, values)
    return len(counted)


@dataclass(frozen=True, slots=True)
class Times:
    """Times of runs, in seconds."""

    total_seconds: float
    buckets: tuple[int, ...]
    """How many took no longer than each of BOUNDS_SECONDS, and last how many there are."""

    def __add__(self, other: "Times") -> "Times":
        """Of both."""
        buckets = tuple(map(add, self.buckets, other.buckets))
        return Times(self.total_seconds + other.total_seconds, buckets)


NO_TIMES = Times(0.0, (0,) * _BUCKETS)


# Each total, and what is not counted yet in rows of its own.
_UNCOUNTED = """(SELECT * FROM jobrunner.runs
                  WHERE finished_at IS NOT NULL AND NOT is_counted AND state <> 'lost')"""
_EVERY = f"""
    (SELECT {_KEY}, runs, retries, {", ".join(f"{m}_seconds, {m}_buckets" for m in _MEASURES)},
            last_finished_at
       FROM jobrunner.job_totals
      UNION ALL
     {_TOTALS.format(runs=_UNCOUNTED)}) AS t
       JOIN jobrunner.jobs AS j ON j.id = t.job_id
              AND (CAST(:namespaces AS text[]) IS NULL OR j.namespace = ANY(:namespaces))
"""  # noqa: S608  made of constants of this file


def _summed(measure: str) -> str:
    each = (f"CAST(sum(t.{measure}_buckets[{n}]) AS bigint)" for n in range(1, _BUCKETS + 1))
    seconds = f"sum(t.{measure}_seconds) AS {measure}_seconds"
    return f"{seconds}, ARRAY[{', '.join(each)}] AS {measure}_buckets"


Namespaces = Collection[str] | None
"""Whose jobs count; None: all."""


@dataclass(frozen=True, slots=True)
class QueueTotal:
    """Runs of one queue that ended one way, those of deleted jobs among them."""

    queue: str
    state: str
    runs: int
    retries: int
    """Attempts after the first."""
    duration: Times
    """Of the last attempt, from its start to its end."""
    wait: Times
    """From the time it could be sent to its start."""
    delay: Times
    """Of runs by schedule, from the time owed to the row of the run; jitter is part of it."""


_BY_QUEUE = text(f"""
    SELECT t.queue, t.state, CAST(sum(t.runs) AS bigint) AS runs,
           CAST(sum(t.retries) AS bigint) AS retries, {", ".join(map(_summed, _MEASURES))}
      FROM {_EVERY} GROUP BY t.queue, t.state ORDER BY t.queue, t.state
""")  # noqa: S608  the same


def read_queue_totals(
    connection: Connection, namespaces: Namespaces = None
) -> tuple[QueueTotal, ...]:
    """All of them, by queue and state."""
    return tuple(
        QueueTotal(
            queue=row["queue"],
            state=row["state"],
            runs=row["runs"],
            retries=row["retries"],
            duration=_times(row, "duration"),
            wait=_times(row, "wait"),
            delay=_times(row, "delay"),
        )
        for row in connection.execute(_BY_QUEUE, _values(namespaces)).mappings()
    )


class JobTotal(NamedTuple):
    """Runs of a job in force that have one queue, trigger and end."""

    address: str
    queue: str
    trigger: str
    state: str
    runs: int
    retries: int
    last_finished_at: datetime | None
    """None: of runs that an older version has deleted."""


_BY_JOB = text(f"""
    SELECT j.address, t.queue, t.trigger, t.state, CAST(sum(t.runs) AS bigint) AS runs,
           CAST(sum(t.retries) AS bigint) AS retries, max(t.last_finished_at) AS last_finished_at
      FROM {_EVERY} WHERE j.deleted_at IS NULL
     GROUP BY j.address, t.queue, t.trigger, t.state ORDER BY j.address, t.queue, t.trigger, t.state
""")  # noqa: S608  the same


def read_job_totals(connection: Connection, namespaces: Namespaces = None) -> tuple[JobTotal, ...]:
    """All of them, by address."""
    return tuple(JobTotal(*row) for row in connection.execute(_BY_JOB, _values(namespaces)))


_DURATIONS = text(f"""
    SELECT t.queue, j.address, {_summed("duration")}
      FROM {_EVERY} WHERE j.deleted_at IS NULL
     GROUP BY t.queue, j.address ORDER BY j.address, t.queue
""")  # noqa: S608  the same


def read_job_durations(
    connection: Connection, namespaces: Namespaces = None
) -> Mapping[tuple[str, ...], Times]:
    """Of the runs of each queue and job in force."""
    rows = connection.execute(_DURATIONS, _values(namespaces)).mappings()
    return {(row["queue"], row["address"]): _times(row, "duration") for row in rows}


def _times(row: RowMapping, measure: str) -> Times:
    return Times(row[f"{measure}_seconds"], tuple(row[f"{measure}_buckets"]))


_ERRORS = text("""
    SELECT e.queue, j.address, e.error_type, e.attempts
      FROM jobrunner.error_totals AS e
      JOIN jobrunner.jobs AS j ON j.id = e.job_id AND j.deleted_at IS NULL
              AND (CAST(:namespaces AS text[]) IS NULL OR j.namespace = ANY(:namespaces))
     ORDER BY j.address, e.queue, e.error_type
""")


def read_error_totals(
    connection: Connection, namespaces: Namespaces = None
) -> Mapping[tuple[str, ...], int]:
    """Failed attempts by queue, job and type of error, of runs that are counted: a moment behind."""
    rows = connection.execute(_ERRORS, _values(namespaces))
    return {(row.queue, row.address, row.error_type): row.attempts for row in rows}


def _values(namespaces: Namespaces) -> dict[str, list[str] | None]:
    return {"namespaces": None if namespaces is None else sorted(namespaces)}


_BY_STATE = text("""
    SELECT state, CAST(sum(number) AS bigint) AS number
      FROM (SELECT state, runs AS number FROM jobrunner.job_totals
             UNION ALL
            SELECT state, count(*) FROM jobrunner.runs
             WHERE finished_at IS NOT NULL AND NOT is_counted GROUP BY state
             UNION ALL
            SELECT state, count(*) FROM jobrunner.runs
             WHERE state IN ('queued', 'running') GROUP BY state) AS runs
     GROUP BY state ORDER BY state
""")


def read_totals(connection: Connection) -> Mapping[str, int]:
    """All runs there ever were, by state, deleted ones included."""
    return {row.state: row.number for row in connection.execute(_BY_STATE)}
