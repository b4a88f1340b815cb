"""Times that have passed → runs, in order and a few at a time: what `backfill` and a catch-up that
waited for somebody come down to.

plan_backfill | plan_catch_up   which times of which schedule, without a change
start_backfill                  a row for each time, held; the ticks release them
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from jobrunner.db import audit, backfills
from jobrunner.db.backfills import Backfill, BackfillSchedule, HeldBack
from jobrunner.db.engine import database_now, transaction
from jobrunner.db.jobs import no_such_job
from jobrunner.db.triggers import find_job
from jobrunner.db.wakeups import notify
from jobrunner.errors import Conflict, NotFound, UsageError
from jobrunner.run import backfill_id, backfill_run_id
from jobrunner.schedule import ScheduleError, first_instant, load_zone, times_between
from jobrunner.spec.models import ScheduleSpec

TIMES_MAX = 100_000
_BATCH = 5_000
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """A span of one schedule, and its times that get a run."""

    schedule: BackfillSchedule
    spec: ScheduleSpec
    from_at: datetime
    to_at: datetime
    """Exclusive."""
    times: tuple[datetime, ...]
    request_key: str
    """Times that have a run by the same key get no other; '' is a key like any other."""
    existing: int
    """How many of the times have their run already."""
    spans: tuple[HeldBack, ...] = ()
    """What it catches up."""

    @property
    def address(self) -> str:
        """`namespace/job#schedule`."""
        return f"{self.schedule.address}#{self.schedule.name}"

    @property
    def run_ids(self) -> Iterator[uuid.UUID]:
        """Of the times, in their order."""
        for scheduled_for in self.times:
            yield backfill_run_id(self.schedule.id, scheduled_for, self.request_key)


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a backfill has written."""

    id: uuid.UUID
    created: int
    existed: int


def plan_backfill(
    connection: Connection, address: str, *, start: datetime, end: datetime, request_key: str = ""
) -> Planned:
    """The times of [start, end) by the schedule in force; naive ones are of its time zone's clock.

    `address` is `namespace/job`, or `namespace/job#schedule` where a job has several. Raises NotFound,
    UsageError for a span that is empty, too long or not over, Conflict for a corrupt schedule.
    """
    schedule = _one_schedule(connection, address)
    spec = _spec_of(schedule)
    from_at, to_at = _instant(start, spec), _instant(end, spec)
    _check_span(from_at, to_at, database_now(connection), spec)
    planned = Planned(schedule, spec, from_at, to_at, (), request_key, existing=0)
    times = _times(schedule, spec, from_at, to_at)
    return _counted(connection, replace(planned, times=times))


def plan_catch_up(connection: Connection, address: str) -> tuple[Planned, ...]:
    """The overdue times of a job that wait for somebody, by schedule.

    Raises NotFound when there are none, UsageError, Conflict.
    """
    schedules = _schedules(connection, address)
    spans = backfills.held_back(connection, schedules[0].job_id)
    planned = [
        _planned_catch_up(connection, schedule, [s for s in spans if s.schedule_id == schedule.id])
        for schedule in schedules
    ]
    found = tuple(one for one in planned if one is not None)
    if not found:
        raise NotFound(
            f"No overdue times of {address} are held back.",
            hint=f"jobrunner backfill {address} --from … --to … runs any times that have passed.",
        )
    return found


