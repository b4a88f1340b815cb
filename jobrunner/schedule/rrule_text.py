"""The text of a recurrence rule: text → `Recurrence`, or a sentence about what is wrong with it.

The parts of RFC 5545, section 3.3.10, in any order and case, with or without `RRULE:` before them.
Refused are the combinations that the RFC forbids, rules that never match, and two that programs
read in different ways: a BYWEEKNO without days, and a rule without DTSTART that needs one.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import NoReturn, TypedDict

from jobrunner.schedule.errors import ScheduleError
from jobrunner.schedule.rrule import Recurrence
from jobrunner.schedule.rrule_days import Days
from jobrunner.schedule.rrule_times import (
    Frequency,
    interval_cycle,
    interval_cycle_days,
)

LONGEST_TEXT = 2000
"""Characters; even a rule that lists all minutes, hours and days of a month stays below."""
COUNT_MAX = 10_000
"""The last time is found by counting: of so many in less than 100 ms."""
LONGEST_CYCLE_DAYS = 100_000
"""Days that come together seldom are looked for among all until an INTERVAL is back at the same times."""

WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_RANGES = {
    "BYSECOND": (0, 59),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (-366, 366),
}
_NAMES = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_RANGES)
_PREFIX = re.compile(r"\s*(?:RRULE:)?", re.IGNORECASE)
_OTHER_PROPERTY = re.compile(r"(?:^|[\n;])\s*(DTSTART|EXDATE|RDATE)[^\n]*", re.IGNORECASE)
_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?([A-Z]{2})")
_UNTIL = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z)?)?")
_NO_START = datetime(1970, 1, 1)  # noqa: DTZ001  the wall clock; a midnight before all that is due


@dataclass(frozen=True, slots=True)
class _Part:
    """`BYDAY=MO,FR`, in capitals, and where it stands."""

    name: str
    value: str
    offset: int
    width: int

    def refuse(self, message: str) -> NoReturn:
        raise ScheduleError(message, offset=self.offset, width=self.width)


_Parts = dict[str, _Part]


def parse_rrule(
    text: str,
    *,
    dtstart: datetime | None,
    exdate: tuple[datetime, ...] = (),
    rdate: tuple[datetime, ...] = (),
) -> Recurrence:
    """Read a rule; all times are naive, those of the wall clock.

    Without `dtstart` a rule begins at any midnight, if it does not matter which. Raises
    ScheduleError; also for a rule that can never match (30 February).
    """
    found = _parsed(text, dtstart, exdate, rdate)
    if isinstance(found, Recurrence):
        return found
    raise ScheduleError(found.message, offset=found.offset, width=found.width)


@lru_cache(maxsize=16_384)  # as many as a large file has; a check and a plan ask several times
def _parsed(
    text: str,
    dtstart: datetime | None,
    exdate: tuple[datetime, ...],
    rdate: tuple[datetime, ...],
) -> Recurrence | ScheduleError:
    """What is wrong is kept, too: thousands of jobs may have one rule from a template."""
    try:
        return _read(text, dtstart, exdate, rdate)
    except ScheduleError as error:
        return error.with_traceback(None)


def _read(
    text: str,
    dtstart: datetime | None,
    exdate: tuple[datetime, ...],
    rdate: tuple[datetime, ...],
) -> Recurrence:
    parts = _split(text)
    frequency, interval = _frequency(parts), _number(parts, "INTERVAL", 10**8)
    _check_combinations(parts, frequency)
    if dtstart is None:
        _check_needs_no_start(parts, frequency, interval)
    start = (dtstart or _NO_START).replace(microsecond=0)
    if interval_cycle_days(frequency, interval) > LONGEST_CYCLE_DAYS:
        parts["INTERVAL"].refuse(
            f"INTERVAL={interval} comes round to the same days and times only after "
            f"{interval_cycle_days(frequency, interval):,} days; write a shorter one"
        )
    rule = _recurrence(parts, frequency, interval, start)
    if not rule.times or rule.next_of_rule(start) is None:
        message = f"{rule.text!r} can never match: no day and time fits all of its parts"
        raise ScheduleError(message, offset=0, width=len(text))
    exdates = frozenset(moment.replace(microsecond=0) for moment in exdate)
    rdates = {moment.replace(microsecond=0) for moment in rdate}
    return replace(
        rule,
        has_start=dtstart is not None,
        exdates=exdates,
        rdates=tuple(sorted(rdates - exdates)),
        **_end(rule, parts),
    )


# --- The parts -------------------------------------------------------------------------------------


def _split(text: str) -> _Parts:
    if len(text) > LONGEST_TEXT:
        raise ScheduleError(f"a recurrence rule has at most {LONGEST_TEXT:,} characters")
    if match := _OTHER_PROPERTY.search(text):
        name = match[1].upper()
        message = f"{name} stands outside of the rule; write it as the key '{name.lower()}'"
        raise ScheduleError(message, offset=match.start(1), width=match.end() - match.start(1))
    match = _PREFIX.match(text)
    offset = match.end() if match else 0
    if not text[offset:].strip():
        raise ScheduleError("the recurrence rule is empty; write for example FREQ=DAILY")
    parts: _Parts = {}
    for item in text[offset:].split(";"):
        inside = offset + len(item) - len(item.lstrip())
        part = _part(item.strip().upper(), inside)
        if part.name in parts:
            part.refuse(f"{part.name} stands twice; write one {part.name} with all of its values")
        parts[part.name] = part
        offset += len(item) + 1
    return parts


def _part(item: str, offset: int) -> _Part:
    if not item:
        message = "a ';' stands between two parts and nowhere else; remove it"
        raise ScheduleError(message, offset=max(offset - 1, 0))
    name, equals, value = item.partition("=")
    values = ",".join(number.strip() for number in value.split(","))
    part = _Part(name.strip(), values, offset, len(item))
    if not equals or not part.value:
        part.refuse(f"{item!r} has no value; a part is written NAME=VALUE, as in FREQ=DAILY")
    if part.name == "BYEASTER" or part.name.startswith("X-"):
        part.refuse(f"{part.name} is not in RFC 5545; list such dates under the key 'rdate'")
    if part.name not in _NAMES:
        close = get_close_matches(part.name, _NAMES, n=1)
        advice = f"did you mean {close[0]}?" if close else f"there are {', '.join(_NAMES)}"
        part.refuse(f"{part.name!r} is no part of a recurrence rule; {advice}")
    return part


def _frequency(parts: _Parts) -> Frequency:
    names = [frequency.name for frequency in Frequency]
    if "FREQ" not in parts:
        raise ScheduleError(f"a recurrence rule needs FREQ; write one of {', '.join(names)}")
    part = parts["FREQ"]
    if part.value not in names:
        close = get_close_matches(part.value, names, n=1)
        advice = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
        part.refuse(f"FREQ={part.value} is not known; {advice}")
    return Frequency[part.value]


def _number(parts: _Parts, name: str, highest: int) -> int:
    """INTERVAL or COUNT; 1 where it is missing."""
    if name not in parts:
        return 1
    part = parts[name]
    if not re.fullmatch("[0-9]{1,12}", part.value) or not 1 <= int(part.value) <= highest:
        advice = "; end it by UNTIL" if name == "COUNT" else ""
        part.refuse(f"{name} {part.value} is out of range 1 to {highest:,}{advice}")
    return int(part.value)


def _numbers(parts: _Parts, name: str) -> tuple[int, ...]:
    """The values of a BY… part in order, each once; none where it is missing."""
    if name not in parts:
        return ()
    part = parts[name]
    lowest, highest = _RANGES[name]
    numbers = set()
    for item in part.value.split(","):
        if not re.fullmatch("[+-]?[0-9]{1,3}", item):
            part.refuse(f"{name} {item!r} is no number; write {_range_in_words(lowest, highest)}")
        number = int(item)
        if not lowest <= number <= highest or (number == 0 and lowest < 0):
            part.refuse(f"{name} {number} is out of range {_range_in_words(lowest, highest)}")
        numbers.add(number)
    return tuple(sorted(numbers))


def _range_in_words(lowest: int, highest: int) -> str:
    return f"{lowest}-{highest}" if lowest >= 0 else f"1 to {highest} or -1 to {lowest}"


def _weekdays(parts: _Parts) -> tuple[tuple[int, int], ...]:
    """(weekday, number or 0), each once."""
    if "BYDAY" not in parts:
        return ()
    part = parts["BYDAY"]
    found = set()
    for item in part.value.split(","):
        match = _WEEKDAY.fullmatch(item)
        if not match or match[2] not in WEEKDAYS:
            part.refuse(f"BYDAY {item!r} is no day; write MO to SU, or 2MO and -1FR in a month")
        number = int(match[1] or 0)
        if match[1] and not 1 <= abs(number) <= 53:
            part.refuse(f"BYDAY {item} is out of range; a number is 1 to 53 or -1 to -53")
        found.add((WEEKDAYS.index(match[2]), number))
    return tuple(sorted(found))


def _week_start(parts: _Parts) -> int:
    if "WKST" not in parts:
        return WEEKDAYS.index("MO")
    part = parts["WKST"]
    if part.value not in WEEKDAYS:
        part.refuse(f"WKST {part.value!r} is no day; write MO to SU")
    return WEEKDAYS.index(part.value)


# --- What does not go together ---------------------------------------------------------------------


def _check_combinations(parts: _Parts, frequency: Frequency) -> None:
    name = frequency.name
    yearly = frequency is Frequency.YEARLY
    if "COUNT" in parts and "UNTIL" in parts:
        parts["UNTIL"].refuse("COUNT and UNTIL exclude each other; write one of them")
    if "BYWEEKNO" in parts:
        _check_weeks(parts, frequency)
    if "BYYEARDAY" in parts and name in {"DAILY", "WEEKLY", "MONTHLY"}:
        parts["BYYEARDAY"].refuse(f"BYYEARDAY does not go with FREQ={name}; write FREQ=YEARLY")
    if "BYMONTHDAY" in parts and name == "WEEKLY":
        parts["BYMONTHDAY"].refuse("BYMONTHDAY does not go with FREQ=WEEKLY; write FREQ=MONTHLY")
    if "BYSETPOS" in parts and not any(part in parts for part in (*_BY_PARTS, "BYDAY")):
        parts["BYSETPOS"].refuse(
            "BYSETPOS picks from the days and times of another BY part; add one"
        )
    numbers = [abs(number) for _, number in _weekdays(parts) if number]
    if numbers and not yearly and name != "MONTHLY":
        parts["BYDAY"].refuse(
            f"BYDAY with a number does not go with FREQ={name}; write FREQ=MONTHLY or FREQ=YEARLY"
        )
    if numbers and max(numbers) > 5 and ("BYMONTH" in parts or not yearly):
        parts["BYDAY"].refuse("no month has more than 5 of a weekday; write 1 to 5 or -1 to -5")


_BY_PARTS = tuple(name for name in _RANGES if name != "BYSETPOS")


def _check_weeks(parts: _Parts, frequency: Frequency) -> None:
    if frequency is not Frequency.YEARLY:
        parts["BYWEEKNO"].refuse("BYWEEKNO goes with FREQ=YEARLY only")
    if any(number for _, number in _weekdays(parts)):
        parts["BYDAY"].refuse("BYDAY with a number does not go with BYWEEKNO; write the day alone")
    if not {"BYDAY", "BYMONTHDAY", "BYYEARDAY"} & parts.keys():
        parts["BYWEEKNO"].refuse(
            "BYWEEKNO without a day means one day to some programs and all seven to others; "
            "add BYDAY=MO or BYDAY=MO,TU,WE,TH,FR,SA,SU"
        )


def _check_needs_no_start(parts: _Parts, frequency: Frequency, interval: int) -> None:
    """Without DTSTART a rule has the midnights, but nothing to count from and no day."""
    if interval > 1:
        parts["INTERVAL"].refuse("INTERVAL needs a time to count from; write the key 'dtstart'")
    if "COUNT" in parts:
        parts["COUNT"].refuse("COUNT needs a time to count from; write the key 'dtstart'")
    has_day = {"BYDAY", "BYMONTHDAY", "BYYEARDAY"} & parts.keys()
    if frequency <= Frequency.WEEKLY and not has_day:
        parts["FREQ"].refuse(
            f"FREQ={frequency.name} without a day takes it from its start; write the key 'dtstart'"
        )


# --- The value -------------------------------------------------------------------------------------


def _recurrence(parts: _Parts, frequency: Frequency, interval: int, start: datetime) -> Recurrence:
    """Without an end and without other dates."""
    set_positions = _numbers(parts, "BYSETPOS")
    hours = _mask(parts, "BYHOUR", start.hour, is_open=frequency >= Frequency.HOURLY)
    minutes = _mask(parts, "BYMINUTE", start.minute, is_open=frequency >= Frequency.MINUTELY)
    seconds = _mask(parts, "BYSECOND", start.second, is_open=frequency >= Frequency.SECONDLY)
    week_start = _week_start(parts)
    return Recurrence(
        text=";".join(f"{part.name}={part.value}" for part in parts.values()),
        dtstart=start,
        frequency=frequency,
        interval=interval,
        days=_days(parts, frequency, start, week_start),
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        set_positions=set_positions,
        week_start=week_start,
        cycle=interval_cycle(frequency, interval, start, week_start, (hours, minutes, seconds)),
        follows_clock_changes=frequency >= Frequency.HOURLY and "BYHOUR" not in parts,
    )


def _mask(parts: _Parts, name: str, number_of_start: int, *, is_open: bool) -> int:
    """The hours, minutes or seconds as bits: those given, else all, else that of the start."""
    if numbers := _numbers(parts, name):
        return sum(1 << number for number in numbers)
    return (2 << _RANGES[name][1]) - 1 if is_open else 1 << number_of_start


def _days(parts: _Parts, frequency: Frequency, start: datetime, week_start: int) -> Days:
    months, month_days = _numbers(parts, "BYMONTH"), _numbers(parts, "BYMONTHDAY")
    weekdays = _weekdays(parts)
    numbers_in_month = frequency is not Frequency.YEARLY or bool(months)
    if not {"BYDAY", "BYMONTHDAY", "BYYEARDAY"} & parts.keys():
        if frequency is Frequency.YEARLY:
            months = months or (start.month,)
        if frequency <= Frequency.MONTHLY:
            month_days = (start.day,)
        elif frequency is Frequency.WEEKLY:
            weekdays = ((start.isoweekday() % 7, 0),)
    return Days(
        months=months,
        month_days=month_days,
        year_days=_numbers(parts, "BYYEARDAY"),
        weeks=_numbers(parts, "BYWEEKNO"),
        weekdays=weekdays,
        numbers_in_month=numbers_in_month,
        week_start=week_start,
    )


class _End(TypedDict, total=False):
    """Fields of `Recurrence`."""

    count: int
    until: datetime
    until_utc: datetime


def _end(rule: Recurrence, parts: _Parts) -> _End:
    if "COUNT" in parts:
        return {"count": _number(parts, "COUNT", COUNT_MAX)}
    if "UNTIL" not in parts:
        return {}
    until, is_utc = _until(parts["UNTIL"])
    if is_utc:
        return {"until": until, "until_utc": until.replace(tzinfo=UTC)}
    if until < (rule.next_of_rule(rule.dtstart) or until):
        parts["UNTIL"].refuse("UNTIL lies before the first time of the rule; it would never run")
    return {"until": until}


def _until(part: _Part) -> tuple[datetime, bool]:
    """(last moment, whether it is UTC). A date alone includes its day."""
    match = _UNTIL.fullmatch(part.value)
    time = match and (match[2] or "235959")
    try:
        if match:
            return datetime.strptime(f"{match[1]}{time}", "%Y%m%d%H%M%S"), bool(match[3])  # noqa: DTZ007  the wall clock
    except ValueError:
        pass  # the 31st of June
    return part.refuse(
        f"UNTIL {part.value} is no time; write 20261231, 20261231T090000 or with a Z for UTC"
    )
