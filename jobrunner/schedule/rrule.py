"""A recurrence rule of RFC 5545 as a value, and its matches on the wall clock.

The days of a year are one number, bit 0 for 1 January; the seconds of a day are another. A rule is
an AND of such numbers, so that finding the next match costs the same however far it is from the
start, and a rule that never matches is found out by looking at each year once.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from math import lcm

from jobrunner.schedule.cron import LAST_YEAR
from jobrunner.schedule.rrule_days import (
    CENTURIES_DAYS,
    Days,
    days_of_centuries,
    days_of_months,
    days_of_year,
    most_days,
)
from jobrunner.schedule.rrule_times import (
    DAY_SECONDS,
    UNIT_SECONDS,
    YEAR_DAYS,
    Cycle,
    Frequency,
    blocks,
    lowest,
    nth_bit,
    second_of_day,
    times_of_day,
)

_SECOND = timedelta(seconds=1)
_EMPTY_PERIODS = 12
"""As many in a row without a pick are rare: then it pays to see whether there is any."""
_YEARS_BEFORE_CYCLES = 12
_LAST_DAY = date(LAST_YEAR, 12, 31).toordinal()
_PERIODS = {Frequency.YEARLY: 400, Frequency.MONTHLY: 4800, Frequency.WEEKLY: 20_871}
"""The calendar repeats after 400 years, which are as many months and as many whole weeks: who has
looked at that many periods, with whatever interval, has seen every kind there is."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """What a rule means. Made by `parse_rrule`, which refuses one that can never match.

    All times are naive: the wall clock. The start itself is a match only if the rule says so,
    which RFC 5545 leaves open and dateutil does, too.
    """

    text: str
    """The rule in capitals, without `RRULE:`; with the start and the other dates, all of an
    equality."""
    dtstart: datetime
    frequency: Frequency = field(compare=False)
    interval: int = field(compare=False)
    days: Days = field(compare=False)
    hours: int = field(compare=False)
    minutes: int = field(compare=False)
    seconds: int = field(compare=False)
    """Bit masks, as in `Cron`; all bits for what the rule leaves open."""
    set_positions: tuple[int, ...] = field(compare=False)
    week_start: int = field(compare=False)
    """0 is Sunday."""
    cycle: Cycle | None = field(compare=False)
    """The days that INTERVAL leaves; None for all, and for years and months, which are no cycles."""
    follows_clock_changes: bool = field(compare=False)
    """As in `Cron`: True for HOURLY and shorter without BYHOUR."""
    has_start: bool = field(compare=False, default=True)
    """False: the start was left out, and is some midnight long ago."""
    exdates: frozenset[datetime] = frozenset()
    """Left out, after COUNT has counted them."""
    rdates: tuple[datetime, ...] = ()
    """In order, in addition to the rule; not counted by COUNT, not ended by UNTIL."""
    count: int | None = field(compare=False, default=None)
    until: datetime | None = field(compare=False, default=None)
    """UNTIL as it was written; the wall clock's unless `until_utc` is there."""
    until_utc: datetime | None = field(compare=False, default=None)
    """Aware: the inclusive end in UTC. Not applied here, where no zone is known."""

    @property
    def times(self) -> int:
        """The seconds of a day at which the rule can match, after the BYSETPOS of a day or less: bit n
        is n seconds after midnight. Not kept: it is a number of 11 KB, and many rules share it.
        """
        return times_of_day(
            self.frequency, self.hours, self.minutes, self.seconds, self.set_positions
        )

    def next_wall_time(self, after: datetime) -> datetime | None:
        """The first match strictly after a naive wall-clock time; None when there is none left,
        by COUNT or UNTIL or after the year 9998.
        """
        if after.year > LAST_YEAR:
            return None
        found = self.next_of_rule(after.replace(microsecond=0) + _SECOND)
        while found in self.exdates:
            found = self.next_of_rule(found + _SECOND)
        index = bisect_right(self.rdates, after)
        if index < len(self.rdates) and (found is None or self.rdates[index] < found):
            return self.rdates[index]
        return found

    def next_of_rule(self, start: datetime) -> datetime | None:
        """The first match at or after a whole second; of the rule alone, without other dates."""
        start = max(start, self.dtstart)
        if start.year > LAST_YEAR:
            return None
        found = self._next_picked(start) if self._picks_days else self._next_match(start)
        return None if found is None or self._is_over(found) else found

    def _is_over(self, found: datetime) -> bool:
        """Whether a match lies behind the end that COUNT or an UNTIL of the wall clock sets."""
        if self.count is not None:
            days = found.toordinal() - self.dtstart.toordinal() + 1
            if days * self.times.bit_count() <= self.count:
                return False  # not even if each time of each day until then were a match
            last = _last_of(self)
            return last is not None and found > last
        return self.until is not None and self.until_utc is None and found > self.until

    def nth_of_rule(self, number: int) -> datetime | None:
        """The match at which COUNT=number ends; None when the calendar ends first."""
        if self._picks_days:
            return self._nth_picked(number)
        start = self.dtstart.toordinal()
        if self._next_day(start) == start:
            times = self._times_on(start) & -1 << second_of_day(self.dtstart)
            if number <= times.bit_count():
                return _moment(start, nth_bit(times, number - 1))
            number -= times.bit_count()
        if self._has_blocks:
            return self._nth_of_days(number, start + 1)
        return self._nth_of_years(number, start + 1)

    def _nth_of_days(self, number: int, first: int) -> datetime | None:
        """The same from a midnight on, where a day may have more times than another one."""
        day = self._next_day(first)
        while day is not None:
            times = self._times_on(day)
            if number <= times.bit_count():
                return _moment(day, nth_bit(times, number - 1))
            number -= times.bit_count()
            day = self._next_day(day + 1)
        return None

    def _nth_of_years(self, number: int, first: int) -> datetime | None:
        """The same where all days that match have the same times."""
        times = self.times
        days_before, place = divmod(number - 1, times.bit_count())
        for start, days in self._years_from(first):
            if days_before < days.bit_count():
                return _moment(start + nth_bit(days, days_before), nth_bit(times, place))
            days_before -= days.bit_count()
        return None

    def _next_match(self, start: datetime) -> datetime | None:
        day = self._next_day(start.toordinal())
        if day == start.toordinal():
            second = second_of_day(start)
            if later := self._times_on(day) >> second:
                return _moment(day, second + lowest(later))
            day = self._next_day(day + 1)
        return None if day is None else _moment(day, lowest(self._times_on(day)))

    def _next_day(self, ordinal: int) -> int | None:
        """The first matching day that is not before this one."""
        if found := self._next_in_year(ordinal):
            return found
        for start, days in islice(self._years_from(ordinal), self._different_years):
            if days:
                return start + lowest(days)
        return None if self.cycle is None else self._next_day_of_cycle(self.cycle, ordinal)

    def _next_in_year(self, ordinal: int) -> int | None:
        """The same in the year of this day alone, where it mostly is."""
        year = date.fromordinal(ordinal).year
        if self.frequency is Frequency.YEARLY and (year - self.dtstart.year) % self.interval:
            return None
        days = self._days_of_year(year) >> ordinal - date(year, 1, 1).toordinal()
        return ordinal + lowest(days) if days else None

    @property
    def _different_years(self) -> int:
        """So many of `_years_from` have all days of the rule, or it has none; fewer where `cycle` is
        looked at next.
        """
        if self.cycle is not None:
            return _YEARS_BEFORE_CYCLES
        different = _PERIODS[Frequency.YEARLY]
        if self.frequency is Frequency.MONTHLY:
            periods = _PERIODS[Frequency.MONTHLY]
            different = lcm(periods, self.interval) // max(self.interval, 12)
        return different + 1  # of the first one only a part is looked at

    def _next_day_of_cycle(self, cycle: Cycle, ordinal: int) -> int | None:
        """The same where days and cycle may meet once in centuries: 400 years at a time."""
        matching = days_of_centuries(self.days)
        start = ordinal - (ordinal - 1) % CENTURIES_DAYS
        while matching and start <= _LAST_DAY:
            days = matching & cycle.from_day(start, CENTURIES_DAYS)
            if days := days & -1 << max(ordinal - start, 0):
                found = start + lowest(days)
                return found if found <= _LAST_DAY else None
            start += CENTURIES_DAYS
        return None

    def _years_from(self, ordinal: int) -> Iterator[tuple[int, int]]:
        """(1 January, its matching days) of each year from a day on; not of those that INTERVAL leaves
        out.
        """
        first_year = date.fromordinal(ordinal).year
        for year in self._years(first_year):
            start, days = date(year, 1, 1).toordinal(), self._days_of_year(year)
            yield start, days & -1 << ordinal - start if year == first_year else days

    def _years(self, first: int) -> Iterable[int]:
        """Those that INTERVAL does not leave out."""
        if self.frequency is Frequency.YEARLY:
            ahead = (self.dtstart.year - first) % self.interval
            return range(first + ahead, LAST_YEAR + 1, self.interval)
        if self.frequency is Frequency.MONTHLY and self.interval >= 12:
            month = self.dtstart.year * 12 + self.dtstart.month - 1
            ahead = (month - first * 12) % self.interval
            months = range(first * 12 + ahead, (LAST_YEAR + 1) * 12, self.interval)
            return (month // 12 for month in months)
        return range(first, LAST_YEAR + 1)

    def _days_of_year(self, year: int) -> int:
        """Of a year that INTERVAL does not leave out."""
        days = days_of_year(self.days, year)
        if self.cycle is not None and days:
            return days & self.cycle.from_day(date(year, 1, 1).toordinal(), YEAR_DAYS)
        if self.frequency is Frequency.MONTHLY and self.interval > 1:
            return days & days_of_months(self._months_of_year(year), year)
        return days

    def _months_of_year(self, year: int) -> tuple[int, ...]:
        """Those that INTERVAL leaves."""
        before = (self.dtstart.year - year) * 12 + self.dtstart.month
        return tuple(range((before - 1) % self.interval + 1, 13, self.interval))

    # --- The times of a day ------------------------------------------------------------------------

    @property
    def _has_blocks(self) -> bool:
        return self.interval > 1 and self.frequency in UNIT_SECONDS

    def _times_on(self, ordinal: int) -> int:
        """The matching seconds of a day; some, if the day matches."""
        if not self._has_blocks:
            return self.times
        unit = UNIT_SECONDS[self.frequency]
        start = self.dtstart.toordinal() * DAY_SECONDS + second_of_day(self.dtstart) // unit * unit
        step = self.interval * unit
        first = (start - ordinal * DAY_SECONDS) % step
        return self.times & (blocks(step, unit) << first) if first < DAY_SECONDS else 0

    # --- BYSETPOS of years, months and weeks -------------------------------------------------------

    @property
    def _picks_days(self) -> bool:
        return bool(self.set_positions) and self.frequency in _PERIODS

    def _next_picked(self, start: datetime) -> datetime | None:
        for first, days, places in self._picked_of_periods(start):
            for place in places:
                found = self._moment_at(first, days, place)
                if found >= start:
                    return found
        return None

    def _nth_picked(self, number: int) -> datetime | None:
        for first, days, places in self._picked_of_periods(self.dtstart):
            counted = places
            if first <= self.dtstart.toordinal():
                counted = [
                    place for place in places if self._moment_at(first, days, place) >= self.dtstart
                ]
            if number <= len(counted):
                return self._moment_at(first, days, counted[number - 1])
            number -= len(counted)
        return None

    def _picked_of_periods(self, start: datetime) -> Iterator[tuple[int, int, list[int]]]:
        """(first day, matching days, places among all their times that are picked) of each period
        from that of a time on; as many without a pick as there are different ones.
        """
        a_day = self.times.bit_count()
        if self._picks_nothing_of(self._most_days(is_exact=False), a_day):
            return
        first, _ = self._period(start.toordinal())
        empty = 0
        while empty < _PERIODS[self.frequency] and (day := self._next_day(first)) is not None:
            first, length = self._period(day)
            matching = self._days_between(first, length)
            places = self._places(matching.bit_count() * a_day)
            yield first, matching, places
            empty = 0 if places else empty + 1
            first += length
            if empty == _EMPTY_PERIODS and self._picks_nothing_of(
                self._most_days(is_exact=True), a_day
            ):
                return

    def _picks_nothing_of(self, days: int, a_day: int) -> bool:
        """Whether all places of BYSETPOS lie beyond so many days with so many times each."""
        return min(map(abs, self.set_positions)) > days * a_day

    def _most_days(self, *, is_exact: bool) -> int:
        """That match in one period; no fewer than that unless it `is_exact`, which takes its time."""
        if self.frequency is Frequency.WEEKLY:
            return len(self.days.weekdays)
        in_month = self.frequency is Frequency.MONTHLY
        if is_exact:
            return most_days(self.days, in_month=in_month)
        return 31 if in_month else YEAR_DAYS

    def _places(self, total: int) -> list[int]:
        """Those of BYSETPOS among so many times, counted from 0, in order."""
        places = {at - 1 if at > 0 else total + at for at in self.set_positions}
        return sorted(place for place in places if 0 <= place < total)

    def _moment_at(self, first: int, days: int, place: int) -> datetime:
        day, second = divmod(place, self.times.bit_count())
        return _moment(first + nth_bit(days, day), nth_bit(self.times, second))

    def _period(self, ordinal: int) -> tuple[int, int]:
        """(first day, number of days) of the year, month or week that a day lies in."""
        if self.frequency is Frequency.WEEKLY:
            return ordinal - (ordinal - self.week_start) % 7, 7
        day = date.fromordinal(ordinal)
        if self.frequency is Frequency.YEARLY:
            first, following = day.replace(month=1, day=1), date(day.year + 1, 1, 1)
        else:
            first = day.replace(day=1)
            following = (first + timedelta(days=31)).replace(day=1)
        return first.toordinal(), (following - first).days

    def _days_between(self, first: int, length: int) -> int:
        """The matching days of a period, bit 0 its first; a week may lie in two years."""
        year = date.fromordinal(first).year
        start, following = date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()
        days = self._days_of_year(year) >> (first - start)
        if first + length > following:
            days |= self._days_of_year(year + 1) << (following - first)
        return days & ((1 << length) - 1)


def _moment(ordinal: int, second: int) -> datetime:
    return datetime.fromordinal(ordinal) + timedelta(seconds=second)


@lru_cache(maxsize=4096)
def _last_of(rule: Recurrence) -> datetime | None:
    """The match at which COUNT ends; counted only when a time may lie behind it."""
    return None if rule.count is None else rule.nth_of_rule(rule.count)
