"""New runs, and runs that wait to be sent: the border between the ledger and the broker.

What goes out together is a batch: its runs are marked as sent, and one row of `outbox` says that
somebody is sending them. The sender holds that row locked, and deletes it with the last message. A
batch that can be locked has lost its sender.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from jobrunner.db.arrays import plain_array, text_array
from jobrunner.db.engine import Limits
from jobrunner.run import OutgoingRun
from jobrunner.tick import NewRun

ABANDONED_AFTER_SECONDS = 0.25
"""A sender locks its batch at once after the commit that made it. One that has not is gone."""
BEGIN_WITHIN_SECONDS = 1.0
"""Later nobody begins to send a batch."""
IN_THE_BROKER_AFTER = timedelta(seconds=BEGIN_WITHIN_SECONDS + Limits().idle_timeout_seconds)
"""A batch has been sent so long after its `sent_at`, or given back. So much older than another
batch one can be that comes after it in the same queue."""


@dataclass(frozen=True, slots=True)
class Inserted:
    """What came of new rows. `batch_id` None: none of them is the caller's to send."""

    ids: frozenset[str]
    batch_id: int | None
    sent_at: datetime


# What only the server's crash can undo is done again by the next tick, with the same ids; and a claim,
# whose commit waits for the disk, takes all that was committed before it along.
_NEED_NOT_WAIT_FOR_DISK = "set_config('synchronous_commit', 'off', true)"

# A plain conflict target is not enough: the id and the (schedule, time) pair are both unique, and a
# repeated slot, whichever it meets first, is what "already there" means.
_INSERT = text(f"""
    WITH inserted AS (
        INSERT INTO jobrunner.runs
               (id, job_id, schedule_id, definition_id, trigger, scheduled_for, state, held, queue,
                priority, expires_at, error, missed_count, missed_until, delivery, available_at,
                sent_at, on_end_at, finished_at)
        SELECT id, job_id, schedule_id, definition_id, trigger, scheduled_for, state, held, queue,
               priority, expires_at, error, missed_count, missed_until, delivery,
               statement_timestamp(),
               CASE WHEN :to_send AND state = 'queued' AND NOT held AND delivery = 'claim'
                    THEN statement_timestamp() END,
               CASE WHEN has_on_end AND state = 'queued' THEN statement_timestamp() END,
               CASE WHEN state <> 'queued' THEN statement_timestamp() END
          FROM unnest(CAST(:id AS uuid[]), CAST(:job_id AS uuid[]), CAST(:schedule_id AS uuid[]),
                      CAST(:definition_id AS bigint[]), CAST(:trigger AS text[]),
                      CAST(:scheduled_for AS timestamptz[]), CAST(:state AS text[]),
                      CAST(:held AS boolean[]), CAST(:queue AS text[]), CAST(:priority AS smallint[]),
                      CAST(:expires_at AS timestamptz[]), CAST(:error AS text[]),
                      CAST(:missed_count AS int[]), CAST(:missed_until AS timestamptz[]),
                      CAST(:delivery AS text[]), CAST(:has_on_end AS boolean[]))
            AS new (id, job_id, schedule_id, definition_id, trigger, scheduled_for, state, held,
                    queue, priority, expires_at, error, missed_count, missed_until, delivery,
                    has_on_end)
            ON CONFLICT DO NOTHING
        RETURNING id, sent_at
    ), batch AS (
        INSERT INTO jobrunner.outbox (sent_at, run_ids)
        SELECT sent_at, array_agg(id) FROM inserted WHERE sent_at IS NOT NULL GROUP BY sent_at
        RETURNING id
    )
    SELECT (SELECT string_agg(CAST(id AS text), ',') FROM inserted) AS ids,
           (SELECT id FROM batch) AS batch_id, statement_timestamp() AS sent_at,
           CASE WHEN :to_send THEN {_NEED_NOT_WAIT_FOR_DISK} END
""")  # noqa: S608  a constant of this file
_TEXTS = ("queue", "error")


def insert_runs(connection: Connection, runs: Sequence[NewRun], *, to_send: bool) -> Inserted:
    """Write the rows in one statement. With `to_send` those that may start are the caller's batch, and
    the caller's commit does not wait for the disk.
    """
    columns = dict(zip(NewRun._fields, zip(*runs, strict=True), strict=True))
    arrays = {
        name: text_array(values) if name in _TEXTS else plain_array(values)
        for name, values in columns.items()
    }
    row = connection.execute(_INSERT, {**arrays, "to_send": to_send}).one()
    return Inserted(frozenset((row.ids or "").split(",")), row.batch_id, row.sent_at)


# Under the lock of its schedule, so nobody else adds the first times of the same pause meanwhile.
_GROW = text("""
    UPDATE jobrunner.runs
       SET missed_count = missed_count + new.count, missed_until = new.until
      FROM unnest(CAST(:ids AS uuid[]), CAST(:counts AS int[]), CAST(:until AS timestamptz[]))
        AS new (id, count, until)
     WHERE runs.id = new.id AND runs.missed_until < new.until
    RETURNING CAST(runs.id AS text)
""")


def grow_missed(connection: Connection, runs: Sequence[NewRun]) -> frozenset[str]:
    """Add to the rows of pauses that exist already; returns their ids."""
    if not runs:
        return frozenset()
    values = {
        "ids": plain_array(run.id for run in runs),
        "counts": plain_array(run.missed_count for run in runs),
        "until": plain_array(run.missed_until for run in runs),
    }
    return frozenset(connection.execute(_GROW, values).scalars())