def start_backfill(
    engine: Engine,
    planned: Planned,
    *,
    max_active: int,
    created_by: str,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Backfilled:
    """Write the runs; at most `max_active` of them will be active at once.

    In batches, each a transaction: what is cut off in the middle goes on when it is repeated.
    `on_progress` is told how many times are done.
    """
    key = planned.request_key
    backfill = Backfill(
        id=backfill_id(planned.schedule.id, planned.from_at, planned.to_at, key),
        schedule_id=planned.schedule.id,
        from_at=planned.from_at,
        to_at=planned.to_at,
        max_active=max_active,
        created_by=created_by,
    )
    with transaction(engine) as connection:
        backfills.write_backfill(connection, backfill)
        _record(connection, planned, backfill)
    created = done = 0
    for batch in _batches(zip(planned.run_ids, planned.times, strict=True)):
        with transaction(engine) as connection:
            created += backfills.insert_runs(
                connection, backfill, planned.schedule, batch, request_key=key
            )
            notify(connection)
        done += len(batch)
        on_progress(done)
    if planned.spans:
        with transaction(engine) as connection:
            backfills.note_caught_up(connection, planned.spans, actor=created_by)
    return Backfilled(backfill.id, created, existed=len(planned.times) - created)


def _schedules(connection: Connection, address: str) -> tuple[BackfillSchedule, ...]:
    found = backfills.schedules_of(connection, address)
    if not found:
        if find_job(connection, address) is None:
            raise no_such_job(address)
        raise NotFound(
            f"{address} has no schedule, so no times.", hint=f"jobrunner run {address} runs it now."
        )
    return tuple(map(_routed, found))


def _one_schedule(connection: Connection, address: str) -> BackfillSchedule:
    job, _, name = address.partition("#")
    found = _schedules(connection, job)
    chosen = [schedule for schedule in found if not name or schedule.name == name]
    if len(chosen) == 1:
        return chosen[0]
    listed = ", ".join(f"{job}#{schedule.name}" for schedule in found)
    if chosen:
        raise UsageError(f"{job} has several schedules.", hint=f"Choose one: {listed}.")
    raise NotFound(f"{job} has no schedule #{name}.", hint=f"It has: {listed}.")


def _routed(schedule: BackfillSchedule) -> BackfillSchedule:
    queue, priority = _spec_of(schedule).route(schedule.queue, schedule.priority)
    return replace(schedule, queue=queue, priority=priority)


def _spec_of(schedule: BackfillSchedule) -> ScheduleSpec:
    try:
        spec = ScheduleSpec.model_validate_json(schedule.spec_json)
        spec.timing(schedule.address)
    except (ValidationError, ScheduleError) as error:
        raise Conflict(
            f"The stored schedule {schedule.address}#{schedule.name} cannot be read.",
            hint="`jobrunner plan` shows what is wrong with it, `jobrunner apply` mends it.",
        ) from error
    return spec


def _instant(moment: datetime, spec: ScheduleSpec) -> datetime:
    if moment.tzinfo is not None:
        return moment
    return first_instant(moment, load_zone(spec.timezone))


def _check_span(from_at: datetime, to_at: datetime, now: datetime, spec: ScheduleSpec) -> None:
    if from_at >= to_at:
        raise UsageError(
            "The span is empty: --to is not after --from.",
            hint="--from is the first moment of the span, --to the first after it.",
        )
    if to_at > now:
        raise UsageError(
            f"--to {_as_typed(to_at, spec)} is in the future.",
            hint="Times to come are run by the schedule; a backfill is for those that have passed.",
        )


def _times(
    schedule: BackfillSchedule, spec: ScheduleSpec, from_at: datetime, to_at: datetime
) -> tuple[datetime, ...]:
    timing = spec.timing(schedule.address)
    times = tuple(islice(times_between(timing, from_at, to_at), TIMES_MAX + 1))
    if len(times) > TIMES_MAX:
        raise UsageError(
            f"There are more than {TIMES_MAX:,} times in that span.",
            hint=f"Split it; the first {TIMES_MAX:,} end before {_as_typed(times[-1], spec)}.",
        )
    return times


def _as_typed(moment: datetime, spec: ScheduleSpec) -> str:
    """On the clock that a span without an offset is read by."""
    return moment.astimezone(load_zone(spec.timezone)).isoformat()


def _planned_catch_up(
    connection: Connection, schedule: BackfillSchedule, spans: Sequence[HeldBack]
) -> Planned | None:
    if not spans:
        return None
    spec = _spec_of(schedule)
    times = {t for s in spans for t in _times(schedule, spec, s.first, s.last + _INSTANT)}
    from_at, to_at = min(s.first for s in spans), max(s.last for s in spans) + _INSTANT
    ordered = tuple(sorted(times))
    planned = Planned(schedule, spec, from_at, to_at, ordered, "", existing=0, spans=tuple(spans))
    return _counted(connection, planned)


def _counted(connection: Connection, planned: Planned) -> Planned:
    return replace(planned, existing=backfills.count_existing(connection, list(planned.run_ids)))


def _record(connection: Connection, planned: Planned, backfill: Backfill) -> None:
    audit.record(
        connection,
        actor=backfill.created_by,
        action="backfill",
        target=planned.address,
        details={
            "backfill": backfill.id,
            "from": backfill.from_at,
            "to": backfill.to_at,
            "times": len(planned.times),
            "max_active": backfill.max_active,
        },
    )


def _batches(
    runs: Iterable[tuple[uuid.UUID, datetime]],
) -> Iterator[list[tuple[uuid.UUID, datetime]]]:
    remaining = iter(runs)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
