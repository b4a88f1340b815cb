"""The times that FREQ and INTERVAL leave of a day, and the days on which they leave any.

The seconds of a day are the bits of one number, bit n for n seconds after midnight.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from math import gcd

DAY_SECONDS = 86_400
_WINDOW_BYTES = 48
"""Holds the 366 days of a year wherever in its first byte they begin."""


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
class Cycle:
    """Days that come round every so often: those an INTERVAL leaves."""

    length_days: int
    days: bytes
    """Bit n, little-endian, is the day whose proleptic ordinal leaves n when divided by the length;
    repeated until a year can be cut out from any n."""

    def from_day(self, ordinal: int) -> int:
        """The days from this one on, bit 0 first; at least a year of them."""
        first_byte, bit = divmod(ordinal % self.length_days, 8)
        window = self.days[first_byte : first_byte + _WINDOW_BYTES]
        return int.from_bytes(window, "little") >> bit


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
    if interval == 1 or frequency <= Frequency.MONTHLY:
        return None
    length, start = interval_cycle_days(frequency, interval), dtstart.toordinal()
    if frequency is Frequency.DAILY:
        days = 1 << start % length
    elif frequency is Frequency.WEEKLY:
        first = start - (start - week_start) % 7
        days = sum(1 << (first + day) % length for day in range(7))
    else:
        days = _days_met(frequency, interval, dtstart, hours_minutes_seconds)
    return None if days == (1 << length) - 1 else _cycle(length, days)


def _cycle(length: int, days: int) -> Cycle:
    bits = length
    while bits < length + _WINDOW_BYTES * 8:
        days |= days << bits
        bits *= 2
    return Cycle(length, days.to_bytes(bits // 8 + 1, "little"))


def _days_met(
    frequency: Frequency,
    interval: int,
    dtstart: datetime,
    hours_minutes_seconds: tuple[int, int, int],
) -> int:
    """The days on which the interval meets the times, bit n for an ordinal that leaves n."""
    hours, minutes, seconds = hours_minutes_seconds
    units = hours
    if frequency is Frequency.MINUTELY:
        units = _spread(minutes, hours, 60)
    elif frequency is Frequency.SECONDLY:
        units = times_of_day(frequency, hours, minutes, seconds, ())
    unit = UNIT_SECONDS[frequency]
    a_day = DAY_SECONDS // unit
    start = dtstart.toordinal() * a_day + second_of_day(dtstart) // unit
    # The first unit of the interval in a day decides: the units laid over each other, at the
    # interval's length, say whether any is met from there.
    met = f"{_fold(units, interval):b}"[::-1]
    firsts = ((start - day * a_day) % interval for day in range(interval // gcd(interval, a_day)))
    return int("".join("1" if met[n : n + 1] == "1" else "0" for n in firsts)[::-1], 2)


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