# Nothing is sent whose time has passed: `expires` is checked here and again at the claim.
_UNSENT = """
           state = 'queued' AND sent_at IS NULL AND NOT held AND delivery = 'claim'
       AND available_at <= statement_timestamp()
       AND (attempt > 0 OR expires_at IS NULL OR expires_at > statement_timestamp())
"""
# By age, so that nobody is passed over for ever; and what has come last is not kept waiting by a burst
# of lower priority. It is looked for in so many of the newest, since no index knows of priorities.
_TAKE_UNSENT = text(f"""
    WITH oldest AS (
        SELECT id, priority FROM jobrunner.runs WHERE {_UNSENT}
         ORDER BY available_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    ), newest AS MATERIALIZED (
        SELECT id, priority FROM jobrunner.runs WHERE {_UNSENT}
         ORDER BY available_at DESC LIMIT :limit
    ), urgent AS (
        SELECT id FROM jobrunner.runs
         WHERE id IN (SELECT id FROM newest
                       WHERE priority > (SELECT coalesce(max(priority), 0) FROM oldest))
           AND {_UNSENT}
           FOR NO KEY UPDATE SKIP LOCKED
    ), waiting AS (
        SELECT id FROM oldest UNION SELECT id FROM urgent
    ), taken AS (
        UPDATE jobrunner.runs AS r
           SET sent_at = statement_timestamp()
          FROM waiting, jobrunner.jobs AS j
         WHERE r.id = waiting.id AND j.id = r.job_id
        RETURNING r.id, CAST(r.id AS text) AS run_id, r.attempt, j.address, r.queue, r.priority,
                  r.available_at, r.scheduled_for, r.sent_at
    ), batch AS (
        INSERT INTO jobrunner.outbox (sent_at, run_ids)
        SELECT sent_at, array_agg(id) FROM taken GROUP BY sent_at
        RETURNING id
    )
    SELECT taken.*, batch.id AS batch_id, {_NEED_NOT_WAIT_FOR_DISK}
      FROM taken, batch
     ORDER BY taken.available_at, taken.scheduled_for, taken.run_id
""")  # noqa: S608  a constant of this file


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs to send, in order. Whoever sends them locks the batch first, by `begin_to_send`."""

    id: int
    sent_at: datetime
    runs: tuple[OutgoingRun, ...]

    def without(self, run_ids: Collection[str]) -> "Batch":
        """The rest of it."""
        return replace(self, runs=tuple(run for run in self.runs if run.run_id not in run_ids))


def take_unsent(connection: Connection, *, limit: int) -> Batch | None:
    """Runs that wait to be sent, as a batch of the caller's; None when there are none.

    The `limit` oldest, and of as many of the newest those that come before all of these by priority.
    """
    rows = connection.execute(_TAKE_UNSENT, {"limit": limit}).all()
    if not rows:
        return None
    return Batch(rows[0].batch_id, rows[0].sent_at, tuple(map(_outgoing, rows)))


def _outgoing(row: Row[Any]) -> OutgoingRun:
    return OutgoingRun(
        run_id=row.run_id,
        attempt=row.attempt,
        address=row.address,
        queue=row.queue,
        priority=row.priority,
    )


_BEGIN_TO_SEND = text(f"""
    DELETE FROM jobrunner.outbox
     WHERE id = :id AND sent_at > statement_timestamp() - make_interval(secs => :seconds)
    RETURNING {_NEED_NOT_WAIT_FOR_DISK}
""")  # noqa: S608  a constant of this file


def begin_to_send(connection: Connection, batch: Batch) -> bool:
    """Lock the batch until the end of the transaction, which ends it; False: it is the caller's no more."""
    values = {"id": batch.id, "seconds": BEGIN_WITHIN_SECONDS}
    return connection.execute(_BEGIN_TO_SEND, values).first() is not None


# A worker may have claimed, failed and queued a run of it again: that one has another `sent_at`.
_GIVE_BACK = """
    UPDATE jobrunner.runs AS r SET sent_at = NULL
      FROM gone, unnest(gone.run_ids) AS given (id)
     WHERE r.id = given.id AND r.sent_at = gone.sent_at AND r.state = 'queued'
"""
_GIVE_BACK_ONE = text(f"""
    WITH gone AS (SELECT CAST(:sent_at AS timestamptz) AS sent_at, CAST(:ids AS uuid[]) AS run_ids)
    {_GIVE_BACK}
""")
_GIVE_BACK_ABANDONED = text(f"""
    WITH abandoned AS (
        SELECT id FROM jobrunner.outbox
         WHERE sent_at < statement_timestamp() - make_interval(secs => :seconds)
           FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM jobrunner.outbox AS o USING abandoned WHERE o.id = abandoned.id
        RETURNING o.sent_at, o.run_ids
    )
    {_GIVE_BACK}
""")  # noqa: S608  a constant of this file


def give_back(connection: Connection, batch: Batch) -> None:
    """The broker did not take them: anybody may try again at once."""
    ids = plain_array(run.run_id for run in batch.runs)
    connection.execute(_GIVE_BACK_ONE, {"sent_at": batch.sent_at, "ids": ids})


def give_back_abandoned(connection: Connection) -> int:
    """The same for batches whose sender is gone; how many runs there were.

    A sender that was killed has let go of its lock; one that is frozen loses it with its
    connection after the idle time-out.
    """
    return connection.execute(_GIVE_BACK_ABANDONED, {"seconds": ABANDONED_AFTER_SECONDS}).rowcount
