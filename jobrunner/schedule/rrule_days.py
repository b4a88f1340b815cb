"""The days of a year that the BY… parts of a recurrence rule name, as one number.

Bit 0 is 1 January. Weekdays count from 0, Sunday; what comes from the end of a month or year has a
negative number, as in RFC 5545.
"""

from collections.abc import Iterator
from datetime import date
from functools import cache, lru_cache
from typing import NamedTuple

_WEEKS = sum(1 << 7 * week for week in range(54))
CENTURIES_DAYS = 146_097
"""400 years."""
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Days(NamedTuple):
    """A day matches when each part does that is not empty."""

    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    """(weekday, number): the second one of its month or year, or 0 for each."""
    numbers_in_month: bool = True
    """Whether the numbers of `weekdays` count within the month or within the year."""
    week_start: int = 1


class _Year(NamedTuple):
    """A kind of year. There are 28, so all that is known of a rule's days is soon known."""

    first_weekday: int
    length: int
    length_before: int
    length_after: int

    def months(self) -> Iterator[tuple[int, int]]:
        """(days before it, length) of each."""
        before = 0
        for month, length in enumerate(_MONTH_LENGTHS):
            length_here = length + (month == 1 and self.length == 366)
            yield before, length_here
            before += length_here


def days_of_year(days: Days, year: int) -> int:
    """The matching days of a year."""
    return _days_of_year_like(days, _kind_of_year(year))


@lru_cache(maxsize=256)  # of 18 KB each
def days_of_centuries(days: Days) -> int:
    """The matching days of 400 years, bit 0 for 1 January of the year 1, 401 or 801, and so on: after
    that many the calendar repeats.
    """
    kinds = _kinds_of_years()
    matching = {kind: _days_of_year_like(days, kind) for kind in set(kinds)}
    parts = [(matching[kind], kind.length) for kind in kinds]
    while len(parts) > 1:  # in pairs: a number of 18 KB is not made 400 times
        parts = [_joined(parts[at : at + 2]) for at in range(0, len(parts), 2)]
    return parts[0][0]


def most_days(days: Days, *, in_month: bool) -> int:
    """How many match in one year, or in one month, at most."""
    return max(
        (_days_of_year_like(days, kind) >> before & (1 << length) - 1).bit_count()
        for kind in set(_kinds_of_years())
        for before, length in (kind.months() if in_month else [(0, kind.length)])
    )


@cache
def _kinds_of_years() -> tuple[_Year, ...]:
    """Of 400 years, from the year 1 on."""
    return tuple(_kind_of_year(year) for year in range(1, 401))


def _joined(parts: list[tuple[int, int]]) -> tuple[int, int]:
    matching, length = parts[0]
    for more, more_length in parts[1:]:
        matching |= more << length
        length += more_length
    return matching, length


def days_of_months(months: tuple[int, ...], year: int) -> int:
    """All days of some months."""
    return _days_of_year_like(_in_months(months), _kind_of_year(year)) if months else 0


@lru_cache(maxsize=4096)
def _in_months(months: tuple[int, ...]) -> Days:
    return Days(months=months)


@lru_cache(maxsize=16_384)
def _kind_of_year(year: int) -> _Year:
    before, here, after = (
        366 if y % 4 == 0 and (y % 100 != 0 or y % 400 == 0) else 365
        for y in (year - 1, year, year + 1)
    )
    return _Year(date(year, 1, 1).isoweekday() % 7, here, before, after)


@lru_cache(maxsize=16_384)
def _days_of_year_like(days: Days, year: _Year) -> int:
    matching = (1 << year.length) - 1
    if days.months:
        matching &= _of_months(days.months, year)
    if days.month_days:
        matching &= _of_month_days(days.month_days, year)
    if days.year_days:
        matching &= _numbered(days.year_days, 0, year.length)
    if days.weeks:
        matching &= _of_weeks(days, year)
    if days.weekdays:
        matching &= _of_weekdays(days, year)
    return matching


def _of_months(months: tuple[int, ...], year: _Year) -> int:
    return sum(
        (1 << length) - 1 << before
        for month, (before, length) in enumerate(year.months(), 1)
        if month in months
    )


def _of_month_days(month_days: tuple[int, ...], year: _Year) -> int:
    return sum(_numbered(month_days, before, length) for before, length in year.months())


def _numbered(numbers: tuple[int, ...], before: int, length: int) -> int:
    """The first, or by -1 the last day of a span and so on, where it has as many."""
    places = {number - 1 if number > 0 else length + number for number in numbers}
    return sum(1 << before + place for place in places if 0 <= place < length)


def _of_weekdays(days: Days, year: _Year) -> int:
    spans = [(0, year.length)]
    if days.numbers_in_month:
        spans = list(year.months())
    matching = 0
    for weekday, number in days.weekdays:
        first = (weekday - year.first_weekday) % 7
        if number:
            for before, length in spans:
                matching |= _nth_weekday((first - before) % 7, number, length) << before
        else:
            matching |= _WEEKS << first
    return matching


def _nth_weekday(first: int, number: int, length: int) -> int:
    """The n-th day of a span that lies whole weeks after its first one, of the 7 it may begin with."""
    total = (length - first + 6) // 7
    place = number - 1 if number > 0 else total + number
    return 1 << first + 7 * place if 0 <= place < total else 0


def _of_weeks(days: Days, year: _Year) -> int:
    """Weeks of this year, and the days it has of the last week before and of the first week after.

    A week belongs to the year in which most of its days lie, hence its fourth.
    """
    before, after = -year.length_before, year.length
    matching = 0
    for start, length in (
        (before, year.length_before),
        (0, year.length),
        (after, year.length_after),
    ):
        first = (days.week_start - year.first_weekday - start) % 7
        if first > 3:
            first -= 7
        total = (length - first + 3) // 7
        for number in days.weeks:
            place = number - 1 if number > 0 else total + number
            if 0 <= place < total:
                week = 0b111_1111 << 366 + 7 + start + first + 7 * place
                matching |= week
    return matching >> 366 + 7
