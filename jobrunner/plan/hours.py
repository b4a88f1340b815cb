"""When in the day schedules start: starts by the hour, told for a day and remembered."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from jobrunner.schedule import (
    Cron,
    Every,
    Timing,
    clock_changes,
    first_instant,
    next_time,
    numbers_of,
    offset_at,
    times_between,
)

HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)
_COUNTED_MAX = 5_000
"""Of a day's starts that are told one by one. Only a rule by the second, on a day on which the clock is
changed, has more; they are left out."""


class HourStarts(NamedTuple):
    """The starts of one schedule within one hour."""

    hour: int
    """Which one: whole hours since 1970, in UTC."""
    starts: int
    minute: float
    """On average, within the hour."""


@lru_cache(maxsize=16_384)
def starts_by_hour(timing: Timing, start: datetime, end: datetime) -> tuple[HourStarts, ...]:
    """The starts of [start, end), which are whole hours in UTC; jitter is not counted in."""
    first, last = hour_of(start), hour_of(end)
    day = start.astimezone(timing.zone).date()
    found: list[HourStarts] = []
    while day <= end.astimezone(timing.zone).date():
        found += [one for one in _starts_of_day(timing, day) if first <= one.hour < last]
        day += _DAY
    return tuple(found)


def hour_of(moment: datetime) -> int:
    """Which hour a moment is in: whole hours since 1970, in UTC."""
    return int(moment.timestamp() // 3600)


@lru_cache(maxsize=65_536)
def _starts_of_day(timing: Timing, day: date) -> tuple[HourStarts, ...]:
    """Of a day of the schedule's own calendar: a page that is asked for again computes nothing."""
    starts_at = first_instant(datetime.combine(day, time()), timing.zone)
    ends_at = first_instant(datetime.combine(day + _DAY, time()), timing.zone)
    if any(first <= day <= last for first, last in timing.exclude):
        return ()
    is_whole = (timing.start_at is None or timing.start_at <= starts_at) and (
        timing.end_at is None or timing.end_at >= ends_at
    )
    match timing.rule:
        case Cron() as cron if is_whole and _is_plain(timing, starts_at, ends_at):
            return _of_cron(cron, day, starts_at)
        case Every(interval):
            return _of_interval(timing, interval, starts_at, ends_at)
        case _:
            return _counted(timing, starts_at, ends_at)


def _is_plain(timing: Timing, starts_at: datetime, ends_at: datetime) -> bool:
    """The clock is not changed on this day, and its hours are those of UTC."""
    if offset_at(starts_at, timing.zone) % HOUR:
        return False
    years = {starts_at.year, ends_at.year}
    return not any(
        starts_at < change.at < ends_at
        for year in years
        for change in clock_changes(timing.zone, year)
    )


def _of_cron(cron: Cron, day: date, starts_at: datetime) -> tuple[HourStarts, ...]:
    if not cron.days_of_month(day.year, day.month) >> day.day & 1:
        return ()
    minutes = numbers_of(cron.minutes)
    starts = len(minutes) * cron.seconds.bit_count()
    midnight = hour_of(starts_at)
    mean = sum(minutes) / len(minutes)
    return tuple(HourStarts(midnight + hour, starts, mean) for hour in numbers_of(cron.hours))


def _of_interval(
    timing: Timing, interval: timedelta, starts_at: datetime, ends_at: datetime
) -> tuple[HourStarts, ...]:
    end = ends_at if timing.end_at is None else min(ends_at, timing.end_at)
    at = next_time(timing, starts_at - _INSTANT)
    found = []
    while at is not None and at < end:
        hour = hour_of(at)
        begin = datetime.fromtimestamp(hour * 3600, UTC)
        number = -((at - min(begin + HOUR, end)) // interval)
        mean = ((at - begin) + interval * (number - 1) / 2) / timedelta(minutes=1)
        found.append(HourStarts(hour, number, mean))
        at += interval * number
    return tuple(found)


def _counted(timing: Timing, starts_at: datetime, ends_at: datetime) -> tuple[HourStarts, ...]:
    minutes: dict[int, list[float]] = {}
    for counted, at in enumerate(times_between(timing, starts_at, ends_at)):
        if counted == _COUNTED_MAX:
            break
        minutes.setdefault(hour_of(at), []).append(at.minute + at.second / 60)
    return tuple(
        HourStarts(hour, len(found), sum(found) / len(found)) for hour, found in minutes.items()
    )
