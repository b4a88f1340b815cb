"""What the wall clock of a zone shows when, by asking it about each single time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Clock:
    """A zone's, and what becomes of the times that it skips or repeats."""

    zone: ZoneInfo
    runs_after_gap: bool
    runs_twice: bool

    def local_day(self, instant: datetime) -> date:
        """The date that the clock shows."""
        return instant.astimezone(self.zone).date()

    def instants(self, day: date, times: Iterable[timedelta]) -> Iterator[datetime]:
        """When times of this day, as distances from midnight, are due; UTC, in no order."""
        midnight = datetime.combine(day, time(), tzinfo=UTC)
        offset = _steady_offset(self.zone, day)
        for distance in times:
            if offset is not None:
                yield midnight + distance - offset
            else:
                yield from self._asked((midnight + distance).replace(tzinfo=None))

    def _asked(self, wall: datetime) -> tuple[datetime, ...]:
        """The instants of a wall-clock time that may be skipped or repeated."""
        shown = _instants_shown(self.zone, wall)
        if shown:
            return shown if self.runs_twice else shown[:1]
        return (_end_of_gap(self.zone, wall),) if self.runs_after_gap else ()


# What a clock shows is asked once for all schedules of its zone: an import has hundreds of them.


@lru_cache(maxsize=4096)
def _steady_offset(zone: ZoneInfo, day: date) -> timedelta | None:
    """From UTC; None where the clock is changed on this day or beside it."""
    start = datetime.combine(day - _DAY, time(), tzinfo=UTC)
    hours = {_offset(start + timedelta(hours=n), zone) for n in range(24 * 3 + 1)}
    return hours.pop() if len(hours) == 1 else None


@lru_cache(maxsize=16384)
def _instants_shown(zone: ZoneInfo, wall: datetime) -> tuple[datetime, ...]:
    """When the clock shows this time: none, one or two, in order."""
    return tuple(sorted(one for one in _readings(zone, wall) if _shown(one, zone) == wall))


def _readings(zone: ZoneInfo, wall: datetime) -> set[datetime]:
    """With the offset before a change, and with that behind it."""
    return {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}


def _end_of_gap(zone: ZoneInfo, wall: datetime) -> datetime:
    """Minute by minute from before the gap's end, until the clock shows a later time."""
    instant = min(_readings(zone, wall)).replace(second=0)
    while _shown(instant, zone) < wall:
        instant += _MINUTE
    return instant


def _shown(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)
