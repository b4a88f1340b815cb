"""A cron expression as a value, and its matches on the wall clock.

Sets of numbers are bit masks: bit n stands for the number n. What the wall clock means as an
instant (daylight saving time) is the business of `local_time`, not of this file.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

LAST_WEEK = 6
"""The n of a `WeekdayInMonth` that means the last one; 1 to 5 count from the first."""

EVERY_WEEKDAY = 0b111_1111

LAST_YEAR = 9998
"""No schedule runs later: one short of what `datetime` holds, so no zone carries a match beyond."""

_SECOND = timedelta(seconds=1)
_IN_EVERY_MONTH = (1 << 29) - 2
"""The days 1 to 28."""
_MONTH_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class WeekdayInMonth:
    """`5#2`, the second Friday, or `5L`, the last one (`nth` = LAST_WEEK)."""

    weekday: int
    """0 is Sunday, as in cron."""
    nth: int


@dataclass(frozen=True, slots=True)
class Cron:
    """What an expression means. Made by `parse_cron`, which refuses one that can never match."""

    text: str
    """As it was written; equality of two values includes it."""
    fields: tuple[str, ...]
    """Six, seconds first, in capitals; macros are written out."""
    seconds: int
    minutes: int
    hours: int
    days: int
    months: int
    weekdays: int
    """Bits 0 (Sunday) to 6."""
    days_before_last: int = 0
    """Bit 0 is `L`, bit 3 is `L-3`."""
    nearest_weekdays: int = 0
    """Bit 15 is `15W`: the weekday nearest to the 15th, in the same month."""
    last_weekday: bool = False
    """`LW`: the last of Monday to Friday."""
    weekdays_in_month: tuple[WeekdayInMonth, ...] = ()
    day_and_weekday: bool = True
    """Both must match; False: either does. Vixie: either, unless one of the two begins with `*`."""
    follows_clock_changes: bool = True
    """True: runs whenever the clock shows a match, so twice in a repeated hour and never in a
    skipped one. False: a run at a fixed time of day, once a day whatever the clock does."""

    @property
    def is_hashed(self) -> bool:
        """Whether any of its numbers comes from `H`."""
        return any(item.startswith("H") for field in self.fields for item in field.split(","))

    def next_wall_time(self, after: datetime) -> datetime | None:
        """The first match strictly after a naive wall-clock time; None after the year 9998."""
        start = after + _SECOND  # and what it has beyond whole seconds is not looked at
        year, month = start.year, start.month
        days = self.days_of_month(year, month)
        if days >> start.day & 1:
            time_of_day = self._time_of_day_from(start.hour, start.minute, start.second)
            if time_of_day is not None:
                return datetime(year, month, start.day, *time_of_day)  # noqa: DTZ001  the wall clock
        days = days >> (start.day + 1) << (start.day + 1)
        while not days:
            if later := self.months >> (month + 1):
                month += 1 + _lowest(later)
            else:
                year, month = year + 1, _lowest(self.months)
            if year > LAST_YEAR:
                return None
            days = self.days_of_month(year, month)
        return datetime(  # noqa: DTZ001  the wall clock
            year,
            month,
            _lowest(days),
            _lowest(self.hours),
            _lowest(self.minutes),
            _lowest(self.seconds),
        )

    def days_of_month(self, year: int, month: int) -> int:
        """The matching days of a month, bits 1 to 31."""
        if not self.months >> month & 1:
            return 0
        return self.days_of_month_like(*_month_shape(year, month))

    def days_of_month_like(self, first_weekday: int, length: int) -> int:
        """As `days_of_month`, for any month that begins on this weekday (0 is Sunday)."""
        by_weekday = _days_on(self.weekdays, first_weekday, length)
        for item in self.weekdays_in_month:
            by_weekday |= _nth_weekday(item, first_weekday, length)
        by_day = self.days & ((2 << length) - 2)
        if self.days_before_last or self.nearest_weekdays or self.last_weekday:
            by_day |= self._special_days(first_weekday, length)
        return by_day & by_weekday if self.day_and_weekday else by_day | by_weekday

    def _special_days(self, first_weekday: int, length: int) -> int:
        days = 0
        for before in numbers_of(self.days_before_last):
            if before < length:
                days |= 1 << (length - before)
        for day in numbers_of(self.nearest_weekdays):
            if day <= length:
                days |= 1 << _nearest_weekday(day, first_weekday, length)
        if self.last_weekday:
            days |= 1 << _nearest_weekday(length, first_weekday, length)
        return days

    def _time_of_day_from(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        """The first matching time of day that is not before this one."""
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1 and (later := self.seconds >> second):
                return hour, minute, second + _lowest(later)
            if later := self.minutes >> (minute + 1):
                return hour, minute + 1 + _lowest(later), _lowest(self.seconds)
        if later := self.hours >> (hour + 1):
            return hour + 1 + _lowest(later), _lowest(self.minutes), _lowest(self.seconds)
        return None


def can_match(cron: Cron) -> bool:
    """Whether any day of any year matches: there are but 14 kinds of year, so this is exact."""
    if cron.days & _IN_EVERY_MONTH and cron.weekdays:
        return True  # with each day of the week, sooner or later
    for month in numbers_of(cron.months):
        lengths = (28, 29) if month == 2 else (_MONTH_LENGTHS[month],)
        for length in lengths:
            if any(cron.days_of_month_like(first, length) for first in range(7)):
                return True
    return False


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def numbers_of(mask: int) -> list[int]:
    """The numbers whose bits are set, in order."""
    return [number for number in range(mask.bit_length()) if mask >> number & 1]


@lru_cache(maxsize=4096)
def _month_shape(year: int, month: int) -> tuple[int, int]:
    """(weekday of the 1st with Sunday 0, number of days)."""
    leap_day = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return date(year, month, 1).isoweekday() % 7, _MONTH_LENGTHS[month] + leap_day


@lru_cache(maxsize=4096)
def _days_on(weekdays: int, first_weekday: int, length: int) -> int:
    """The days of a month that fall on one of the weekdays."""
    if weekdays == EVERY_WEEKDAY:
        return (2 << length) - 2
    days = 0
    for day in range(1, length + 1):
        if weekdays >> (first_weekday + day - 1) % 7 & 1:
            days |= 1 << day
    return days


def _nth_weekday(item: WeekdayInMonth, first_weekday: int, length: int) -> int:
    first = 1 + (item.weekday - first_weekday) % 7
    if item.nth == LAST_WEEK:
        return 1 << (first + (length - first) // 7 * 7)
    day = first + 7 * (item.nth - 1)
    return 1 << day if day <= length else 0


def _nearest_weekday(day: int, first_weekday: int, length: int) -> int:
    """Monday to Friday nearest to the day; never over the edge of the month."""
    weekday = (first_weekday + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day
