"""Due schedules → run rows → messages. The rows come first; a message is only a wake-up.

dispatch_due   T1 record_due, one transaction · T2 send, after the commit · T3 mark as sent
send_unsent    the same T2 and T3 for what is waiting: retries, released runs, a broker that was down
trigger_run    one run by hand, by the same insert and the same send
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.db import outbox, schedules, triggers
from jobrunner.db.engine import transaction
from jobrunner.db.jobs import no_such_job
from jobrunner.db.outbox import NewRun
from jobrunner.db.pauses import pauses_since
from jobrunner.db.schedules import Advance, DueSchedule
from jobrunner.db.wakeups import notify
from jobrunner.errors import BrokerUnavailable, Conflict, DatabaseBusy, first_line
from jobrunner.run import (
    Active,
    OutgoingRun,
    RunState,
    Start,
    after_start,
    decide_start,
    requested_run_id,
    scheduled_run_id,
)
from jobrunner.slots import Owed, Pause, Slots, decide_slots
from jobrunner.spec.models import CatchUp, ScheduleSpec

BATCH_SCHEDULES = 1_000
BATCH_MESSAGES = 1_000
BATCH_RUNS_MAX = 10_000
"""After an outage each schedule of a batch may owe a thousand runs: the next tick goes on from there."""

Send = Callable[[Sequence[OutgoingRun], datetime], None]
"""Publishes in order or raises BrokerUnavailable; the datetime is the database's clock."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one T1 wrote. `outgoing` are to be sent once it is committed."""

    outgoing: tuple[OutgoingRun, ...]
    now: datetime | None
    """The database's clock when the schedules were found due; None when none was."""
    due: int
    bad: int


def dispatch_due(engine: Engine, send: Send, *, now: datetime | None = None) -> int:
    """One batch of due schedules, recorded and sent; the number of schedules that were due.

    BrokerUnavailable is raised only after the runs are safely recorded: they are sent later.
    """
    recorded = _record_batch(engine, now)
    if recorded.outgoing and recorded.now:
        _send_and_mark(engine, send, recorded.outgoing, recorded.now)
    return recorded.due


def send_unsent(engine: Engine, send: Send) -> int:
    """One batch of runs that wait to be sent; how many there were. Raises BrokerUnavailable."""
    with transaction(engine) as connection:
        batch = outbox.take_unsent(connection, limit=BATCH_MESSAGES)
    if batch.runs and batch.now:
        _send_and_mark(engine, send, batch.runs, batch.now)
    return len(batch.runs)


def _send_and_mark(
    engine: Engine, send: Send, outgoing: Sequence[OutgoingRun], now: datetime
) -> None:
    try:
        send(outgoing, now)
    except BrokerUnavailable:
        with transaction(engine) as connection:
            outbox.give_back(connection, outgoing)
        raise
    with transaction(engine) as connection:
        outbox.mark_sent(connection, outgoing)


def _record_batch(engine: Engine, now: datetime | None) -> Recorded:
    try:
        with transaction(engine) as connection:
            return record_due(connection, limit=BATCH_SCHEDULES, now=now)
    except (DBAPIError, DatabaseBusy):
        # One row that the database refuses must not hold up the others.
        return _record_one_by_one(engine, now)


def _record_one_by_one(engine: Engine, now: datetime | None) -> Recorded:
    with transaction(engine) as connection:
        due = schedules.claim_due(connection, limit=BATCH_SCHEDULES, now=now)
    outgoing: list[OutgoingRun] = []
    bad = 0
    for schedule in due:
        try:
            with transaction(engine) as connection:
                one = record_due(connection, schedule_ids=[schedule.id], now=now)
            outgoing += one.outgoing
            bad += one.bad
        except (DBAPIError, DatabaseBusy) as error:
            bad += 1
            with transaction(engine) as connection:
                schedules.mark_bad(connection, schedule.id, first_line(error), now=schedule.now)
    return Recorded(tuple(outgoing), due[0].now if due else None, len(due), bad)


def record_due(
    connection: Connection,
    *,
    schedule_ids: Sequence[uuid.UUID] | None = None,
    limit: int = BATCH_SCHEDULES,
    now: datetime | None = None,
) -> Recorded:
    """T1, in the caller's transaction: rows for what is due, and each schedule's next times.

    An apply calls it for the schedules it is about to change, so that a time owed by the old
    definition is dispatched by the old definition.
    """
    due = schedules.claim_due(connection, limit=limit, schedule_ids=schedule_ids, now=now)
    if not due:
        return Recorded((), None, 0, 0)
    active = outbox.lock_and_count_active(connection, _jobs_to_count(due))
    pauses = pauses_since(connection, min(s.next_scheduled_for for s in due))
    tick = _Tick(active=dict(active))
    handled = []
    for schedule in due:
        if len(tick.rows) >= BATCH_RUNS_MAX:
            break
        tick.add(schedule, _pauses_of(schedule, pauses))
        handled.append(schedule)
    return _write(connection, handled, tick)


