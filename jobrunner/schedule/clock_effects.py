"""What the coming changes of a zone's clock do to a cron schedule, for `plan` and `next` to show."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from jobrunner.schedule.cron import Cron
from jobrunner.schedule.days import range_with
from jobrunner.schedule.local_time import ClockChange, clock_changes
from jobrunner.schedule.rrule import Recurrence
from jobrunner.schedule.timing import Timing

_EVERY_HOUR = (1 << 24) - 1
_JUST_BEFORE = timedelta(microseconds=1)


class Effect(StrEnum):
    """What becomes of the runs whose wall-clock time is skipped or repeated."""

    MOVED = "moved"
    """Skipped by the clock; one run at the first instant after the gap makes up for them."""
    LOST = "lost"
    """Skipped by the clock, and no run in their place."""
    ONCE = "once"
    """Repeated by the clock; runs the first time round only."""
    TWICE = "twice"
    """Repeated by the clock, and runs both times round."""


@dataclass(frozen=True, slots=True)
class ClockEffect:
    """One change of the clock that matters to one schedule."""

    effect: Effect
    change: ClockChange
    zone: ZoneInfo
    wall_time: datetime
    """Naive: the first time of the schedule that is skipped or repeated."""
    is_only: bool
    """False: further times of the schedule share its fate."""

    @property
    def runs_at(self) -> datetime | None:
        """UTC: when the (first) run happens; None when it does not."""
        match self.effect:
            case Effect.MOVED:
                return self.change.at
            case Effect.LOST:
                return None
            case Effect.ONCE | Effect.TWICE:
                return self.wall_time.replace(tzinfo=self.change.at.tzinfo) - self.change.before

    def in_words(self) -> str:
        """`02:15 does not exist in Europe/Berlin on 28 Mar 2027; runs at 03:00 CEST`."""
        wall = _clock(self.wall_time)
        if not self.is_only:
            wall += " (and later)"
        happens = "does not exist" if self.change.is_gap else "comes twice"
        day = f"{self.wall_time.day} {self.wall_time:%b %Y}"
        return f"{wall} {happens} in {self.zone.key} on {day}; {self._outcome()}"

    def _outcome(self) -> str:
        match self.effect:
            case Effect.MOVED:
                local = self.change.at.astimezone(self.zone)
                return f"runs at {_clock(local)} {local:%Z}"
            case Effect.LOST:
                return "does not run then"
            case Effect.ONCE:
                return "runs the first time only"
            case Effect.TWICE:
                return "runs both times"


def clock_effects(timing: Timing, start: datetime, end: datetime) -> Iterator[ClockEffect]:
    """The effects on a schedule in [start, end), in order.

    None for rules that know no wall clock, and none for what runs in each hour of the day, by
    itself the same over any change: its runs keep their real distance.
    """
    if not isinstance(timing.rule, Cron | Recurrence):
        return
    start = max(start, timing.start_at or start)
    until = timing.rule.until_utc if isinstance(timing.rule, Recurrence) else None
    end = min(end, timing.end_at or end, until or end)
    for year in range(start.year, end.year + 1):
        for change in clock_changes(timing.zone, year):
            if start <= change.at < end and (found := _effect(timing, timing.rule, change)):
                yield found


def _effect(timing: Timing, rule: Cron | Recurrence, change: ClockChange) -> ClockEffect | None:
    first = rule.next_wall_time(change.wall_start - _JUST_BEFORE)
    if first is None or first >= change.wall_end:
        return None
    if range_with(first.date(), timing.exclude) is not None:
        return None
    effect = _effect_of(timing, change)
    if _runs_in_each_hour(rule) and _keeps_distance(rule, change, effect):
        return None
    second = rule.next_wall_time(first)
    return ClockEffect(
        effect=effect,
        change=change,
        zone=timing.zone,
        wall_time=first,
        is_only=second is None or second >= change.wall_end,
    )


def _effect_of(timing: Timing, change: ClockChange) -> Effect:
    if change.is_gap:
        return Effect.MOVED if timing.runs_after_gap else Effect.LOST
    return Effect.TWICE if timing.runs_twice else Effect.ONCE


def _runs_in_each_hour(rule: Cron | Recurrence) -> bool:
    return rule.follows_clock_changes and rule.hours == _EVERY_HOUR


def _keeps_distance(rule: Cron | Recurrence, change: ClockChange, effect: Effect) -> bool:
    """Whether a rule of each hour has its usual runs: also where the run after a gap is one of them."""
    match effect:
        case Effect.LOST | Effect.TWICE:
            return True
        case Effect.ONCE:
            return False
        case Effect.MOVED:
            return rule.next_wall_time(change.wall_end - _JUST_BEFORE) == change.wall_end


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
