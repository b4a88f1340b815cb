"""One field of a cron expression: text → the numbers it stands for, or what is wrong with it."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import NoReturn

from jobrunner.schedule.cron import LAST_WEEK, WeekdayInMonth
from jobrunner.schedule.errors import ScheduleError


@dataclass(frozen=True, slots=True, eq=False)  # each is itself: that is quick to look up
class Field:
    """A place in an expression and what may stand there."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    """Forms beyond numbers, names and H, for an error that lists what may be written."""
    highest_hashed: int | None = None
    """The last number that H alone may come to, where that is not `highest`."""

    @property
    def in_words(self) -> str:
        names = [f"{self.names[0]}-{self.names[-1]}"] if self.names else []
        forms = [f"{self.lowest}-{self.highest}", *names, *self.also]
        return f"{', '.join(forms)} or H"


MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
SECOND = Field("second", 0, 59)
MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day-of-month", 1, 31, also=("L", "L-3", "15W", "LW"), highest_hashed=28)
MONTH = Field("month", 1, 12, MONTHS)
WEEKDAY = Field("day-of-week", 0, 7, WEEKDAYS, also=("5L", "5#2"), highest_hashed=6)

_NUMBERS = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\w*))?", re.ASCII)
_HASHED = re.compile(r"H(?:\((\w+)-(\w+)\))?(?:/(\w*))?", re.ASCII)
_SPECIAL_DAY = re.compile(r"(L)(W)?|L-(\d+)|(\d+)W", re.ASCII)
_SPECIAL_WEEKDAY = re.compile(r"(\w+?)(?:(L)|#(\w*))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hashed:
    """`H(first-last)/step`: the same numbers each time for one schedule, others for another."""

    first: int
    last: int
    step: int | None

    @property
    def choices(self) -> int:
        """How many different sets of numbers it may come to."""
        span = self.last - self.first + 1
        return min(self.step or span, span)

    def numbers(self, choice: int) -> int:
        """The set of a choice, counted from 0, as bits; with a step all further numbers, too."""
        first = self.first + choice
        last = first if self.step is None else self.last
        return _mask(first, last, self.step or 1)


@dataclass(slots=True)
class FieldValues:
    """What a field stands for; the names are those of `Cron`. Not changed once it is read."""

    numbers: int = 0
    days_before_last: int = 0
    nearest_weekdays: int = 0
    last_weekday: bool = False
    weekdays_in_month: tuple[WeekdayInMonth, ...] = ()
    hashed: tuple[Hashed, ...] = ()
    """What `H` stands for depends on the schedule, and is not among the numbers."""


@lru_cache(maxsize=8192)
def read_field(field: Field, text: str) -> FieldValues:
    """Read a field in capitals. Raises ScheduleError with an offset that counts from its start."""
    values = FieldValues()
    offset = 0
    for item in text.split(","):
        if field is DAY and (match := _SPECIAL_DAY.fullmatch(item)):
            _add_special_day(values, match, offset)
        elif field is WEEKDAY and (match := _SPECIAL_WEEKDAY.fullmatch(item)):
            values.weekdays_in_month += (_weekday_in_month(match, offset),)
        elif match := _HASHED.fullmatch(item):
            values.hashed += (_hashed(field, match, offset),)
        elif not item.startswith("H") and (match := _NUMBERS.fullmatch(item)):
            values.numbers |= _numbers(field, match, offset)
        else:
            _refuse_item(field, item, offset)
        offset += len(item) + 1
    return values


def _add_special_day(values: FieldValues, match: re.Match[str], offset: int) -> None:
    last, weekday, before, nearest = match.groups()
    if before is not None:
        if not 1 <= int(before) <= 30:
            message = f"day-of-month L-{before} is out of range L-1 to L-30"
            raise ScheduleError(message, offset=offset, width=len(match[0]))
        values.days_before_last |= 1 << int(before)
    elif nearest is not None:
        values.nearest_weekdays |= 1 << _number(DAY, nearest, offset)
    elif weekday:
        values.last_weekday = True
    elif last:
        values.days_before_last |= 1


def _weekday_in_month(match: re.Match[str], offset: int) -> WeekdayInMonth:
    weekday = _number(WEEKDAY, match[1], offset) % 7
    if "L" in {match[2], match[3]}:  # `5L`, and `5#L` as OCPS 1.3 prefers it
        return WeekdayInMonth(weekday, LAST_WEEK)
    if match[3] in {"1", "2", "3", "4", "5"}:
        return WeekdayInMonth(weekday, int(match[3]))
    message = (
        f"day-of-week #{match[3]} is out of range #1 to #5; the last one is written {match[1]}L"
    )
    raise ScheduleError(message, offset=offset, width=len(match[0]))


def _numbers(field: Field, match: re.Match[str], offset: int) -> int:
    star, first_text, last_text, step_text = match.groups()
    first, last = field.lowest, field.highest
    if not star:
        first = _number(field, first_text, offset)
        if last_text is not None:
            last = _number(field, last_text, offset + match.start(3))
        elif step_text is None:
            last = first  # while `10/5` goes on to the end of the field
        if step_text is not None and last == first:
            last = field.highest  # `10-10/5` is read as `10/5`, as cronsim does
    if last < first:
        message = (
            f"{field.name} range {first_text}-{last_text} runs backwards; "
            f"write two items: {first_text}-{field.highest},{field.lowest}-{last_text}"
        )
        raise ScheduleError(message, offset=offset, width=len(match[0]))
    step = 1 if step_text is None else _step(field, step_text, offset + match.start(4))
    return _mask(first, last, step)


def _mask(first: int, last: int, step: int) -> int:
    if step == 1:
        return (1 << (last + 1)) - (1 << first)
    return sum(1 << number for number in range(first, last + 1, step))


def _hashed(field: Field, match: re.Match[str], offset: int) -> Hashed:
    first_text, last_text, step_text = match.groups()
    first, last = field.lowest, field.highest_hashed or field.highest
    if first_text is not None:
        first = _number(field, first_text, offset + match.start(1))
        last = _number(field, last_text, offset + match.start(2))
    if last < first:
        message = (
            f"{field.name} {match[0]} runs backwards; write the lower number first: "
            f"H({last_text}-{first_text})"
        )
        raise ScheduleError(message, offset=offset, width=len(match[0]))
    step = None if step_text is None else _step(field, step_text, offset + match.start(3))
    return Hashed(first, last, step)


def _number(field: Field, text: str, offset: int) -> int:
    if text in field.names:
        return field.names.index(text) + field.lowest
    if not text.isdecimal():
        _refuse_item(field, text, offset)
    number = int(text)
    if not field.lowest <= number <= field.highest:
        message = f"{field.name} {text} is out of range {field.lowest}-{field.highest}"
        raise ScheduleError(message, offset=offset, width=len(text))
    return number


def _step(field: Field, text: str, offset: int) -> int:
    if not text.isdecimal() or int(text) == 0:
        message = f"{field.name} step /{text} is no step; a step is a number from 1"
        raise ScheduleError(message, offset=offset - 1, width=len(text) + 1)
    return int(text)


def _refuse_item(field: Field, item: str, offset: int) -> NoReturn:
    if not item:
        message = f"{field.name} has a comma with nothing beside it; remove the comma"
    elif item == "?":
        message = f"{field.name} '?' is not known to this cron; write '*' for any"
    elif field is WEEKDAY and item == "L":
        message = "day-of-week L needs a day; the last Friday of the month is written 5L"
    elif field is DAY and item.endswith("W"):
        message = f"day-of-month {item!r} does not fit here; W goes with one day alone, as in 15W"
    elif item.startswith("H"):
        message = f"{field.name} {item!r} is not understood; write H, H/5, H(2-9) or H(2-9)/5"
    elif close := get_close_matches(item, field.names, n=1):
        message = f"{field.name} {item!r} is no name; did you mean {close[0]}?"
    else:
        message = f"{field.name} {item!r} is not understood; write {field.in_words}"
    raise ScheduleError(message, offset=offset, width=max(len(item), 1))
