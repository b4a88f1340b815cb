"""A crontab's time fields: what cron takes, as our dialect says it, and when cron fires."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from jobrunner.importing.entries import Times
from jobrunner.oracle import due_times, make_oracle
from jobrunner.schedule import ScheduleError, parse_cron
from jobrunner.schedule.cron_text import MACROS

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAYS = "sun|mon|tue|wed|thu|fri|sat"
_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_FIELD_NAMES = ("minute", "hour", "day-of-month", "month", "day-of-week")
_NAMES = ("", "", "", _MONTHS, _DAYS)
_LONGEST_STEP = 1000
_FIRST_SPAN = timedelta(days=1)


class NotCron(Exception):
    """Why a line's time cannot be taken: one sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class CronTime:
    """When a line is due."""

    expression: str
    """In our dialect."""
    notes: tuple[str, ...]
    is_random: bool = False
    """cronie's `~`: nobody can tell when."""


def read_cron_time(words: list[str]) -> CronTime:
    """Five fields, or a macro alone. Raises NotCron."""
    if len(words) == 1:
        return _macro(words[0])
    notes: list[str] = []
    fields = [_field(index, word, notes) for index, word in enumerate(words)]
    expression = " ".join(fields)
    try:
        parse_cron(expression)
    except ScheduleError as error:
        raise NotCron(error.message) from None
    is_random = any("~" in word for word in words)
    return CronTime(expression, tuple(dict.fromkeys(notes)), is_random=is_random)


@lru_cache(maxsize=1024)
def cron_times(expression: str, timezone: str) -> Times:
    """When Debian's cron fires, by a model of it that shares no line with our own arithmetic.

    The same function for the same words, by which `compare` knows what it has compared.
    """
    oracle = make_oracle(
        {"cron": expression, "timezone": timezone, "misfire_grace": "0s", "max_runs": None}, ""
    )

    def times(start: datetime, end: datetime) -> Iterator[datetime]:
        span = _FIRST_SPAN  # most are asked for a few times only
        while start < end:
            until = min(start + span, end)
            yield from due_times(oracle, start.astimezone(UTC), until)
            start, span = until, span * 4

    return times


def _macro(word: str) -> CronTime:
    name = word.lower()
    if name in MACROS:
        return CronTime(name, ())
    if name == "@reboot":
        raise NotCron(
            "nothing starts with the machine here; start it from the machine's own init, by "
            "`jobrunner run ADDRESS`, or by a schedule"
        )
    raise NotCron(f"{word!r} is no macro that is known here")


def _field(index: int, word: str, notes: list[str]) -> str:
    return ",".join(_item(index, item, notes) for item in word.split(","))


def _item(index: int, item: str, notes: list[str]) -> str:
    number = rf"(?:\d{{1,9}}{'|' + _NAMES[index] if _NAMES[index] else ''})"
    shape = re.compile(
        rf"(?:\*|({number})?(?:(-|~)({number})?)?)(?:/(\d{{1,9}}))?", re.ASCII | re.IGNORECASE
    )
    match = shape.fullmatch(item)
    name = _FIELD_NAMES[index]
    if not item or not match:
        raise NotCron(f"cron itself refuses {item!r} as {name}")
    first, joint, last, step = match.groups()
    if step is not None and not int(step):
        raise NotCron(f"cron itself refuses {item!r} as {name}: a step of 0")
    if joint == "~":
        if step is not None:
            raise NotCron(f"a random number with a step, {item!r}, is not known here")
        return _random(item, first or _LIMITS[index][0], last or _LIMITS[index][1], notes)
    if not item.startswith("*") and (first is None or (joint and last is None)):
        raise NotCron(f"cron itself refuses {item!r} as {name}")
    if step and first and last and _number(index, first) == _number(index, last):
        return first  # as cron takes it; our dialect follows cronsim and reads `10-10/5` as `10/5`
    if step and first and not joint:
        notes.append(
            f"{item!r} is read as {first}-{_LIMITS[index][1]}/{step}; some crons take {first} alone"
        )
        return f"{first}-{_LIMITS[index][1]}/{_short(step)}"
    return item if step is None else f"{item.partition('/')[0]}/{_short(step)}"


def _number(index: int, text: str) -> int:
    """Of a number, or of a name in any letters."""
    names = _NAMES[index].split("|")
    return int(text) if text.isdecimal() else names.index(text.lower()) + _LIMITS[index][0]


def _short(step: str) -> str:
    """A step over the field's end has one number, however long it is."""
    return str(min(int(step), _LONGEST_STEP))


def _random(item: str, low: str | int, high: str | int, notes: list[str]) -> str:
    notes.append(
        f"cronie draws a number for {item!r} each time it reads the file; here it is made from the "
        "job's name and stays"
    )
    return f"H({low}-{high})"
