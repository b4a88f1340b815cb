"""What one tick does with the schedules that are due: their new rows and their next times, without I/O.

due schedule ──slots──► scheduled times ──decide_start──► rows: queued, held, skipped, missed
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from jobrunner.errors import first_line
from jobrunner.run import (
    Active,
    RunState,
    Start,
    after_start,
    decide_start,
    paused_run_id,
    scheduled_run_id,
)
from jobrunner.schedule import Timing
from jobrunner.slots import Missed, Owed, Pause, Slots, decide_slots
from jobrunner.spec.models import CatchUp, ScheduleSpec

BATCH_RUNS_MAX = 10_000
"""After an outage each schedule of a batch may owe a thousand runs: the next tick goes on from there."""


class DueSchedule(NamedTuple):
    """A schedule that is due, locked, with what dispatch needs of its job.

    This and what a tick makes of it come by the ten thousand: they are tuples, as rows are, and their
    ids text, as statements and messages want it.
    """

    id: str
    name: str
    spec_json: str
    next_scheduled_for: datetime | None
    """None: it has been spoilt by hand."""
    total_run_count: int
    job_id: str
    address: str
    namespace: str
    tags: Sequence[str]
    definition_id: int
    queue: str
    priority: int | None
    overlap: str
    catch_up_policy: str
    catch_up_window: timedelta | None
    catch_up_max: int | None
    max_concurrency: int | None
    expires: timedelta | None
    now: datetime
    """The database's clock in the statement that found it due."""
    delivery: str = "claim"
    """As in `db.tables`."""
    has_on_end: bool = False


class NewRun(NamedTuple):
    """A row to insert. `state` is queued, skipped or missed; the last two are over at once."""

    id: str
    job_id: str
    schedule_id: str
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
    missed_until: datetime | None = None
    delivery: str = "claim"
    has_on_end: bool = False
    """Its end is followed by a clean-up."""
    grows: bool = False
    """All times that one pause keeps from running are one row: where it exists, this adds to it."""


class Advance(NamedTuple):
    """What a tick did to a schedule. `fired` runs got a row; `last` is the newest of them."""

    schedule_id: str
    next_scheduled_for: datetime | None
    next_run_at: datetime | None
    last_run_at: datetime | None
    fired: int


Pauses = Mapping[tuple[str, str], tuple[Pause, ...]]
"""By scope and target."""


def decide_tick(
    due: Sequence[DueSchedule],
    active: Mapping[str, Active],
    pauses: Pauses,
    *,
    catch_up_held: str = "",
) -> "Tick":
    """The rows and next times of these schedules, in their order, up to BATCH_RUNS_MAX rows.

    `active`: the runs that are not over, of the jobs of `jobs_to_count`. `pauses`: those that were in
    force since the oldest time owed. `catch_up_held`: why nothing is to be caught up now.
    """
    tick = Tick(dict(active), pauses, catch_up_held)
    for schedule in due:
        if len(tick.rows) >= BATCH_RUNS_MAX:
            break
        tick.add(schedule)
    return tick


def jobs_to_count(due: Sequence[DueSchedule]) -> list[str]:
    """Jobs whose active runs decide something. `allow` without a limit starts whatever else there is."""
    return sorted({s.job_id for s in due if _counts(s)})


def _counts(schedule: DueSchedule) -> bool:
    return (
        schedule.overlap != "allow"
        or schedule.catch_up_policy == "all"
        or schedule.max_concurrency is not None
    )


