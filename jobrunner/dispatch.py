"""Due schedules → run rows → messages. The rows come first; a message is only a wake-up.

dispatch_due   T1 record what is due, with the batch that goes out · T2 lock the batch, send, end it
send_unsent    T1 make a batch of what waits: retries, released runs, a broker that was down · T2
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.crash_points import reach
from jobrunner.db import outbox, schedules
from jobrunner.db.engine import transaction
from jobrunner.db.outbox import Batch
from jobrunner.errors import BrokerUnavailable, DatabaseBusy, first_line
from jobrunner.recording import BATCH_SCHEDULES, Recorded, WhyHeld, never_held, record_claimed
from jobrunner.run import OutgoingRun
from jobrunner.tick import DueSchedule

BATCH_MESSAGES = 1_000

Send = Callable[[Sequence[OutgoingRun], datetime], None]
"""Publishes in order or raises BrokerUnavailable; the datetime is when the batch was made."""

log = structlog.get_logger("jobrunner.dispatch")


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
            return record_claimed(connection, due, why_held, to_send=to_send)
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
                one = record_claimed(connection, still_due, why_held, to_send=to_send)
            batches += one.batches
            bad += one.bad
        except DBAPIError as error:
            bad += 1
            with transaction(engine) as connection:
                schedules.mark_bad(connection, schedule.id, first_line(error), now=schedule.now)
        except DatabaseBusy as error:  # somebody holds its rows: the next tick tries again
            log.warning("tick_blocked", job=schedule.address, error=error.message)
    return Recorded(tuple(batches), len(due), bad)
