"""What is due becomes rows, in the caller's transaction. Messages are sent by `dispatch`, from a beat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from jobrunner.crash_points import reach
from jobrunner.db import holding, outbox, schedules
from jobrunner.db.outbox import Batch
from jobrunner.db.pauses import pauses_since
from jobrunner.run import OutgoingRun, RunState
from jobrunner.tick import DueSchedule, NewRun, Tick, decide_tick, jobs_to_count

BATCH_SCHEDULES = 1_000

WhyHeld = Callable[[datetime], str]
"""Asked with the database's time: why nothing overdue is to be caught up now; '' when it may be."""


def never_held(_: datetime) -> str:
    """Overdue times are caught up by their policy."""
    return ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one T1 wrote. `batches` are to be sent once it is committed."""

    batches: tuple[Batch, ...]
    due: int
    bad: int


def record_due(
    connection: Connection,
    *,
    schedule_ids: Sequence[object] | None = None,
    limit: int = BATCH_SCHEDULES,
    now: datetime | None = None,
    to_send: bool = False,
) -> Recorded:
    """T1, in the caller's transaction: rows for what is due, and each schedule's next times.

    An apply calls it for the schedules it is about to change, so that a time owed by the old
    definition is dispatched by the old definition. Without `to_send` the beats send the runs.
    """
    due = schedules.claim_due(connection, limit=limit, schedule_ids=schedule_ids, now=now)
    return record_claimed(connection, due, never_held, to_send=to_send)


def record_claimed(
    connection: Connection, due: Sequence[DueSchedule], why_held: WhyHeld, *, to_send: bool
) -> Recorded:
    """The same for what was claimed in this transaction."""
    if not due:
        return Recorded((), 0, 0)
    active = holding.lock_and_count_active(connection, jobs_to_count(due))
    owed = [s.next_scheduled_for for s in due if s.next_scheduled_for is not None]
    pauses = pauses_since(connection, min(owed, default=due[0].now))
    tick = decide_tick(due, active, pauses, catch_up_held=why_held(due[0].now))
    return _write(connection, due, tick, to_send=to_send)


def _write(
    connection: Connection, due: Sequence[DueSchedule], tick: Tick, *, to_send: bool
) -> Recorded:
    holding.cancel_replaced(connection, sorted(tick.replaced))
    grown = outbox.grow_missed(connection, [row for row in tick.rows if row.grows])
    rows = [row for row in tick.rows if row.id not in grown] if grown else tick.rows
    batch = _insert(connection, due, rows, to_send=to_send) if rows else None
    schedules.advance(connection, tick.advances)
    reach("due_written")
    for schedule_id, error in tick.bad:
        schedules.mark_bad(connection, schedule_id, error, now=due[0].now)
    return Recorded((batch,) if batch else (), tick.handled, len(tick.bad))


def _insert(
    connection: Connection, due: Sequence[DueSchedule], rows: Sequence[NewRun], *, to_send: bool
) -> Batch | None:
    inserted = outbox.insert_runs(connection, rows, to_send=to_send)
    if inserted.batch_id is None:
        return None
    by_job = {schedule.job_id: schedule for schedule in due}
    outgoing = tuple(
        _outgoing(row, by_job[row.job_id])
        for row in rows
        if row.id in inserted.ids
        and row.state == RunState.QUEUED
        and not row.held
        and row.delivery == "claim"
    )
    return Batch(inserted.batch_id, inserted.sent_at, outgoing)


def _outgoing(row: NewRun, schedule: DueSchedule) -> OutgoingRun:
    return OutgoingRun(
        run_id=row.id,
        attempt=0,
        address=schedule.address,
        queue=row.queue,
        priority=row.priority,
    )
