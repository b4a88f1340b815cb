"""Time zones: where the wall clock jumps, and which instant a wall-clock time means."""

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo

from jobrunner.schedule.errors import ScheduleError

_PROBE = timedelta(days=4)
"""Shorter than any stretch between two changes of an offset (the shortest, in Morocco's month of
fasting, is over three weeks), so probing at this distance sees each of them."""


_ABBREVIATION = re.compile("[A-Za-z]{1,5}")
_OFFSET = re.compile("[A-Za-z]{0,5} ?[+-]?[0-9][0-9:]*")


@dataclass(frozen=True, slots=True)
class ClockChange:
    """An instant at which a zone's offset from UTC changes."""

    at: datetime
    """Aware, UTC: the first instant with the new offset."""
    before: timedelta
    after: timedelta

    @property
    def is_gap(self) -> bool:
        """True: wall-clock times are skipped; False: they are repeated."""
        return self.after > self.before

    @property
    def wall_start(self) -> datetime:
        """Naive: the first wall-clock time that is skipped or repeated."""
        return _naive(self.at) + min(self.before, self.after)

    @property
    def wall_end(self) -> datetime:
        """Naive: the first wall-clock time that is neither skipped nor repeated any more."""
        return _naive(self.at) + max(self.before, self.after)


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ScheduleError with the nearest name that exists."""
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass  # a name that does not exist, that is no name at all, or that is a folder of names
    message = f"{name!r} is no time zone; {_advice(name)}"
    raise ScheduleError(message, offset=0, width=max(len(name), 1))


def _advice(name: str) -> str:
    """A city alone is enough to know what is meant; letters such as CEST and IST are not."""
    meant = name.strip().lower().replace(" ", "_")
    known = {zone.lower(): zone for zone in sorted(zoneinfo.available_timezones())}
    cities = {zone.rpartition("/")[2]: zone for zone in reversed(known) if "/" in zone}
    exact = meant if meant in known else cities.get(meant)
    if exact is None and _OFFSET.fullmatch(name):
        return "offsets are no time zones; write for example 'Europe/Berlin'"
    if exact is None and _ABBREVIATION.fullmatch(name):
        return "abbreviations are no time zones; write for example 'Europe/Berlin'"
    close = [exact] if exact else get_close_matches(meant, known, n=1)
    return f"did you mean '{known[close[0]]}'?" if close else "write a name such as 'Europe/Berlin'"


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """UTC instant at which the clock first shows this naive time, or has first jumped over it."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    # A skipped time is read with the offset from before the gap and lands behind its end, by less
    # than the gap's length: the change is the last one up to there.
    return max(
        change.at
        for year in (instant.year - 1, instant.year)
        for change in clock_changes(zone, year)
        if change.at <= instant
    )


@lru_cache(maxsize=8192)
def clock_changes(zone: ZoneInfo, year: int) -> tuple[ClockChange, ...]:
    """All changes within a year (of UTC), in order."""
    changes = []
    # From the last second of the year before, or a change at the stroke of the year would be lost.
    start = datetime(year, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    end = datetime(year + 1, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    while start < end:
        probe = min(start + _PROBE, end)
        before, after = offset_at(start, zone), offset_at(probe, zone)
        if before != after:
            changes.append(ClockChange(_change_between(start, probe, zone), before, after))
        start = probe
    return tuple(changes)


def offset_at(instant: datetime, zone: ZoneInfo) -> timedelta:
    """The zone's offset from UTC at an aware instant."""
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _change_between(start: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """The first whole second in (start, end] at which the offset is no longer that of start."""
    before = offset_at(start, zone)
    low, high = 0, round((end - start).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(start + timedelta(seconds=middle), zone) == before:
            low = middle
        else:
            high = middle
    return start + timedelta(seconds=high)


def _naive(instant: datetime) -> datetime:
    return instant.replace(tzinfo=None)