def _jobs_to_count(due: Sequence[DueSchedule]) -> list[uuid.UUID]:
    """Jobs whose active runs decide something. `allow` starts whatever else there is."""
    return sorted({s.job_id for s in due if s.overlap != "allow" or s.catch_up_policy == "all"})


def _pauses_of(
    schedule: DueSchedule, pauses: Mapping[tuple[str, str], tuple[Pause, ...]]
) -> tuple[Pause, ...]:
    if not pauses:
        return ()
    scopes = [
        ("job", schedule.address),
        ("namespace", schedule.namespace),
        ("queue", schedule.queue),
    ]
    scopes += [("tag", tag) for tag in schedule.tags]
    return tuple(pause for scope in scopes for pause in pauses.get(scope, ()))


@dataclass(slots=True)
class _Tick:
    """The rows of one T1 while they are decided, schedule by schedule."""

    active: dict[uuid.UUID, Active]
    rows: list[NewRun] = field(default_factory=list)
    advances: list[Advance] = field(default_factory=list)
    replaced: set[uuid.UUID] = field(default_factory=set)
    bad: list[tuple[uuid.UUID, str]] = field(default_factory=list)

    def add(self, schedule: DueSchedule, pauses: tuple[Pause, ...]) -> None:
        try:
            slots = decide_slots(_owed(schedule, pauses), schedule.now)
        except (
            ValueError,
            OverflowError,
        ) as error:  # a row corrupted by hand, a zone that vanished
            self.bad.append((schedule.id, first_line(error)))
            return
        # Catch-up slots run one after the other, and what comes after them waits its turn.
        in_order = schedule.catch_up_policy == "all" and any(slot.caught_up for slot in slots.runs)
        for slot in slots.runs:
            start = self._start(schedule, in_order=in_order, is_newest=slot is slots.runs[-1])
            trigger = "catch_up" if slot.caught_up else "schedule"
            self.rows.append(_new_run(schedule, slot.scheduled_for, trigger, start))
        if slots.missed is not None:
            self.rows.append(_missed_run(schedule, slots))
        self.advances.append(_advance(schedule, slots))

    def _start(self, schedule: DueSchedule, *, in_order: bool, is_newest: bool) -> Start:
        active = self.active.get(schedule.job_id, Active())
        start = decide_start(schedule.overlap, active, in_order=in_order, is_newest=is_newest)
        self.active[schedule.job_id] = after_start(active, start)
        if start in {Start.REPLACE, Start.REPLACE_AND_HOLD}:
            self.replaced.add(schedule.job_id)
            self.rows = [
                _replaced(row) if row.job_id == schedule.job_id else row for row in self.rows
            ]
        return start


def _owed(schedule: DueSchedule, pauses: tuple[Pause, ...]) -> Owed:
    spec = _schedule_spec(schedule.spec_json)
    return Owed(
        schedule_key=f"{schedule.address}#{schedule.name}",
        timing=spec.timing(),
        next_scheduled_for=schedule.next_scheduled_for,
        misfire_grace=spec.misfire_grace,
        catch_up=_catch_up(
            schedule.catch_up_policy, schedule.catch_up_window, schedule.catch_up_max
        ),
        pauses=pauses,
    )


@lru_cache(maxsize=4_096)
def _schedule_spec(spec_json: str) -> ScheduleSpec:
    """Parsing is by far the dearest part of a slot; most schedules share a few texts."""
    return ScheduleSpec.model_validate_json(spec_json)


@lru_cache(maxsize=256)
def _catch_up(policy: str, window: object, most: int | None) -> CatchUp:
    return CatchUp.model_validate({"policy": policy, "window": window, "max": most})


_WHY_SKIPPED = {
    Start.SKIP: "the previous run was not over (overlap: skip)",
    Start.GIVE_WAY: "a later time was due as well and runs in its place (overlap: skip)",
}


def _new_run(schedule: DueSchedule, scheduled_for: datetime, trigger: str, start: Start) -> NewRun:
    # A slot that is caught up is late by nature; its time to start counts from now.
    expires_from = schedule.now if trigger == "catch_up" else scheduled_for
    return NewRun(
        id=scheduled_run_id(schedule.id, scheduled_for),
        job_id=schedule.job_id,
        schedule_id=schedule.id,
        definition_id=schedule.definition_id,
        trigger=trigger,
        scheduled_for=scheduled_for,
        state=RunState.SKIPPED if start.is_skipped else RunState.QUEUED,
        held=start.is_held,
        queue=schedule.queue,
        priority=schedule.priority,
        expires_at=None if schedule.expires is None else expires_from + schedule.expires,
        error=_WHY_SKIPPED.get(start),
    )


