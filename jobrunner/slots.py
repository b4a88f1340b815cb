"""Which scheduled times become runs and which are missed, as a pure decision (scheduling: catch-up)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from jobrunner.schedule import Timing, next_time, run_at
from jobrunner.spec.models import CatchUp

SLOTS_PER_TICK_MAX = 1_000
"""Rows one schedule may get in one tick; the next tick goes on from there."""
CATCH_UP_MAX = 1_000
"""More overdue times than these are started only when somebody asks for it: a restored backup looks
like a scheduler that was down for weeks."""
MISSED_WALK_MAX = 10_000
"""Forgotten times that are counted one by one; a longer gap is estimated from its first part."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A span in which a job must not fire. `ended_at` None: still in force."""

    started_at: datetime
    ended_at: datetime | None = None
    paused_by: str = ""
    reason: str = ""

    def covers(self, moment: datetime) -> bool:
        """Half-open, as everywhere."""
        return self.started_at <= moment and (self.ended_at is None or moment < self.ended_at)

    def __str__(self) -> str:
        by = f" by {self.paused_by}" if self.paused_by else ""
        return f"paused{by}" + (f": {self.reason}" if self.reason else "")


class Slot(NamedTuple):
    """A scheduled time that gets a run of its own."""

    scheduled_for: datetime
    caught_up: bool
    """Older than the grace: it runs because of the catch-up policy."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Scheduled times, one after the other, that get no run, in one row."""

    first: datetime
    last: datetime
    count: int
    reason: str
    pause: Pause | None = None
    """The one that kept them from running: its later times belong to the same row."""
    is_held_back: bool = False
    """The catch-up policy would run them; somebody has to ask for it."""


class Slots(NamedTuple):
    """What a due schedule owes. `next_scheduled_for` None: nothing is coming any more."""

    runs: tuple[Slot, ...]
    missed: tuple[Missed, ...]
    next_scheduled_for: datetime | None
    next_run_at: datetime | None


class Owed(NamedTuple):
    """The input of `decide_slots`: one due schedule as the database has it."""

    schedule_key: str
    """`namespace/job#schedule`."""
    timing: Timing
    next_scheduled_for: datetime
    misfire_grace: timedelta
    catch_up: CatchUp
    pauses: tuple[Pause, ...] = ()
    runs_left: int | None = None
    """Of `max_runs`; None: any number."""
    catch_up_held: str = ""
    """Why nothing may be caught up now; '' when it may."""


def decide_slots(owed: Owed, now: datetime) -> Slots:
    """Divide the times that have passed into runs and missed ones (scheduling.md, catch-up).

    A slot no later than `misfire_grace` is simply late and gets its run. Older ones follow the
    policy; `latest` runs none of them when a newer slot runs anyway. While a pause is in force
    nothing runs, and what a pause has covered never does. After the last of `max_runs` no time is
    owed at all.
    """
    if owed.runs_left is not None and owed.runs_left <= 0:
        return Slots((), (), None, None)
    return _only_one(owed, now) or _decide(owed, now)


def _only_one(owed: Owed, now: datetime) -> Slots | None:
    """Nearly always one time has passed, a moment ago, and nothing stands in its way: the short way."""
    if owed.pauses or owed.runs_left is not None:
        return None
    slot = owed.next_scheduled_for
    if not now - owed.misfire_grace <= _run_at(owed, slot) <= now:
        return None
    following = next_time(owed.timing, slot)
    if following is None:
        return Slots((Slot(slot, caught_up=False),), (), None, None)
    due_at = _run_at(owed, following)
    if due_at <= now:
        return None
    return Slots((Slot(slot, caught_up=False),), (), following, due_at)


def _decide(owed: Owed, now: datetime) -> Slots:
    passed = _walk(owed, now)
    chosen = _choose(owed, passed, now)
    runs = chosen.runs[: owed.runs_left]
    if owed.runs_left == len(runs):
        times = [slot for slot in passed.times if slot <= runs[-1].scheduled_for]
        return Slots(runs, _missed(passed, times, runs, chosen), None, None)
    missed = () if len(runs) == len(passed.times) else _missed(passed, passed.times, runs, chosen)
    next_for = passed.next_scheduled_for
    return Slots(runs, missed, next_for, None if next_for is None else _run_at(owed, next_for))


@dataclass(frozen=True, slots=True)
class _Passed:
    times: list[datetime]
    next_scheduled_for: datetime | None
    jumped_after: datetime | None = None
    """The last time before a part of the gap that was not walked."""
    uncounted: int = 0
    """About so many times are in that part."""


def _walk(owed: Owed, now: datetime) -> _Passed:
    """The nominal times up to now. Fresh ones are bounded, a very long gap is jumped over."""
    times: list[datetime] = []
    fresh = uncounted = 0
    jumped_after: datetime | None = None
    slot: datetime | None = owed.next_scheduled_for
    fresh_from = now - owed.misfire_grace
    while (
        slot is not None and (due_at := _run_at(owed, slot)) <= now and fresh < SLOTS_PER_TICK_MAX
    ):
        fresh += due_at >= fresh_from
        times.append(slot)
        if len(times) == MISSED_WALK_MAX and not fresh:
            landing = _jump(times, fresh_from)
            jumped_after, uncounted = slot, landing.uncounted
            slot = next_time(owed.timing, landing.after)
        else:
            slot = next_time(owed.timing, slot)
    return _Passed(times, slot, jumped_after, uncounted)


