"""A cron expression, spelled out: which days match, and which seconds of a matching day."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b

_DAY = timedelta(days=1)
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_HASHED = re.compile(r"H(?:\((\w+)-(\w+)\))?(?:/(\d+))?")


@dataclass(frozen=True)
class _Field:
    name: str
    lowest: int
    highest: int
    highest_hashed: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        return self.names.index(text) + self.lowest if text in self.names else int(text)


_SECOND = _Field("second", 0, 59, 59)
_MINUTE = _Field("minute", 0, 59, 59)
_HOUR = _Field("hour", 0, 23, 23)
_DAY_OF_MONTH = _Field("day-of-month", 1, 31, 28)
_MONTH = _Field("month", 1, 12, 12, tuple(_MONTHS))
_DAY_OF_WEEK = _Field("day-of-week", 0, 7, 6, tuple(_WEEKDAYS))


class CronDays:
    """`key` is what `H` is made from: `namespace/job#schedule`."""

    def __init__(self, text: str, key: str) -> None:
        fields = _MACROS.get(text.strip().lower(), text).upper().split()
        self._has_seconds = len(fields) == 6
        self._fields = fields if self._has_seconds else ["0", *fields]
        self._key = key or text
        self.times_of_day = list(self._scan_a_day())
        """As distances from midnight, in order."""

    @property
    def follows_the_clock(self) -> bool:
        """A wildcard for the minute or the hour: it is due whenever the clock shows a match.

        Debian's rule; with a field of seconds there is no other reading.
        """
        _, minute, hour, *_ = self._fields
        return self._has_seconds or minute.startswith("*") or hour.startswith("*")

    def matches(self, day: date) -> bool:
        """Day of the month and day of the week: either, unless a star or a plus begins one of them."""
        of_month, month, of_week = self._fields[3:]
        if day.month not in self._numbers(_MONTH, month):
            return False
        by_month = any(self._is_day_of_month(item, day) for item in of_month.split(","))
        by_week = any(self._is_day_of_week(item, day) for item in of_week.lstrip("+").split(","))
        if of_month.startswith("*") or of_week.startswith(("*", "+")):
            return by_month and by_week
        return by_month or by_week

    def _scan_a_day(self) -> Iterator[timedelta]:
        """Minute by minute, and second by second where the expression has seconds."""
        seconds = self._numbers(_SECOND, self._fields[0])
        minutes = self._numbers(_MINUTE, self._fields[1])
        hours = self._numbers(_HOUR, self._fields[2])
        for second_of_day in range(0, 86_400, 1 if self._has_seconds else 60):
            minute_of_day, second = divmod(second_of_day, 60)
            hour, minute = divmod(minute_of_day, 60)
            if hour in hours and minute in minutes and second in seconds:
                yield timedelta(seconds=second_of_day)

    def _numbers(self, field: _Field, text: str) -> set[int]:
        return {number for item in text.split(",") for number in self._numbers_of(field, item)}

    def _numbers_of(self, field: _Field, item: str) -> range:
        if hashed := _HASHED.fullmatch(item):
            return self._hashed(field, *hashed.groups())
        base, _, step = item.partition("/")
        if base == "*":
            first, last = field.lowest, field.highest
        else:
            ends = [field.number(end) for end in base.split("-")]
            first, last = ends[0], ends[-1]
            if step and first == last:
                last = field.highest  # `10/5` goes on to the end
        return range(first, last + 1, int(step or 1))

    def _hashed(
        self, field: _Field, first_text: str | None, last_text: str | None, step_text: str | None
    ) -> range:
        """One number of the range, or with a step one of the ways to begin it."""
        first = field.lowest if first_text is None else field.number(first_text)
        last = field.highest_hashed if last_text is None else field.number(last_text)
        span = last - first + 1
        step = span if step_text is None else int(step_text)
        digest = blake2b(f"{self._key}\0{field.name}".encode(), digest_size=8).digest()
        first += int.from_bytes(digest, "big") % min(step, span)
        return range(first, first + 1 if step_text is None else last + 1, step)

    def _is_day_of_month(self, item: str, day: date) -> bool:
        last = _last_of_month(day)
        if item == "LW":
            return day == _nearest_weekday(last)
        if item == "L":
            return day == last
        if item.startswith("L-"):
            return day == last - int(item[2:]) * _DAY
        if item.endswith("W"):
            number = int(item[:-1])
            return number <= last.day and day == _nearest_weekday(day.replace(day=number))
        return day.day in self._numbers_of(_DAY_OF_MONTH, item)

    def _is_day_of_week(self, item: str, day: date) -> bool:
        weekday = day.isoweekday() % 7
        item = item.replace("#L", "L")
        if "#" in item:
            name, nth = item.split("#")
            return weekday == _DAY_OF_WEEK.number(name) % 7 and (day.day + 6) // 7 == int(nth)
        if item.endswith("L"):
            is_last = (day + 7 * _DAY).month != day.month
            return is_last and weekday == _DAY_OF_WEEK.number(item[:-1]) % 7
        return weekday in {number % 7 for number in self._numbers_of(_DAY_OF_WEEK, item)}


def _last_of_month(day: date) -> date:
    while (day + _DAY).month == day.month:
        day += _DAY
    return day


def _nearest_weekday(day: date) -> date:
    """Monday to Friday, in the same month."""
    in_month = [day + n * _DAY for n in (0, -1, 1, -2, 2) if (day + n * _DAY).month == day.month]
    return next(one for one in in_month if one.isoweekday() <= 5)