def _missed_run(schedule: DueSchedule, slots: Slots) -> NewRun:
    missed = slots.missed
    assert missed is not None  # noqa: S101  the caller has looked
    return NewRun(
        id=scheduled_run_id(schedule.id, missed.first),
        job_id=schedule.job_id,
        schedule_id=schedule.id,
        definition_id=schedule.definition_id,
        trigger="schedule",
        scheduled_for=missed.first,
        state=RunState.MISSED,
        held=False,
        queue=schedule.queue,
        priority=schedule.priority,
        expires_at=None,
        error=f"{missed.reason}; last {missed.last.isoformat()}",
        missed_count=missed.count,
    )


def _replaced(row: NewRun) -> NewRun:
    """A row of this very tick that a later slot replaces: it ends as it would have a moment later."""
    if row.state != RunState.QUEUED:
        return row
    return replace(row, state=RunState.CANCELLED, held=False, error="replaced by a newer run")


def _advance(schedule: DueSchedule, slots: Slots) -> Advance:
    return Advance(
        schedule_id=schedule.id,
        next_scheduled_for=slots.next_scheduled_for,
        next_run_at=slots.next_run_at,
        last_run_at=slots.runs[-1].scheduled_for if slots.runs else None,
        fired=len(slots.runs),
    )


def _write(connection: Connection, due: Sequence[DueSchedule], tick: _Tick) -> Recorded:
    outbox.cancel_replaced(connection, sorted(tick.replaced))
    inserted = outbox.insert_runs(connection, tick.rows)
    schedules.advance(connection, tick.advances)
    for schedule_id, error in tick.bad:
        schedules.mark_bad(connection, schedule_id, error, now=due[0].now)
    by_job = {schedule.job_id: schedule for schedule in due}
    outgoing = tuple(
        _outgoing(row, by_job[row.job_id])
        for row in tick.rows
        if row.id in inserted and row.state == RunState.QUEUED and not row.held
    )
    return Recorded(outgoing, due[0].now, len(due), len(tick.bad))


def _outgoing(row: NewRun, schedule: DueSchedule) -> OutgoingRun:
    soft = schedule.soft_timeout
    return OutgoingRun(
        run_id=row.id,
        attempt=0,
        address=schedule.address,
        queue=row.queue,
        priority=row.priority,
        timeout_seconds=schedule.timeout.total_seconds(),
        soft_timeout_seconds=None if soft is None else soft.total_seconds(),
    )


@dataclass(frozen=True, slots=True)
class TriggeredRun:
    """The answer to a trigger. `is_new` False: the request key had already given this run."""

    run_id: uuid.UUID
    start: Start
    is_new: bool


def trigger_run(
    connection: Connection,
    address: str,
    *,
    created_by: str,
    kwargs: Mapping[str, object] | None = None,
    request_key: str | None = None,
    force: bool = False,
) -> TriggeredRun:
    """A run now, in the caller's transaction: it exists exactly when the caller's data does.

    It obeys `overlap` unless `force`; beat sends it after the commit. The same caller and key is the
    same run, and with other arguments it is refused. Raises NotFound, Conflict, and UsageError for
    arguments that JSON or PostgreSQL cannot hold.
    """
    job = triggers.find_job(connection, address)
    if job is None:
        raise no_such_job(address)
    run_id = (
        uuid.uuid4() if request_key is None else requested_run_id(job.id, created_by, request_key)
    )
    active = outbox.lock_and_count_active(connection, [job.id]).get(job.id, Active())
    earlier = triggers.find_request(connection, run_id)
    if earlier is not None:
        return _repeated(earlier, kwargs, request_key)
    start = Start.SEND if force else decide_start(job.overlap, active)
    if start in {Start.REPLACE, Start.REPLACE_AND_HOLD}:
        outbox.cancel_replaced(connection, [job.id])
    triggers.insert(
        connection,
        job,
        run_id,
        start=start,
        kwargs=kwargs,
        request_key=request_key,
        created_by=created_by,
    )
    notify(connection)
    return TriggeredRun(run_id, start, is_new=True)


def _repeated(
    earlier: triggers.Request, kwargs: Mapping[str, object] | None, request_key: str | None
) -> TriggeredRun:
    if (earlier.kwargs or {}) != dict(kwargs or {}):
        raise Conflict(
            f"The request key {request_key!r} was already used with other arguments (run {earlier.run_id}).",
            hint="Use a new key for a new request.",
        )
    return TriggeredRun(earlier.run_id, Start.SEND, is_new=False)
