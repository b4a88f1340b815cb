"""What the coming changes of a zone's clock do to a cron schedule, for `plan` and `next` to show."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from jobrunner.schedule.cron import Cron
from jobrunner.schedule.local_time import ClockChange, clock_changes
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

    None for `every` and `at`, which know no wall clock, and none for a cron that runs in each
    hour of the day: its runs keep their real distance over any change.
    """
    cron = timing.rule
    if not isinstance(cron, Cron) or (cron.follows_clock_changes and cron.hours == _EVERY_HOUR):
        return
    start = max(start, timing.start_at or start)
    end = min(end, timing.end_at or end)
    for year in range(start.year, end.year + 1):
        for change in clock_changes(timing.zone, year):
            if start <= change.at < end and (found := _effect(cron, timing.zone, change)):
                yield found


def _effect(cron: Cron, zone: ZoneInfo, change: ClockChange) -> ClockEffect | None:
    first = cron.next_wall_time(change.wall_start - _JUST_BEFORE)
    if first is None or first >= change.wall_end:
        return None
    second = cron.next_wall_time(first)
    if change.is_gap:
        effect = Effect.LOST if cron.follows_clock_changes else Effect.MOVED
    else:
        effect = Effect.TWICE if cron.follows_clock_changes else Effect.ONCE
    return ClockEffect(
        effect=effect,
        change=change,
        zone=zone,
        wall_time=first,
        is_only=second is None or second >= change.wall_end,
    )


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
