"""What waits in each queue, and who serves it. One statement; what it counts is bounded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from jobrunner.db.processes import SIGN_OF_LIFE_SECONDS

COUNTED = 100_000
"""Of each queue and priority so many runs are counted, and no more: a count must not take seconds."""
RATE_MINUTES = 10
"""`runs_ended_lately` looks back so far."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue that a job in force names, a run waits in, or a worker serves.

    Runs of other Celery apps' workers (`celery_task`) are not counted: what serves them is unknown.
    """

    name: str
    waiting: int
    """Runs that may start now: those with the broker and those not sent yet."""
    waiting_by_priority: Mapping[int | None, int]
    """The same, of those with the broker; 0 for none given. At most COUNTED + 1 each."""
    oldest_waiting_at: datetime | None
    """Since when the oldest of them may start."""
    unsent: int
    """Those that have waited for 2 s to be sent: the broker or every beat is away."""
    later: int
    """Runs that wait for the time of their next attempt."""
    held: int
    """Runs that wait for other runs."""
    running: int
    clean_ups: int
    """Runs that are over and whose `on_end` is to be called now."""
    paused: bool
    workers: tuple[str, ...]
    """Living ones that serve it and are not stopping."""
    now: datetime

    @property
    def is_deserted(self) -> bool:
        """Runs or clean-ups wait, and nobody will start them."""
        return self.waiting + self.clean_ups > 0 and not self.workers


# From one queue and priority to the next along runs_sent_idx, and along each so far and no further.
# `available_at` of the first sent one is the oldest but for retries, which are sent when they are due.
_QUEUES = text("""
    WITH RECURSIVE kind AS (
        (SELECT queue, coalesce(priority, 0) AS priority
           FROM jobrunner.runs
          WHERE state = 'queued' AND sent_at IS NOT NULL AND delivery = 'claim'
          ORDER BY queue, coalesce(priority, 0), sent_at LIMIT 1)
        UNION ALL
        SELECT following.*
          FROM kind
         CROSS JOIN LATERAL (
               SELECT queue, coalesce(priority, 0) AS priority
                 FROM jobrunner.runs
                WHERE state = 'queued' AND sent_at IS NOT NULL AND delivery = 'claim'
                  AND (queue, coalesce(priority, 0)) > (kind.queue, kind.priority)
                ORDER BY queue, coalesce(priority, 0), sent_at LIMIT 1
              ) AS following
    ), sent AS (
        SELECT kind.queue, kind.priority, counted.number, counted.oldest_at
          FROM kind
         CROSS JOIN LATERAL (
               SELECT count(*) AS number, min(sent_at) AS oldest_at
                 FROM (SELECT sent_at FROM jobrunner.runs
                        WHERE state = 'queued' AND sent_at IS NOT NULL
                          AND queue = kind.queue AND coalesce(priority, 0) = kind.priority
                          AND delivery = 'claim'
                        ORDER BY sent_at LIMIT :limit) AS first
              ) AS counted
         WHERE counted.number > 0
    ), unsent AS (
        SELECT queue, count(*) FILTER (WHERE available_at <= statement_timestamp()) AS number,
               count(*) FILTER (
                 WHERE available_at < statement_timestamp() - interval '2 seconds') AS overdue,
               count(*) FILTER (WHERE available_at > statement_timestamp()) AS later,
               min(available_at) FILTER (
                 WHERE available_at <= statement_timestamp()) AS oldest_at
          FROM (SELECT queue, available_at FROM jobrunner.runs
                 WHERE state = 'queued' AND sent_at IS NULL AND NOT held AND delivery = 'claim'
                 ORDER BY available_at LIMIT :limit) AS first
         GROUP BY queue
    ), held AS (
        SELECT queue, count(*) AS number
          FROM (SELECT queue FROM jobrunner.runs WHERE held ORDER BY job_id, backfill_id
                 LIMIT :limit) AS first
         GROUP BY queue
    ), running AS (
        SELECT queue, count(*) AS number
          FROM jobrunner.runs WHERE state = 'running' AND delivery = 'claim' GROUP BY queue
    ), owed AS (
        SELECT queue, count(*) AS number
          FROM (SELECT queue FROM jobrunner.runs
                 WHERE on_end_at <= statement_timestamp() AND finished_at IS NOT NULL
                   AND delivery = 'claim'
                 ORDER BY on_end_at LIMIT :limit) AS first
         GROUP BY queue
    ), served AS (
        SELECT queue, array_agg(DISTINCT name ORDER BY name) AS workers
          FROM jobrunner.processes, jsonb_array_elements_text(details -> 'queues') AS queue
         WHERE kind = 'worker' AND stopped_at IS NULL AND NOT details @> '{"stopping": true}'
           AND last_seen_at > clock_timestamp()
                              - make_interval(secs => 3 * :sign_of_life_seconds)
         GROUP BY queue
    ), named AS (
        SELECT queue FROM jobrunner.jobs WHERE deleted_at IS NULL AND delivery = 'claim'
        UNION SELECT queue FROM sent UNION SELECT queue FROM unsent UNION SELECT queue FROM held
        UNION SELECT queue FROM running UNION SELECT queue FROM served UNION SELECT queue FROM owed
    ), depth AS (
        SELECT queue, CAST(sum(number) AS bigint) AS number, min(oldest_at) AS oldest_at,
               jsonb_object_agg(priority, number) AS by_priority
          FROM sent GROUP BY queue
    )
    SELECT queue AS name,
           coalesce(depth.number, 0) + coalesce(unsent.number, 0) AS waiting,
           coalesce(depth.by_priority, '{}') AS by_priority,
           least(depth.oldest_at, unsent.oldest_at) AS oldest_waiting_at,
           coalesce(unsent.overdue, 0) AS unsent, coalesce(unsent.later, 0) AS later,
           coalesce(held.number, 0) AS held, coalesce(running.number, 0) AS running,
           coalesce(owed.number, 0) AS clean_ups,
           EXISTS (SELECT FROM jobrunner.pauses
                    WHERE scope = 'queue' AND target = queue AND ended_at IS NULL
                      AND (until IS NULL OR until > statement_timestamp())) AS paused,
           coalesce(served.workers, '{}') AS workers, statement_timestamp() AS now
      FROM named
      LEFT JOIN depth USING (queue) LEFT JOIN unsent USING (queue) LEFT JOIN held USING (queue)
      LEFT JOIN running USING (queue) LEFT JOIN owed USING (queue) LEFT JOIN served USING (queue)
     ORDER BY queue
