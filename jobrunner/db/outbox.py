"""New runs, and runs that wait to be sent: the border between the ledger and the broker."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from jobrunner.run import Active, OutgoingRun
from jobrunner.spec.durations import parse_duration

SENDING_SECONDS = 5
"""How long a sender has a run for itself. A sender that died in between delays it by this much."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A row to insert. `state` is queued, skipped or missed; the last two are over at once."""

    id: uuid.UUID
    job_id: uuid.UUID
    schedule_id: uuid.UUID | None
    definition_id: int
    trigger: str
    scheduled_for: datetime
    state: str
    held: bool
    queue: str
    priority: int | None
    expires_at: datetime | None
    error: str | None = None
    missed_count: int | None = None


# A plain conflict target is not enough: the id and the (schedule, time) pair are both unique, and a
# repeated slot, whichever it meets first, is what "already there" means.
_INSERT = text("""
    INSERT INTO jobrunner.runs
           (id, job_id, schedule_id, definition_id, trigger, scheduled_for, state, held, queue, priority,
            expires_at, error, missed_count, available_at, sending_until, finished_at)
    SELECT id, job_id, schedule_id, definition_id, trigger, scheduled_for, state, held, queue, priority,
           expires_at, error, missed_count, statement_timestamp(),
           CASE WHEN state = 'queued' AND NOT held
                THEN clock_timestamp() + make_interval(secs => :sending_seconds) END,
           CASE WHEN state <> 'queued' THEN statement_timestamp() END
      FROM unnest(CAST(:id AS uuid[]), CAST(:job_id AS uuid[]), CAST(:schedule_id AS uuid[]),
                  CAST(:definition_id AS bigint[]), CAST(:trigger AS text[]),
                  CAST(:scheduled_for AS timestamptz[]), CAST(:state AS text[]), CAST(:held AS boolean[]),
                  CAST(:queue AS text[]), CAST(:priority AS smallint[]), CAST(:expires_at AS timestamptz[]),
                  CAST(:error AS text[]), CAST(:missed_count AS int[]))
        AS new (id, job_id, schedule_id, definition_id, trigger, scheduled_for, state, held, queue,
                priority, expires_at, error, missed_count)
        ON CONFLICT DO NOTHING
    RETURNING id
""")


def insert_runs(connection: Connection, runs: Sequence[NewRun]) -> frozenset[uuid.UUID]:
    """Write the rows in one statement; return the ids that were new. A queued one is the caller's to send."""
    if not runs:
        return frozenset()
    columns = {field.name: [getattr(run, field.name) for run in runs] for field in fields(NewRun)}
    values = {**columns, "sending_seconds": SENDING_SECONDS}
    return frozenset(connection.execute(_INSERT, values).scalars())


# Whoever locks several jobs does it by this statement: one order for all, or two would wait for each other.
LOCK_JOBS = text("""
    SELECT id FROM jobrunner.jobs WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
""")
_COUNT_ACTIVE = text("""
    SELECT job_id,
           count(*) FILTER (WHERE state = 'running') AS running,
           count(*) FILTER (WHERE state = 'queued' AND NOT held) AS queued,
           count(*) FILTER (WHERE held) AS held
      FROM jobrunner.runs
     WHERE job_id = ANY(CAST(:ids AS uuid[])) AND state IN ('queued', 'running')
     GROUP BY job_id
""")


def lock_and_count_active(
    connection: Connection, job_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, Active]:
    """The runs of these jobs that are not over, counted under their jobs' row locks.

    Whoever starts a run of such a job takes the same lock first, in id order, so that two beats with
    two schedules of one job count one after the other.
    """
    if not job_ids:
        return {}
    ids = {"ids": [str(job_id) for job_id in job_ids]}
    connection.execute(LOCK_JOBS, ids)
    rows = connection.execute(_COUNT_ACTIVE, ids)
    return {row.job_id: Active(row.running, row.queued, row.held) for row in rows}


_CANCEL_WAITING = text("""
    UPDATE jobrunner.runs
       SET state = 'cancelled', held = false, finished_at = statement_timestamp(),
           error = 'replaced by a newer run'
     WHERE job_id = ANY(CAST(:ids AS uuid[])) AND state = 'queued'
""")
_CANCEL_RUNNING = text("""
    UPDATE jobrunner.runs
       SET cancel_requested_at = statement_timestamp()
     WHERE job_id = ANY(CAST(:ids AS uuid[])) AND state = 'running' AND cancel_requested_at IS NULL
""")


def cancel_replaced(connection: Connection, job_ids: Sequence[uuid.UUID]) -> None:
    """`overlap: replace`: what waits is cancelled, what runs is asked to end. Before the insert."""
    if job_ids:
        ids = {"ids": [str(job_id) for job_id in job_ids]}
        connection.execute(_CANCEL_WAITING, ids)
        connection.execute(_CANCEL_RUNNING, ids)


# Nothing is sent whose time has passed: `expires` is checked here and again at the claim. The limits
# are those of the run's own definition; the job may have been edited since.
_TAKE_UNSENT = text("""
    WITH waiting AS (
        SELECT id FROM jobrunner.runs
         WHERE state = 'queued' AND sent_at IS NULL AND NOT held
           AND available_at <= statement_timestamp()
           AND (sending_until IS NULL OR sending_until < statement_timestamp())
           AND (attempt > 0 OR expires_at IS NULL OR expires_at > statement_timestamp())
         ORDER BY available_at
         LIMIT :limit
           FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE jobrunner.runs AS r
       SET sending_until = clock_timestamp() + make_interval(secs => :sending_seconds)
      FROM waiting, jobrunner.jobs AS j
     WHERE r.id = waiting.id AND j.id = r.job_id
    RETURNING r.id AS run_id, r.attempt, j.address, r.queue, r.priority, r.available_at,
              (SELECT jsonb_build_array(d.spec -> 'timeout', d.spec -> 'soft_timeout')
                 FROM jobrunner.definitions AS d WHERE d.id = r.definition_id) AS limits,
              j.timeout, j.soft_timeout, statement_timestamp() AS now
""")


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs to send, in order, and the database's clock when they were taken."""

    runs: tuple[OutgoingRun, ...]
    now: datetime | None