@dataclass(slots=True)
class Tick:
    """What is decided so far, schedule by schedule."""

    active: dict[str, Active]
    pauses: Pauses
    catch_up_held: str
    rows: list[NewRun] = field(default_factory=list)
    advances: list[Advance] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    bad: list[tuple[str, str]] = field(default_factory=list)
    """Schedules that could not be decided, and why."""

    @property
    def handled(self) -> int:
        """How many schedules are decided; the rest is left to the next tick."""
        return len(self.advances) + len(self.bad)

    def add(self, schedule: DueSchedule) -> None:
        if schedule.next_scheduled_for is None:
            self.bad.append((schedule.id, _NO_TIME))
            return
        try:
            spec, timing = _read_schedule(
                schedule.spec_json, schedule.address if "H" in schedule.spec_json else ""
            )
            route = _Route(*spec.route(schedule.queue, schedule.priority))
            slots = decide_slots(
                self._owed(schedule, schedule.next_scheduled_for, spec, timing, route), schedule.now
            )
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
            self.rows.append(_new_run(schedule, route, slot.scheduled_for, trigger, start))
        self.rows += [_missed_run(schedule, route, missed) for missed in slots.missed]
        self.advances.append(_advance(schedule, slots))

    def _owed(
        self,
        schedule: DueSchedule,
        scheduled_for: datetime,
        spec: ScheduleSpec,
        timing: Timing,
        route: "_Route",
    ) -> Owed:
        runs_left = None if spec.max_runs is None else spec.max_runs - schedule.total_run_count
        return Owed(
            schedule_key=f"{schedule.address}#{schedule.name}",
            timing=timing,
            next_scheduled_for=scheduled_for,
            misfire_grace=spec.misfire_grace,
            catch_up=_catch_up(
                schedule.catch_up_policy, schedule.catch_up_window, schedule.catch_up_max
            ),
            pauses=_pauses_of(schedule, route.queue, self.pauses),
            runs_left=runs_left,
            catch_up_held=self.catch_up_held,
        )

    def _start(self, schedule: DueSchedule, *, in_order: bool, is_newest: bool) -> Start:
        active = self.active.get(schedule.job_id, _NOBODY)
        start = decide_start(schedule.overlap, active, in_order=in_order, is_newest=is_newest)
        self.active[schedule.job_id] = after_start(active, start)
        if start.is_replacing:
            self.replaced.add(schedule.job_id)
            self.rows = [
                _replaced(row) if row.job_id == schedule.job_id else row for row in self.rows
            ]
        return start


class _Route(NamedTuple):
    """Where the runs of a schedule go: its own queue and priority, or its job's."""

    queue: str
    priority: int | None


@lru_cache(maxsize=4_096)
def _read_schedule(spec_json: str, address: str) -> tuple[ScheduleSpec, Timing]:
    """Parsing is by far the dearest part of a slot; most schedules share a few texts.

    Only `H` asks for the address: without it all jobs with this text share one.
    """
    spec = ScheduleSpec.model_validate_json(spec_json)
    return spec, spec.timing(address)


@lru_cache(maxsize=256)
def _catch_up(policy: str, window: object, most: int | None) -> CatchUp:
    return CatchUp.model_validate({"policy": policy, "window": window, "max": most})


_NO_TIME = "its next time is missing or out of range; another timing in the files mends it"
_NOBODY = Active()
_WHY_SKIPPED = {
    Start.SKIP: "the previous run was not over (overlap: skip)",
    Start.GIVE_WAY: "a later time was due as well and runs in its place (overlap: skip)",
}


def _new_run(
    schedule: DueSchedule, route: _Route, scheduled_for: datetime, trigger: str, start: Start
) -> NewRun:
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
        queue=route.queue,
        priority=route.priority,
        expires_at=None if schedule.expires is None else expires_from + schedule.expires,
        error=_WHY_SKIPPED[start] if start.is_skipped else None,
        delivery=schedule.delivery,
        has_on_end=schedule.has_on_end,
    )


def _missed_run(schedule: DueSchedule, route: _Route, missed: Missed) -> NewRun:
    pause = missed.pause
    return NewRun(
        id=scheduled_run_id(schedule.id, missed.first)
        if pause is None
        else paused_run_id(schedule.id, pause.started_at),
        job_id=schedule.job_id,
        schedule_id=schedule.id,
        definition_id=schedule.definition_id,
        # What is held back waits for somebody to catch it up; the rest is over.
        trigger="catch_up" if missed.is_held_back else "schedule",
        scheduled_for=missed.first,
        state=RunState.MISSED,
        held=False,
        queue=route.queue,
        priority=route.priority,
        expires_at=None,
        error=missed.reason,
        missed_count=missed.count,
        missed_until=missed.last,
        grows=pause is not None,
    )


def _replaced(row: NewRun) -> NewRun:
    """A row of this very tick that a later slot replaces: it ends as it would have a moment later."""
    if row.state != RunState.QUEUED:
        return row
    return row._replace(state=RunState.CANCELLED, held=False, error="replaced by a newer run")


def _advance(schedule: DueSchedule, slots: Slots) -> Advance:
    return Advance(
        schedule_id=schedule.id,
        next_scheduled_for=slots.next_scheduled_for,
        next_run_at=slots.next_run_at,
        last_run_at=slots.runs[-1].scheduled_for if slots.runs else None,
        fired=len(slots.runs),
    )


def _pauses_of(schedule: DueSchedule, queue: str, pauses: Pauses) -> tuple[Pause, ...]:
    if not pauses:
        return ()
    scopes = [("job", schedule.address), ("namespace", schedule.namespace), ("queue", queue)]
    scopes += [("tag", tag) for tag in schedule.tags]
    return tuple(pause for scope in scopes for pause in pauses.get(scope, ()))
