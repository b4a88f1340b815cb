"""What the wall clock of a zone shows when, by asking it about each single time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@dataclass
class Clock:
    """A zone's, and what becomes of the times that it skips or repeats."""

    zone: ZoneInfo
    runs_after_gap: bool
    runs_twice: bool
    _steady: dict[date, timedelta | None] = field(default_factory=dict)
    """By day: its offset from UTC, or None where the clock is changed on it or beside it."""

    def local_day(self, instant: datetime) -> date:
        """The date that the clock shows."""
        return instant.astimezone(self.zone).date()

    def instants(self, day: date, times: Iterable[timedelta]) -> Iterator[datetime]:
        """When times of this day, as distances from midnight, are due; UTC, in no order."""
        midnight = datetime.combine(day, time(), tzinfo=UTC)
        offset = self._steady_offset(day)
        for distance in times:
            if offset is not None:
                yield midnight + distance - offset
            else:
                yield from self._asked((midnight + distance).replace(tzinfo=None))

    def _steady_offset(self, day: date) -> timedelta | None:
        if day not in self._steady:
            start = datetime.combine(day - _DAY, time(), tzinfo=UTC)
            hours = {self._offset(start + timedelta(hours=n)) for n in range(24 * 3 + 1)}
            self._steady[day] = hours.pop() if len(hours) == 1 else None
        return self._steady[day]

    def _asked(self, wall: datetime) -> list[datetime]:
        """The instants of a wall-clock time that may be skipped or repeated."""
        readings = {wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        shown = sorted(instant for instant in readings if self._shows(instant) == wall)
        if shown:
            return shown if self.runs_twice else shown[:1]
        return [self._end_of_gap(wall, min(readings))] if self.runs_after_gap else []

    def _end_of_gap(self, wall: datetime, before: datetime) -> datetime:
        """Minute by minute, until the clock shows a later time. `before` is before the gap's end."""
        instant = before.replace(second=0)
        while self._shows(instant) < wall:
            instant += _MINUTE
        return instant

    def _shows(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def _offset(self, instant: datetime) -> timedelta:
        return instant.astimezone(self.zone).utcoffset() or timedelta(0)