def take_unsent(connection: Connection, *, limit: int) -> Batch:
    """Runs that wait to be sent and that nobody is sending; they are the caller's for a few seconds."""
    rows = connection.execute(
        _TAKE_UNSENT, {"limit": limit, "sending_seconds": SENDING_SECONDS}
    ).all()
    in_order = sorted(rows, key=lambda row: row.available_at)
    return Batch(runs=tuple(_outgoing(row) for row in in_order), now=rows[0].now if rows else None)


def _outgoing(row: Row[Any]) -> OutgoingRun:
    try:
        timeout, soft_timeout = (
            None if limit is None else parse_duration(limit) for limit in row.limits
        )
    except (TypeError, ValueError):  # removed or spoilt by hand: the claim will say so
        timeout, soft_timeout = row.timeout, row.soft_timeout
    return OutgoingRun(
        run_id=row.run_id,
        attempt=row.attempt,
        address=row.address,
        queue=row.queue,
        priority=row.priority,
        timeout_seconds=(timeout or row.timeout).total_seconds(),
        soft_timeout_seconds=None if soft_timeout is None else soft_timeout.total_seconds(),
    )


# A fast worker may have claimed, failed and queued the run again before this: the attempt number
# keeps the mark from hitting the retry, which would then never be sent.
_MARK_SENT = text("""
    UPDATE jobrunner.runs AS r
       SET sent_at = clock_timestamp(), sending_until = NULL
      FROM unnest(CAST(:ids AS uuid[]), CAST(:attempts AS smallint[])) AS sent (id, attempt)
     WHERE r.id = sent.id AND r.attempt = sent.attempt AND r.state = 'queued'
""")


def mark_sent(connection: Connection, runs: Sequence[OutgoingRun]) -> None:
    """The broker has confirmed these messages."""
    if runs:
        connection.execute(
            _MARK_SENT,
            {"ids": [str(run.run_id) for run in runs], "attempts": [run.attempt for run in runs]},
        )


_GIVE_BACK = text("""
    UPDATE jobrunner.runs SET sending_until = NULL
     WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'queued' AND sent_at IS NULL
""")


def give_back(connection: Connection, runs: Sequence[OutgoingRun]) -> None:
    """The broker did not take them: anybody may try again at once."""
    if runs:
        connection.execute(_GIVE_BACK, {"ids": [str(run.run_id) for run in runs]})


@dataclass(frozen=True, slots=True)
class SentAndWaiting:
    """Runs of one queue and priority that were sent a while ago and that nobody has claimed."""

    queue: str
    priority: int | None
    oldest_sent_at: datetime
    now: datetime


_SENT_AND_WAITING = text("""
    SELECT queue, priority, min(sent_at) AS oldest_sent_at, statement_timestamp() AS now
      FROM jobrunner.runs
     WHERE state = 'queued' AND sent_at < statement_timestamp() - CAST(:age AS interval)
     GROUP BY queue, priority
""")


def sent_and_waiting(connection: Connection, *, age: timedelta) -> tuple[SentAndWaiting, ...]:
    """Where runs have waited for a worker for longer than `age`."""
    rows = connection.execute(_SENT_AND_WAITING, {"age": age}).mappings()
    return tuple(SentAndWaiting(**row) for row in rows)


_UNSEND = text("""
    UPDATE jobrunner.runs
       SET sent_at = NULL, sending_until = NULL
     WHERE state = 'queued' AND queue = :queue AND priority IS NOT DISTINCT FROM :priority
       AND sent_at < :sent_before AND NOT id = ANY(CAST(:keep AS uuid[]))
""")


def unsend(
    connection: Connection,
    queue: str,
    priority: int | None,
    *,
    sent_before: datetime,
    keep: Collection[str],
) -> int:
    """Their messages are gone: they wait to be sent again. `keep` are in a worker's hands."""
    values = {"queue": queue, "priority": priority, "sent_before": sent_before, "keep": list(keep)}
    return connection.execute(_UNSEND, values).rowcount


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


# The job's row is the lock under which runs are counted, so a release cannot cross a dispatch.
_RELEASE_HELD = text("""
    WITH free AS (
        SELECT j.id
          FROM jobrunner.jobs AS j
         WHERE j.id IN (SELECT job_id FROM jobrunner.runs WHERE held)
           AND NOT EXISTS (SELECT 1 FROM jobrunner.runs AS r
                            WHERE r.job_id = j.id AND r.state IN ('queued', 'running') AND NOT r.held)
         ORDER BY j.id
         LIMIT :limit
           FOR NO KEY UPDATE OF j SKIP LOCKED
    ), oldest AS (
        SELECT DISTINCT ON (r.job_id) r.id
          FROM jobrunner.runs AS r JOIN free ON free.id = r.job_id
         WHERE r.held
         ORDER BY r.job_id, r.scheduled_for
    )
    UPDATE jobrunner.runs AS r
       SET held = false, available_at = statement_timestamp()
      FROM oldest WHERE r.id = oldest.id
""")


def release_held(connection: Connection, *, limit: int) -> int:
    """Free the oldest waiting run of each job that has nothing else going on."""
    return connection.execute(_RELEASE_HELD, {"limit": limit}).rowcount
