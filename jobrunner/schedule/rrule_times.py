"""The times that FREQ and INTERVAL leave of a day, and the days on which they leave any.

The seconds of a day are the bits of one number, bit n for n seconds after midnight.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from math import gcd

DAY_SECONDS = 86_400
YEAR_DAYS = 366


class Frequency(IntEnum):
    """What INTERVAL counts, from the longest, and so the period out of which BYSETPOS picks."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


UNIT_SECONDS = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}


@dataclass(frozen=True, slots=True)
class DayCycle:
    """Days that come round every so often: those an INTERVAL of days or weeks leaves."""

    length_days: int
    first: int
    """The proleptic ordinal of one day of the rule."""
    days: int
    """The matching days from there on, bit 0 first; no more than the length."""

    def from_day(self, ordinal: int, length: int) -> int:
        """So many days from this one on, or some more, bit 0 first."""
        ahead = (self.first - ordinal) % self.length_days
        begun = self.days >> (self.length_days - ahead)
        return begun | _repeated(self.days, self.length_days, length) << ahead


@dataclass(frozen=True, slots=True)
class TimeCycle:
    """Days on which an INTERVAL of hours, minutes or seconds meets any time of the rule."""

    frequency: Frequency
    """Of which unit `interval` is a number."""
    interval: int
    dtstart: datetime
    hours: int
    minutes: int
    seconds: int
    """Bit masks of what matches. The units of a day that match are not kept: of seconds they are 11 KB."""

    @property
    def units_of_a_day(self) -> int:
        """24 for hours."""
        return DAY_SECONDS // UNIT_SECONDS[self.frequency]

    @property
    def start(self) -> int:
        """The unit of DTSTART, counted from the first day that there is."""
        of_day = second_of_day(self.dtstart) // UNIT_SECONDS[self.frequency]
        return self.dtstart.toordinal() * self.units_of_a_day + of_day

    @property
    def units(self) -> int:
        """Those of a day that match, bit 0 for midnight."""
        if self.frequency is Frequency.HOURLY:
            return self.hours
        if self.frequency is Frequency.MINUTELY:
            return _spread(self.minutes, self.hours, 60)
        return times_of_day(self.frequency, self.hours, self.minutes, self.seconds, ())

    @property
    def length_days(self) -> int:
        """After so many it is back at the same days."""
        return self.interval // gcd(self.interval, self.units_of_a_day)

    def from_day(self, ordinal: int, length: int) -> int:
        """So many days from this one on, or some more, bit 0 first."""
        if length <= YEAR_DAYS:
            return _days_met(self, ordinal)
        whole = _all_days_met(self)
        phase = ordinal % self.length_days
        return _repeated(whole, self.length_days, phase + length) >> phase


Cycle = DayCycle | TimeCycle


@lru_cache(maxsize=1024)
def times_of_day(
    frequency: Frequency, hours: int, minutes: int, seconds: int, set_positions: tuple[int, ...]
) -> int:
    """The seconds of a day that match, of masks of hours, minutes and seconds.

    The BYSETPOS of a period of a day or less picks the same in each, so it is done here.
    """
    times = seconds
    if frequency is Frequency.SECONDLY and set_positions:
        times = seconds if {1, -1} & set(set_positions) else 0
    if frequency is Frequency.MINUTELY:
        times = _pick(times, set_positions)
    times = _spread(times, minutes, 60)
    if frequency is Frequency.HOURLY:
        times = _pick(times, set_positions)
    times = _spread(times, hours, 3600)
    return _pick(times, set_positions) if frequency is Frequency.DAILY else times


def interval_cycle_days(frequency: Frequency, interval: int) -> int:
    """After how many days a rule is back at the same days and times; 1 for years and months."""
    match frequency:
        case Frequency.YEARLY | Frequency.MONTHLY:
            return 1
        case Frequency.WEEKLY:
            return 7 * interval
        case Frequency.DAILY:
            return interval
        case Frequency.HOURLY | Frequency.MINUTELY | Frequency.SECONDLY:
            return interval // gcd(interval, DAY_SECONDS // UNIT_SECONDS[frequency])