""")


def read_queues(connection: Connection) -> tuple[Queue, ...]:
    """All queues there is anything to say of, by name."""
    values = {"limit": COUNTED + 1, "sign_of_life_seconds": SIGN_OF_LIFE_SECONDS}
    rows = connection.execute(_QUEUES, values).mappings()
    return tuple(
        Queue(
            **{
                name: value for name, value in row.items() if name not in {"by_priority", "workers"}
            },
            waiting_by_priority={
                int(key): row["by_priority"][key]
                for key in sorted(row["by_priority"], key=int, reverse=True)
            },
            workers=tuple(row["workers"]),
        )
        for row in rows
    )


# By the time owed, which has an index, and the end has none: what is more than two hours late is
# not counted.
_ENDED_LATELY = text("""
    SELECT queue, count(*) AS number
      FROM jobrunner.runs
     WHERE scheduled_for > statement_timestamp() - interval '2 hours'
       AND finished_at > statement_timestamp() - make_interval(mins => :minutes)
       AND started_at IS NOT NULL
     GROUP BY queue
""")


def runs_ended_lately(connection: Connection) -> Mapping[str, int]:
    """How many runs have ended within the last RATE_MINUTES, by queue."""
    rows = connection.execute(_ENDED_LATELY, {"minutes": RATE_MINUTES})
    return {row.queue: row.number for row in rows}
