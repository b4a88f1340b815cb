"""Time zones: where the wall clock jumps, and which instant a wall-clock time means."""

import re
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo

from jobrunner.schedule.errors import ScheduleError

_PROBE = timedelta(days=6)
"""Shorter than any stretch between two changes of an offset (the shortest since 1970, in the north
of Brazil in October 2000, is a week), so probing at this distance sees each of them."""

_LONGEST_CHANGE = timedelta(days=1)
"""Where the date line was moved."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH = _EPOCH.replace(tzinfo=None)

_LETTERS_TOO_MANY = 4
"""Or too few, in a name that is still the one that was meant."""
_LIKENESS = 0.75

_ABBREVIATION = re.compile("[A-Za-z]{1,5}")
_OFFSET = re.compile("[A-Za-z]{0,5} ?[+-]?[0-9][0-9:]*")

# What else lies in the folders of the zones. `right/` counts leap seconds, which no other clock here does,
# `posix/` has each zone a second time, and the others are whatever zone the machine is in, or none.
_NO_NAMES = frozenset({"localtime", "posixrules", "factory"})
_NO_NAME_BEFORE = re.compile("(?:right|posix)/", re.IGNORECASE)


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

    @property
    def fresh_from(self) -> datetime:
        """Aware, UTC: from here on the clock shows what it has not shown before the change."""
        return self.at if self.is_gap else self.at + (self.before - self.after)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the clock of a zone runs evenly: up to its next change, or the next year."""

    zero_at: datetime
    """Aware, UTC: when the clock would have shown 1970-01-01 00:00, had it always run as here."""
    ends_at: datetime
    """Aware, UTC, exclusive."""
    opened_by: ClockChange | None
    """The change with which it begins."""
    fresh_from: datetime
    """Aware, UTC: from here on the clock shows what it has not shown before that change."""

    def wall_time(self, instant: datetime) -> datetime:
        """Naive: what the clock shows. Sums of differences: `replace` would take four times as long."""
        return _WALL_EPOCH + (instant - self.zero_at)

    def instant(self, wall: datetime) -> datetime:
        """UTC: when the clock shows this, if that is within the stretch."""
        return self.zero_at + (wall - _WALL_EPOCH)


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ScheduleError with the nearest name that exists."""
    if _may_be_zone(name):
        try:
            return ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass  # a name that does not exist, that is no name at all, or that is a folder of names
    message = f"{name!r} is no time zone; {_advice(name)}"
    raise ScheduleError(message, offset=0, width=max(len(name), 1))


def _may_be_zone(name: str) -> bool:
    """False: there may be such a file, and it is no zone of IANA's."""
    return name.lower() not in _NO_NAMES and not _NO_NAME_BEFORE.match(name)


def _advice(name: str) -> str:
    """A city alone is enough to know what is meant; letters such as CEST and IST are not."""
    bare = _NO_NAME_BEFORE.sub("", name.strip())
    meant = bare.lower().replace(" ", "_")
    known = _known_zones()
    exact = meant if meant in known else _zones_of_cities().get(meant)
    if exact is None and _OFFSET.fullmatch(bare):
        return "offsets are no time zones; write for example 'Europe/Berlin'"
    if exact is None and _ABBREVIATION.fullmatch(bare):
        return "abbreviations are no time zones; write for example 'Europe/Berlin'"
    close = (
        [exact] if exact else get_close_matches(meant, _alike(meant, known), n=1, cutoff=_LIKENESS)
    )
    return f"did you mean '{known[close[0]]}'?" if close else "write a name such as 'Europe/Berlin'"


@lru_cache(maxsize=1)
def _known_zones() -> dict[str, str]:
    """Names in small letters → names, in order. To list them is to walk through hundreds of files."""
    zones = sorted(zoneinfo.available_timezones())
    return {zone.lower(): zone for zone in zones if _may_be_zone(zone)}


@lru_cache(maxsize=1)
def _zones_of_cities() -> dict[str, str]:
    """Both in small letters; of two cities with one name the first zone's. Not the offsets below `Etc/`:
    `Etc/GMT+1` is an hour behind UTC, and who writes `GMT+1` means an hour ahead of it.
    """
    return {
        city: zone
        for zone in reversed(_known_zones())
        if "/" in zone and not _OFFSET.fullmatch(city := zone.rpartition("/")[2])
    }


def _alike(meant: str, known: Iterable[str]) -> list[str]:
    """The few for which it is worth to count letters: a slip hardly ever changes the first one."""
    return [
        zone
        for zone in known
        if zone[0] == meant[:1] and abs(len(zone) - len(meant)) <= _LETTERS_TOO_MANY
    ]


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


def stretch_at(instant: datetime, zone: ZoneInfo) -> Stretch:
    """The stretch that holds this instant."""
    stretches = _stretches(zone, instant.year)
    for stretch in stretches:
        if instant < stretch.ends_at:
            break
    return stretch


@lru_cache(maxsize=8192)
def _stretches(zone: ZoneInfo, year: int) -> tuple[Stretch, ...]:
    """Those of a year (of UTC), in order."""
    starts_at = datetime(year, 1, 1, tzinfo=UTC)
    opened_by = _change_before(starts_at, zone)
    found = []
    for change in (*clock_changes(zone, year), None):
        ends_at = datetime(year + 1, 1, 1, tzinfo=UTC) if change is None else change.at
        zero_at = _EPOCH - offset_at(starts_at, zone)
        fresh_from = starts_at if opened_by is None else opened_by.fresh_from
        found.append(Stretch(zero_at, ends_at, opened_by, fresh_from))
        starts_at, opened_by = ends_at, change
    return tuple(found)


def _change_before(instant: datetime, zone: ZoneInfo) -> ClockChange | None:
    """A change so near that the clock may still repeat what it has shown before it."""
    if offset_at(instant - _LONGEST_CHANGE, zone) == offset_at(instant, zone):
        return None
    return clock_changes(zone, instant.year - 1)[-1]


@lru_cache(maxsize=8192)
def clock_changes(zone: ZoneInfo, year: int) -> tuple[ClockChange, ...]:
    """All changes within a year (of UTC), in order."""
    changes = []
    # From the last second of the year before, or a change at the stroke of the year would be lost.
    start = datetime(year, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    end = datetime(year + 1, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    before = offset_at(start, zone)
    while start < end:
        probe = min(start + _PROBE, end)
        after = offset_at(probe, zone)
        if before != after:
            changes.append(ClockChange(_change_between(start, probe, zone), before, after))
        start, before = probe, after
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