def interval_cycle(
    frequency: Frequency,
    interval: int,
    dtstart: datetime,
    week_start: int,
    hours_minutes_seconds: tuple[int, int, int],
) -> Cycle | None:
    """The days that INTERVAL leaves; None for all of them.

    With HOURLY and shorter, that is a matter of the masks: a day on which the interval meets none
    of the times is no day of the rule.
    """
    start = dtstart.toordinal()
    if interval == 1 or frequency <= Frequency.MONTHLY:
        return None
    if frequency is Frequency.DAILY:
        return DayCycle(interval, start, 1)
    if frequency is Frequency.WEEKLY:
        return DayCycle(7 * interval, start - (start - week_start) % 7, 0b111_1111)
    cycle = TimeCycle(frequency, interval, dtstart, *hours_minutes_seconds)
    return None if _meets_all_days(cycle) else cycle


def _meets_all_days(cycle: TimeCycle) -> bool:
    step = gcd(cycle.interval, cycle.units_of_a_day)
    if cycle.interval > cycle.units_of_a_day:
        return False
    firsts = _repeated(1, step, cycle.interval) << cycle.start % step
    firsts &= (1 << cycle.interval) - 1
    return firsts & ~_fold(cycle.units, cycle.interval) == 0


@lru_cache(maxsize=4096)
def _days_met(cycle: TimeCycle, ordinal: int) -> int:
    """Those of a year from a day on."""
    # The first unit of the interval in a day decides: the units laid over each other, at the
    # interval's length, say whether any is met from there.
    interval, a_day = cycle.interval, cycle.units_of_a_day
    met = f"{_fold(cycle.units, interval):b}"[::-1]
    first = cycle.start - ordinal * a_day
    firsts = [(first - day * a_day) % interval for day in range(YEAR_DAYS)]
    return int("".join(["1" if met[n : n + 1] == "1" else "0" for n in firsts])[::-1], 2)


@lru_cache(maxsize=16)
def _all_days_met(cycle: TimeCycle) -> int:
    """Those of the whole cycle, bit n for an ordinal that leaves n when divided by its length."""
    step = gcd(cycle.interval, cycle.units_of_a_day)
    length = cycle.length_days
    # Each first unit that the interval can have in a day comes once in a cycle: on which day says
    # the inverse of how far a day takes it.
    inverse = pow(cycle.units_of_a_day // step, -1, length)
    steps, rest = divmod(cycle.start, step)
    met = f"{_fold(cycle.units, cycle.interval):b}"[::-1][rest::step]
    days = bytearray(length // 8 + 1)
    for number, is_met in enumerate(met):
        if is_met == "1":
            byte, bit = divmod((steps - number) * inverse % length, 8)
            days[byte] |= 1 << bit
    return int.from_bytes(days, "little")


def _repeated(mask: int, step: int, length: int) -> int:
    """The mask at each step, until there are so many bits or more."""
    while step < length:
        mask |= mask << step
        step *= 2
    return mask


def _fold(mask: int, size: int) -> int:
    """The OR of all stretches of this size."""
    while (length := mask.bit_length()) > size:
        half = (length // size + 1) // 2 * size
        mask = mask >> half | mask & ((1 << half) - 1)
    return mask


def _spread(mask: int, places: int, size: int) -> int:
    """The mask once at each place, places being so many bits apart."""
    spread = 0
    for place in range(places.bit_length()):
        if places >> place & 1:
            spread |= mask << place * size
    return spread


def _pick(mask: int, set_positions: tuple[int, ...]) -> int:
    if not set_positions:
        return mask
    total = mask.bit_count()
    numbers = {at - 1 if at > 0 else total + at for at in set_positions}
    return sum(1 << nth_bit(mask, number) for number in numbers if 0 <= number < total)


@lru_cache(maxsize=1024)
def blocks(step: int, length: int) -> int:
    """Ones at the start of each step of a day, so many in a row."""
    ones, size = (1 << length) - 1, step
    while size < DAY_SECONDS:
        ones |= ones << size
        size *= 2
    return ones & ((1 << DAY_SECONDS) - 1)


# --- Bits and seconds ------------------------------------------------------------------------------


def nth_bit(mask: int, number: int) -> int:
    """The place of the set bit before which so many others are set."""
    if number == 0:
        return lowest(mask)
    place, size = 0, mask.bit_length()
    while size > 1:
        half = size // 2
        lower = mask & ((1 << half) - 1)
        count = lower.bit_count()
        if number < count:
            mask, size = lower, half
        else:
            mask, size, place, number = mask >> half, size - half, place + half, number - count
    return place


def lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def second_of_day(moment: datetime) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second
