"""Which scheduled times become runs and which are missed, as a pure decision (scheduling: catch-up)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jobrunner.schedule import Timing, next_time, run_at
from jobrunner.spec.models import CatchUp

SLOTS_PER_TICK_MAX = 1_000
"""Rows one schedule may get in one tick; the next tick goes on from there."""
MISSED_WALK_MAX = 10_000
"""Forgotten times that are counted one by one; a longer gap is estimated from its first part."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A span in which a job must not fire. `ended_at` None: still in force."""

    started_at: datetime
    ended_at: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Half-open, as everywhere."""
        return self.started_at <= moment and (self.ended_at is None or moment < self.ended_at)


@dataclass(frozen=True, slots=True)
class Slot:
    """A scheduled time that gets a run of its own."""

    scheduled_for: datetime
    caught_up: bool
    """Older than the grace: it runs because of the catch-up policy."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Scheduled times that get no run, in one row."""

    first: datetime
    last: datetime
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class Slots:
    """What a due schedule owes. `next_scheduled_for` None: nothing is coming any more."""

    runs: tuple[Slot, ...]
    missed: Missed | None
    next_scheduled_for: datetime | None
    next_run_at: datetime | None


@dataclass(frozen=True, slots=True)
class Owed:
    """The input of `decide_slots`: one due schedule as the database has it."""

    schedule_key: str
    timing: Timing
    next_scheduled_for: datetime
    misfire_grace: timedelta
    catch_up: CatchUp
    pauses: tuple[Pause, ...] = ()


def decide_slots(owed: Owed, now: datetime) -> Slots:
    """Divide the times that have passed into runs and missed ones (scheduling.md, catch-up).

    A slot no later than `misfire_grace` is simply late and gets its run. Older ones follow the
    policy; `latest` runs none of them when a newer slot runs anyway. While a pause is in force
    nothing runs, and slots that a pause covers are not owed at all.
    """
    passed = _walk(owed, now)
    open_slots = [s for s in passed.times if not any(p.covers(s) for p in owed.pauses)]
    fresh_from = now - owed.misfire_grace
    fresh = [s for s in open_slots if _run_at(owed, s) >= fresh_from]
    old = open_slots[: len(open_slots) - len(fresh)]
    if any(pause.covers(now) for pause in owed.pauses):
        runs: list[Slot] = []
        missed, reason = open_slots, "paused"
    else:
        caught_up = _caught_up(old, has_fresh=bool(fresh), policy=owed.catch_up, now=now)
        chosen = set(caught_up)
        runs = [Slot(s, caught_up=True) for s in caught_up] + [
            Slot(s, caught_up=False) for s in fresh
        ]
        missed, reason = [s for s in old if s not in chosen], f"catch_up: {owed.catch_up.policy}"
    next_for = passed.next_scheduled_for
    return Slots(
        runs=tuple(runs),
        missed=_missed(missed, reason, uncounted=passed.uncounted),
        next_scheduled_for=next_for,
        next_run_at=None if next_for is None else _run_at(owed, next_for),
    )


@dataclass(frozen=True, slots=True)
class _Passed:
    times: list[datetime]
    uncounted: int
    next_scheduled_for: datetime | None


def _walk(owed: Owed, now: datetime) -> _Passed:
    """The nominal times up to now. Fresh ones are bounded, a very long gap is jumped over."""
    times: list[datetime] = []
    uncounted = fresh = 0
    slot: datetime | None = owed.next_scheduled_for
    fresh_from = now - owed.misfire_grace
    while (
        slot is not None and (due_at := _run_at(owed, slot)) <= now and fresh < SLOTS_PER_TICK_MAX
    ):
        fresh += due_at >= fresh_from
        times.append(slot)
        if len(times) == MISSED_WALK_MAX and not fresh:
            landing = _jump(times, fresh_from)
            uncounted = landing.uncounted
            slot = next_time(owed.timing, landing.after)
        else:
            slot = next_time(owed.timing, slot)
    return _Passed(times, uncounted, slot)


@dataclass(frozen=True, slots=True)
class _Landing:
    after: datetime
    uncounted: int


def _jump(times: list[datetime], fresh_from: datetime) -> _Landing:
    """Where to go on so that about a thousand old slots are still seen; how many are passed over."""
    gap = (times[-1] - times[0]) / (len(times) - 1)
    after = max(times[-1], fresh_from - gap * SLOTS_PER_TICK_MAX)
    return _Landing(after, uncounted=round((after - times[-1]) / gap))


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
            return in_window[-min(policy.max or SLOTS_PER_TICK_MAX, SLOTS_PER_TICK_MAX) :]


def _missed(times: list[datetime], reason: str, *, uncounted: int) -> Missed | None:
    if not times:
        return None
    if uncounted:
        reason += "; the gap was long, the count is an estimate"
    return Missed(times[0], times[-1], len(times) + uncounted, reason)


def _run_at(owed: Owed, slot: datetime) -> datetime:
    return run_at(owed.timing, owed.schedule_key, slot)
