"""The cron dialect: text → `Cron`, or a sentence about the first thing that is wrong.

Five fields, or six with seconds first; numbers, names, ranges, steps, lists; for the day of the
month `L`, `L-3`, `15W`, `LW`; for the day of the week `5L`, `5#2`; macros. Day-of-month and
day-of-week both restricted mean either. As the open cron pattern specification has it, where
Debian's cron has no word on the matter.
"""

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache

from jobrunner.schedule.cron import LAST_WEEK, Cron, WeekdayInMonth, can_match
from jobrunner.schedule.errors import ScheduleError

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

LONGEST_TEXT = 1000
"""Characters; each field written out as a full list stays well below."""

_SHAPE = "minute hour day-of-month month day-of-week, or six with the second first"


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    @property
    def range_in_words(self) -> str:
        numbers = f"{self.lowest}-{self.highest}"
        return f"{numbers} or {self.names[0]}-{self.names[-1]}" if self.names else numbers


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day-of-month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day-of-week", 0, 7, _WEEKDAYS)
_FIELDS = (_SECOND, _MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)

_PIECE = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\w*))?", re.ASCII)
_SPECIAL_DAY = re.compile(r"(L)(W)?|L-(\d+)|(\d+)W", re.ASCII)
_SPECIAL_WEEKDAY = re.compile(r"(\w+?)(?:(L)|#(\w*))", re.ASCII)


@lru_cache(maxsize=20_000)
def parse_cron(text: str) -> Cron:
    """Read an expression. Raises ScheduleError; also for one that can never match (30 February)."""
    if len(text) > LONGEST_TEXT:
        raise ScheduleError(f"a cron expression has at most {LONGEST_TEXT:,} characters")
    words = _split(text)
    read = [_ReadField(*word) for word in zip(_FIELDS, *zip(*words, strict=True), strict=True)]
    for one in read:
        one.read()
    second, minute, hour, day, month, weekday = read
    cron = Cron(
        text=text,
        fields=tuple(one.text for one in read),
        seconds=second.numbers,
        minutes=minute.numbers,
        hours=hour.numbers,
        days=day.numbers,
        months=month.numbers,
        weekdays=(weekday.numbers | weekday.numbers >> 7) & 0b111_1111,  # 7 is Sunday, as 0
        days_before_last=day.days_before_last,
        nearest_weekdays=day.nearest_weekdays,
        last_weekday=day.last_weekday,
        weekdays_in_month=tuple(weekday.weekdays_in_month),
        day_and_weekday=day.text.startswith("*") or weekday.text.startswith("*"),
        follows_clock_changes=_follows_clock_changes(read, has_seconds=second.offset >= 0),
    )
    if not can_match(cron):
        raise ScheduleError(
            f"{text.strip()!r} can never match: no month it names has such a day",
            offset=max(day.offset, 0),
            width=len(day.text),
        )
    return cron


def _split(text: str) -> list[tuple[str, int]]:
    """Six (field in capitals, offset); the second that was not written is `0` at offset -1."""
    stripped = text.strip()
    start = text.find(stripped)
    if stripped.startswith("@"):
        # Nothing in a macro can be wrong but its name, so its fields need no offsets.
        return [("0", -1), *((word, start) for word in _macro(stripped, start).split())]
    words = [(match[0].upper(), match.start()) for match in re.finditer(r"\S+", text)]
    if len(words) == 5:
        return [("0", -1), *words]
    if len(words) == 6:
        return words
    if not words:
        raise ScheduleError(f"the cron expression is empty; it has five fields: {_SHAPE}")
    count = "one field" if len(words) == 1 else f"{len(words)} fields"
    offset = words[6][1] if len(words) > 6 else words[0][1]
    width = max(len(text.rstrip()) - offset, 1)
    raise ScheduleError(
        f"{stripped!r} has {count}; a cron expression has five: {_SHAPE}",
        offset=offset,
        width=width,
    )


def _macro(name: str, offset: int) -> str:
    expression = MACROS.get(name.lower())
    if expression is not None:
        return expression
    if name.lower() == "@reboot":
        advice = "nothing reboots here; start such a job with a trigger"
    elif close := get_close_matches(name.lower(), MACROS, n=1):
        advice = f"did you mean '{close[0]}'?"
    else:
        advice = f"there are {', '.join(sorted(MACROS))}"
    raise ScheduleError(f"{name!r} is no cron macro; {advice}", offset=offset, width=len(name))


