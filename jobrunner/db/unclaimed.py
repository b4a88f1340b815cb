"""Runs that wait for a worker: since when, whose message is lost, whose time to start has passed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from jobrunner.db.attempts import Claim
from jobrunner.db.refused import keep_refused

_LEFT_FOR = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class SentAndWaiting:
    """Runs of one queue and priority that were sent a while ago and that nobody has claimed."""

    queue: str
    priority: int
    """0 for those that have none: they share a list of the broker."""
    oldest_sent_at: datetime
    now: datetime


# From one queue and priority to the next along the index: the cost is theirs, however many wait.
_SENT_AND_WAITING = text("""
    WITH RECURSIVE oldest AS (
        (SELECT queue, coalesce(priority, 0) AS priority, sent_at
           FROM jobrunner.runs
          WHERE state = 'queued' AND sent_at IS NOT NULL AND delivery = 'claim'
          ORDER BY queue, coalesce(priority, 0), sent_at
          LIMIT 1)
        UNION ALL
        SELECT following.*
          FROM oldest
         CROSS JOIN LATERAL (
               SELECT queue, coalesce(priority, 0) AS priority, sent_at
                 FROM jobrunner.runs
                WHERE state = 'queued' AND sent_at IS NOT NULL AND delivery = 'claim'
                  AND (queue, coalesce(priority, 0)) > (oldest.queue, oldest.priority)
                ORDER BY queue, coalesce(priority, 0), sent_at
                LIMIT 1
              ) AS following
    )
    SELECT queue, priority, sent_at AS oldest_sent_at, statement_timestamp() AS now
      FROM oldest
     WHERE sent_at < statement_timestamp() - CAST(:age AS interval)
""")


def sent_and_waiting(connection: Connection, *, age: timedelta) -> tuple[SentAndWaiting, ...]:
    """Where runs have waited for a worker for longer than `age`."""
    rows = connection.execute(_SENT_AND_WAITING, {"age": age}).mappings()
    return tuple(SentAndWaiting(**row) for row in rows)


_UNSEND = text("""
    UPDATE jobrunner.runs
       SET sent_at = NULL
     WHERE state = 'queued' AND delivery = 'claim'
       AND queue = :queue AND coalesce(priority, 0) = :priority
       AND sent_at < :sent_before
""")


def unsend(
    connection: Connection,
    queue: str,
    priority: int,
    *,
    sent_before: datetime,
) -> int:
    """Their messages are gone: they wait to be sent again."""
    values = {"queue": queue, "priority": priority, "sent_before": sent_before}
    return connection.execute(_UNSEND, values).rowcount


_UNSEND_ALL = text("""
    UPDATE jobrunner.runs
       SET sent_at = NULL
     WHERE state = 'queued' AND delivery = 'claim' AND sent_at < statement_timestamp()
""")


def unsend_all(connection: Connection) -> int:
    """All messages are gone: whatever nobody has claimed waits to be sent again; how many runs."""
    return connection.execute(_UNSEND_ALL).rowcount


_EXPIRE = text("""
    WITH expired AS (
        SELECT id FROM jobrunner.runs
         WHERE state = 'queued' AND attempt = 0 AND expires_at <= statement_timestamp()
         LIMIT :limit
           FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE jobrunner.runs AS r
       SET state = 'expired', held = false, finished_at = statement_timestamp(),
           error = 'not started before its expiry'
      FROM expired WHERE r.id = expired.id
""")


def expire_runs(connection: Connection, *, limit: int) -> int:
    """End queued runs whose time to start has passed."""
    return connection.execute(_EXPIRE, {"limit": limit}).rowcount


_GIVE_BACK = text("""
    WITH claimed AS (
        DELETE FROM jobrunner.attempts WHERE run_id = :run_id AND claim_token = :token
    )
    UPDATE jobrunner.runs
       SET state = 'queued', attempt = attempt - 1, lease_until = NULL, claim_token = NULL,
           worker = NULL, started_at = NULL, sent_at = NULL,
           available_at = clock_timestamp() + CAST(:left_for AS interval)
     WHERE id = :run_id AND claim_token = :token AND state = 'running'
""")


def leave_to_others(connection: Connection, held: Claim, *, worker: str, reason: str) -> None:
    """Undo a claim: another worker may know what this one does not. Its message is sent again in 30 s,
    and stands among the refused ones.
    """
    values = {"run_id": held.run_id, "token": held.token, "left_for": _LEFT_FOR}
    connection.execute(_GIVE_BACK, values)
    keep_refused(connection, worker=worker, reason=reason, message=f"run {held.run_id}")