@dataclass(frozen=True, slots=True)
class _Landing:
    after: datetime
    uncounted: int


def _jump(times: list[datetime], fresh_from: datetime) -> _Landing:
    """Where to go on: enough old slots are still seen to tell more than CATCH_UP_MAX from fewer."""
    gap = (times[-1] - times[0]) / (len(times) - 1)
    after = max(times[-1], fresh_from - gap * CATCH_UP_MAX * 2)
    return _Landing(after, uncounted=round((after - times[-1]) / gap))


@dataclass(frozen=True, slots=True)
class _Cause:
    """Why a time gets no run."""

    reason: str
    pause: Pause | None = None
    is_held_back: bool = False


@dataclass(frozen=True, slots=True)
class _Chosen:
    runs: tuple[Slot, ...]
    causes: Mapping[datetime, _Cause]
    """Of the times that are missed for another reason than the policy."""
    policy: _Cause


def _choose(owed: Owed, passed: _Passed, now: datetime) -> _Chosen:
    """Which times run, and why the others do not."""
    policy = _Cause(f"catch_up: {owed.catch_up.policy}")
    causes = _paused(owed.pauses, passed.times, now)
    open_times = [slot for slot in passed.times if slot not in causes] if causes else passed.times
    fresh_from = now - owed.misfire_grace
    fresh = [Slot(s, caught_up=False) for s in open_times if _run_at(owed, s) >= fresh_from]
    old = open_times[: len(open_times) - len(fresh)]
    if not old:
        return _Chosen(tuple(fresh), causes, policy)
    overdue = _caught_up(old, has_fresh=bool(fresh), policy=owed.catch_up, now=now)
    why_held = _why_held(owed, passed, overdue)
    if why_held:
        causes |= dict.fromkeys(overdue, _Cause(why_held, is_held_back=True))
        return _Chosen(tuple(fresh), causes, policy)
    return _Chosen((*(Slot(s, caught_up=True) for s in overdue), *fresh), causes, policy)


def _paused(
    pauses: Sequence[Pause], times: Sequence[datetime], now: datetime
) -> dict[datetime, _Cause]:
    """The times that a pause covers; one that is in force keeps back all that came before it, too."""
    if not pauses:
        return {}
    in_force = next((pause for pause in pauses if pause.covers(now)), None)
    found = {
        slot: next((pause for pause in pauses if pause.covers(slot)), in_force) for slot in times
    }
    return {slot: _Cause(str(pause), pause) for slot, pause in found.items() if pause is not None}


def _caught_up(
    old: list[datetime], *, has_fresh: bool, policy: CatchUp, now: datetime
) -> list[datetime]:
    in_window = [s for s in old if policy.window is None or now - s <= policy.window]
    match policy.policy:
        case "skip":
            return []
        case "latest":
            return [] if has_fresh else in_window[-1:]
        case "all":
            return in_window if policy.max is None else in_window[-policy.max :]


def _why_held(owed: Owed, passed: _Passed, overdue: Sequence[datetime]) -> str:
    """Why these are not caught up by themselves, and what runs them; '' when they are."""
    if not overdue:
        return ""
    address = owed.schedule_key.partition("#")[0]
    told = owed.catch_up_held
    if not told and len(overdue) > CATCH_UP_MAX:
        number = len(overdue) + (passed.uncounted if overdue[0] <= passed.times[0] else 0)
        told = f"{number:,} times are overdue, more than {CATCH_UP_MAX:,}"
    return told and f"{told}: `jobrunner resume {address} --catch-up` runs them"


def _missed(
    passed: _Passed, times: Sequence[datetime], runs: Sequence[Slot], chosen: _Chosen
) -> tuple[Missed, ...]:
    """One for each stretch of times that have the same cause."""
    started = {slot.scheduled_for for slot in runs}
    without_run = [
        (slot, None if slot in started else chosen.causes.get(slot, chosen.policy))
        for slot in times
    ]
    return tuple(
        _stretch(passed, [slot for slot, _ in stretch], cause)
        for cause, stretch in groupby(without_run, key=itemgetter(1))
        if cause is not None
    )


def _stretch(passed: _Passed, times: Sequence[datetime], cause: _Cause) -> Missed:
    count, reason = len(times), cause.reason
    if passed.jumped_after is not None and times[0] <= passed.jumped_after <= times[-1]:
        count += passed.uncounted
        reason += "; the gap was long, the count is an estimate"
    return Missed(times[0], times[-1], count, reason, cause.pause, cause.is_held_back)


def _run_at(owed: Owed, slot: datetime) -> datetime:
    return run_at(owed.timing, owed.schedule_key, slot)
