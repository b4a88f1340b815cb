"""Due schedules → run rows → messages. The rows come first; a message is only a wake-up.

dispatch_due   T1 record what is due, with the batch that goes out · T2 lock the batch, send, end it
send_unsent    T1 make a batch of what waits: retries, released runs, a broker that was down · T2
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.crash_points import reach
from jobrunner.db import holding, outbox, schedules
from jobrunner.db.engine import transaction
from jobrunner.db.outbox import Batch
from jobrunner.db.pauses import pauses_since
from jobrunner.errors import BrokerUnavailable, DatabaseBusy, first_line
from jobrunner.run import OutgoingRun, RunState
from jobrunner.tick import DueSchedule, NewRun, Tick, decide_tick, jobs_to_count

BATCH_SCHEDULES = 1_000
BATCH_MESSAGES = 1_000

Send = Callable[[Sequence[OutgoingRun], datetime], None]
"""Publishes in order or raises BrokerUnavailable; the datetime is when the batch was made."""

WhyHeld = Callable[[datetime], str]
"""Asked with the database's time: why nothing overdue is to be caught up now; '' when it may be."""


def never_held(_: datetime) -> str:
    """Overdue times are caught up by their policy."""
    return ""


log = structlog.get_logger("jobrunner.dispatch")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one T1 wrote. `batches` are to be sent once it is committed."""

    batches: tuple[Batch, ...]
    due: int
    bad: int


def dispatch_due(
    engine: Engine,
    send: Send | None,
    *,
    now: datetime | None = None,
    why_held: WhyHeld = never_held,
) -> int:
    """One batch of due schedules, recorded and sent; the number of schedules that were due.

    `send` None: the broker is known to be away, and what is recorded waits. BrokerUnavailable is
    raised only after the runs are safely recorded: they are sent later.
    """
    recorded = _record_batch(engine, now, why_held, to_send=send is not None)
    reach("due_recorded")
    if send is not None:
        for batch in recorded.batches:
            _send_batch(engine, send, batch)
    return recorded.due


def send_unsent(engine: Engine, send: Send, *, limit: int = BATCH_MESSAGES) -> int:
    """One batch of runs that wait to be sent; how many there were. Raises BrokerUnavailable."""
    with transaction(engine) as connection:
        batch = outbox.take_unsent(connection, limit=limit)
    reach("unsent_taken")
    if batch is None:
        return 0
    _send_batch(engine, send, batch)
    return len(batch.runs)


def _send_batch(engine: Engine, send: Send, batch: Batch) -> None:
    """T2. While it is open nobody else takes the batch; the server ends it when this process is gone."""
    failure: BrokerUnavailable | None = None
    with transaction(engine) as connection:
        if not outbox.begin_to_send(connection, batch):
            return  # this process stood still for long: others have it, or will
        try:
            reach("batch_locked")
            send(batch.runs, batch.sent_at)
            reach("batch_pushed")
        except BrokerUnavailable as error:
            outbox.give_back(connection, batch)
            failure = error
    reach("batch_sent")
    if failure is not None:
        raise failure


def _record_batch(
    engine: Engine, now: datetime | None, why_held: WhyHeld, *, to_send: bool
) -> Recorded:
    due: Sequence[DueSchedule] = ()
    try:
        with transaction(engine) as connection:
            due = schedules.claim_due(connection, limit=BATCH_SCHEDULES, now=now)
            return _record(connection, due, why_held, to_send=to_send)
    except (DBAPIError, DatabaseBusy):
        if not due:
            raise
        # One row that the database refuses must not hold up the others.
        return _record_one_by_one(engine, due, why_held, to_send=to_send)


def _record_one_by_one(
    engine: Engine, due: Sequence[DueSchedule], why_held: WhyHeld, *, to_send: bool
) -> Recorded:
    batches: list[Batch] = []
    bad = 0
    for schedule in due:
        try:
            with transaction(engine) as connection:
                still_due = schedules.claim_due(
                    connection, limit=1, schedule_ids=[schedule.id], now=schedule.now
                )
                one = _record(connection, still_due, why_held, to_send=to_send)
            batches += one.batches
            bad += one.bad
        except DBAPIError as error:
            bad += 1
            with transaction(engine) as connection:
                schedules.mark_bad(connection, schedule.id, first_line(error), now=schedule.now)
        except DatabaseBusy as error:  # somebody holds its rows: the next tick tries again
            log.warning("tick_blocked", job=schedule.address, error=error.message)
    return Recorded(tuple(batches), len(due), bad)


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
    return _record(connection, due, never_held, to_send=to_send)


def _record(
    connection: Connection, due: Sequence[DueSchedule], why_held: WhyHeld, *, to_send: bool
) -> Recorded:
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