def _follows_clock_changes(read: "list[_ReadField]", *, has_seconds: bool) -> bool:
    """Debian's cron: an hour or a minute that begins with `*`. With seconds, always (as cronsim)."""
    return has_seconds or read[1].text.startswith("*") or read[2].text.startswith("*")


@dataclass(slots=True)
class _ReadField:
    """One field while it is read; `read` fills the sets."""

    field: _Field
    text: str
    offset: int
    numbers: int = 0
    days_before_last: int = 0
    nearest_weekdays: int = 0
    last_weekday: bool = False
    weekdays_in_month: list[WeekdayInMonth] = field(default_factory=list)

    def read(self) -> None:
        offset = self.offset
        for item in self.text.split(","):
            if not (self._read_special(item, offset) or self._read_numbers(item, offset)):
                raise self._unreadable(item, offset)
            offset += len(item) + 1

    def _read_special(self, item: str, offset: int) -> bool:
        if self.field is _DAY and (match := _SPECIAL_DAY.fullmatch(item)):
            self._add_special_day(match, offset)
            return True
        if self.field is _WEEKDAY and (match := _SPECIAL_WEEKDAY.fullmatch(item)):
            weekday = self._number(match[1], offset) % 7
            nth = LAST_WEEK if match[2] else self._nth(match[3], offset + match.start(3))
            self.weekdays_in_month.append(WeekdayInMonth(weekday, nth))
            return True
        return False

    def _add_special_day(self, match: re.Match[str], offset: int) -> None:
        last, weekday, before, nearest = match.groups()
        if before is not None:
            if not 1 <= int(before) <= 30:
                message = f"day-of-month 'L-{before}' is out of range L-1 to L-30"
                raise ScheduleError(message, offset=offset, width=len(match[0]))
            self.days_before_last |= 1 << int(before)
        elif nearest is not None:
            self.nearest_weekdays |= 1 << self._number(nearest, offset)
        elif weekday:
            self.last_weekday = True
        else:
            self.days_before_last |= bool(last)

    def _nth(self, text: str, offset: int) -> int:
        if text in {"1", "2", "3", "4", "5"}:
            return int(text)
        message = f"day-of-week '#{text}' is out of range #1 to #5; the last one is written 5L"
        raise ScheduleError(message, offset=offset, width=max(len(text), 1))

    def _read_numbers(self, item: str, offset: int) -> bool:
        match = _PIECE.fullmatch(item)
        if not match:
            return False
        star, first_text, last_text, step_text = match.groups()
        highest = self.field.highest
        if star:
            first, last = self.field.lowest, highest
        else:
            first = self._number(first_text, offset)
            last = first if step_text is None else highest
            if last_text is not None:
                last = self._number(last_text, offset + match.start(3))
        if last < first:
            message = (
                f"{self.field.name} range {first_text}-{last_text} runs backwards; "
                f"write the lower end first, or a list such as {first_text},{last_text}"
            )
            raise ScheduleError(message, offset=offset, width=len(item))
        step = 1 if step_text is None else self._step(step_text, offset + match.start(4))
        for number in range(first, last + 1, step):
            self.numbers |= 1 << number
        return True

    def _number(self, text: str, offset: int) -> int:
        names = self.field.names
        if text in names:
            return names.index(text) + self.field.lowest
        if not text.isdecimal():
            raise self._unreadable(text, offset)
        number = int(text)
        if self.field.lowest <= number <= self.field.highest:
            return number
        message = f"{self.field.name} {text} is out of range {self.field.lowest}-{self.field.highest}"
        raise ScheduleError(message, offset=max(offset, 0), width=len(text))

    def _step(self, text: str, offset: int) -> int:
        if text.isdecimal() and int(text) > 0:
            return int(text)
        message = f"{self.field.name} step '/{text}' is no step; a step is a number from 1"
        raise ScheduleError(message, offset=offset, width=max(len(text), 1))

    def _unreadable(self, item: str, offset: int) -> ScheduleError:
        message = f"{self.field.name} {item!r} is not understood; {self._advice(item)}"
        return ScheduleError(message, offset=offset, width=max(len(item), 1))

    def _advice(self, item: str) -> str:
        if not item:
            return "there is a comma too many"
        if item == "?":
            return "write '*' for any"
        if self.field is _WEEKDAY and item == "L":
            return "write 5L for the last Friday of the month"
        if close := get_close_matches(item, self.field.names, n=1):
            return f"did you mean {close[0]}?"
        special = {"day-of-month": ", L, L-3, 15W or LW", "day-of-week": ", 5L or 5#2"}
        return f"write {self.field.range_in_words}{special.get(self.field.name, '')}"
