"""When a schedule is due, worked out slowly and without the product's own arithmetic.

cronsim and dateutil tell what a clock without changes would show; the rules for the changes of the
real one are written out here once more, a minute at a time.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim
from dateutil.rrule import rrulestr

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NONE = timedelta(0)
_MINUTE = timedelta(minutes=1)
_SHORT_REACH, _LONG_REACH = timedelta(hours=3), timedelta(hours=27)
"""More than any repeated time, and more than any skipped one: Samoa left out a day."""


@dataclass(frozen=True)
class Schedule:
    """What decides when a schedule is due. Exactly one of `every`, `cron`, `at` and `rrule` is given."""

    every: timedelta | None = None
    anchor: datetime = EPOCH
    cron: str = ""
    at: tuple[datetime, ...] = ()
    rrule: str = ""
    dtstart: datetime = datetime(2015, 1, 1, 9)  # noqa: DTZ001  what the clock shows
    timezone: str = "UTC"
    start_at: datetime | None = None
    end_at: datetime | None = None
    exclude: tuple[tuple[date, date], ...] = ()
    """First and last day of each span."""
    gap: str | None = None
    overlap: str | None = None
    jitter: timedelta = NONE

    @property
    def fields(self) -> dict[str, object]:
        """The same as a user writes it."""
        fields: dict[str, object] = {"timezone": self.timezone}
        if self.every is not None:
            fields |= {"every": _seconds(self.every), "anchor": self.anchor.isoformat()}
        if self.cron:
            fields["cron"] = self.cron
        if self.at:
            fields["at"] = [instant.isoformat() for instant in self.at]
        if self.rrule:
            fields |= {"rrule": self.rrule, "dtstart": self.dtstart.isoformat()}
        if self.start_at is not None:
            fields["start_at"] = self.start_at.isoformat()
        if self.end_at is not None:
            fields["end_at"] = self.end_at.isoformat()
        if self.exclude:
            fields["exclude"] = [f"{first}/{last}" for first, last in self.exclude]
        if self.gap or self.overlap:
            fields["dst"] = {"gap": self.gap, "overlap": self.overlap}
        if self.jitter:
            fields["jitter"] = _seconds(self.jitter)
        return fields


@dataclass(frozen=True, order=True)
class Due:
    """A time that is owed: its nominal time, and the same plus jitter."""

    nominal: datetime
    run_at: datetime


def due_after(schedule: Schedule, key: str, after: datetime) -> Iterator[Due]:
    """The times whose nominal time is after, in order. `key` is `namespace/job#schedule`."""
    for nominal, following in itertools.pairwise(
        itertools.chain(nominal_after(schedule, after), [None])
    ):
        assert nominal is not None
        yield Due(nominal, nominal + _delay(schedule, key, nominal, following))


def nominal_after(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """The nominal times after, in order, without an end for most; found a year at a time."""
    for year in range(after.year, 2100):
        yield from (found for found in _of_year(schedule, year) if found > after)


def _delay(
    schedule: Schedule, key: str, nominal: datetime, following: datetime | None
) -> timedelta:
    """A share of the jitter, or of the gap to the next time when that is shorter, by a hash."""
    room = schedule.jitter if following is None else min(schedule.jitter, following - nominal)
    hashed = blake2b(f"{key}\0{nominal.timestamp():.6f}".encode(), digest_size=8).digest()
    microseconds = room // timedelta(microseconds=1)
    return timedelta(microseconds=microseconds * int.from_bytes(hashed, "big") // 2**64)


@lru_cache(maxsize=4_096)
def _of_year(schedule: Schedule, year: int) -> tuple[datetime, ...]:
    start = max(datetime(year, 1, 1, tzinfo=UTC), schedule.start_at or EPOCH)
    next_year = datetime(year + 1, 1, 1, tzinfo=UTC)
    end = min(next_year, schedule.end_at or next_year)
    if start >= end:
        return ()
    found = {at for at in _of_rule(schedule, start, end) if start <= at < end}
    return tuple(sorted(at for at in found if not _is_excluded(schedule, at)))


def _is_excluded(schedule: Schedule, at: datetime) -> bool:
    day = at.astimezone(ZoneInfo(schedule.timezone)).date()
    return any(first <= day <= last for first, last in schedule.exclude)


def _of_rule(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    if schedule.every is not None:
        yield from _multiples(schedule.every, schedule.anchor, start, end)
    elif schedule.at:
        yield from schedule.at
    else:
        yield from _shown_times(schedule, start, end)


def _shown_times(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """What the clock of the zone makes of the rule: one instant for each match, or two, or none."""
    zone = ZoneInfo(schedule.timezone)
    follows_clock = bool(schedule.cron) and _has_open_hours(schedule.cron)
    gap = schedule.gap or ("skip" if follows_clock else "run_after")
    overlap = schedule.overlap or ("both" if follows_clock else "first")
    reach = _SHORT_REACH if gap == "skip" else _LONG_REACH
    first = start.astimezone(zone).replace(tzinfo=None) - reach
    last = end.astimezone(zone).replace(tzinfo=None) + reach
    for wall in _walls(schedule, first, last):
        shown = _shown(wall, zone)
        if shown:
            yield from shown if overlap == "both" else shown[:1]
        elif gap == "run_after":
            yield _end_of_gap(wall, zone)


def _walls(schedule: Schedule, first: datetime, last: datetime) -> Iterable[datetime]:
    """What a clock without changes would show when the rule matches."""
    if schedule.cron:
        return takewhile(lambda wall: wall <= last, CronSim(schedule.cron, first))
    return rrulestr(schedule.rrule, dtstart=schedule.dtstart).between(first, last)


def _multiples(
    every: timedelta, anchor: datetime, start: datetime, end: datetime
) -> Iterator[datetime]:
    number = -((anchor - start) // every)
    while (found := anchor + number * every) < end:
        yield found
        number += 1


def _has_open_hours(cron: str) -> bool:
    """Debian's cron: such a time is due whenever the clock shows it; all others once a day."""
    fields = cron.split()
    return len(fields) == 6 or fields[0].startswith("*") or fields[1].startswith("*")


def _shown(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants at which the clock shows this."""
    both = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(at for at in both if at.astimezone(zone).replace(tzinfo=None, fold=0) == wall)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first minute that shows more than a time which the clock never shows."""
    at = min(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    at = at.replace(second=0, microsecond=0) - _MINUTE
    while at.astimezone(zone).replace(tzinfo=None) <= wall:
        at += _MINUTE
    return at


def _seconds(span: timedelta) -> str:
    return f"{span // timedelta(milliseconds=1)}ms"
