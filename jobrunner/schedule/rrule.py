"""A recurrence rule of RFC 5545 as a value, and its matches on the wall clock.

The days of a year are one number, bit 0 for 1 January; the seconds of a day are another. A rule is
an AND of such numbers, so that finding the next match costs the same however far it is from the
start, and a rule that never matches is found out by looking at each year once.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from jobrunner.schedule.cron import LAST_YEAR
from jobrunner.schedule.rrule_days import Days, days_of_months, days_of_year
from jobrunner.schedule.rrule_times import (
    DAY_SECONDS,
    UNIT_SECONDS,
    Cycle,
    Frequency,
    blocks,
    lowest,
    nth_bit,
    second_of_day,
)

_SECOND = timedelta(seconds=1)
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
    times: int = field(compare=False)
    """The seconds of a day at which the rule can match, after the BYSETPOS of a day or less: bit n
    is n seconds after midnight."""
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
    last: datetime | None = field(compare=False, default=None)
    """The inclusive end that COUNT or an UNTIL of the wall clock sets."""

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
        if found is None or (self.last is not None and found > self.last):
            return None
        return found

    def nth_of_rule(self, number: int) -> datetime | None:
        """The match at which COUNT=number ends; None when the calendar ends first."""
        if self._picks_days:
            return self._nth_picked(number)
        day = self._next_day(self.dtstart.toordinal())
        a_day = 0 if self._has_blocks else self.times.bit_count()
        while day is not None:
            times = self._times_on(day)
            if day == self.dtstart.toordinal():
                times &= -1 << second_of_day(self.dtstart)
                matches = times.bit_count()
            else:
                matches = a_day or times.bit_count()
            if number <= matches:
                return _moment(day, nth_bit(times, number - 1))
            number -= matches
            day = self._next_day(day + 1)
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
        first_year = date.fromordinal(ordinal).year
        last_year = LAST_YEAR
        if self.interval == 1:
            last_year = min(last_year, first_year + _PERIODS[Frequency.YEARLY])
        for year in range(first_year, last_year + 1):
            days = self._days_of_year(year)
            if year == first_year:
                days &= -1 << (ordinal - date(year, 1, 1).toordinal())
            if days:
                return date(year, 1, 1).toordinal() + lowest(days)
        return None

    def _days_of_year(self, year: int) -> int:
        if self.interval == 1:
            return days_of_year(self.days, year)
        if self.frequency is Frequency.YEARLY:
            is_left_out = (year - self.dtstart.year) % self.interval
            return 0 if is_left_out else days_of_year(self.days, year)
        days = days_of_year(self.days, year)
        if self.frequency is Frequency.MONTHLY:
            return days & days_of_months(self._months_of_year(year), year)
        if self.cycle is not None and days:
            return days & self.cycle.from_day(date(year, 1, 1).toordinal())
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
        days = {
            Frequency.YEARLY: 366,
            Frequency.MONTHLY: 31,
            Frequency.WEEKLY: len(self.days.weekdays),
        }
        a_day = self.times.bit_count()
        if min(map(abs, self.set_positions)) > days[self.frequency] * a_day:
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
