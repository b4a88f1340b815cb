"""The cron dialect: text → `Cron`, or a sentence about the first thing that is wrong.

Five fields, or six with seconds first; numbers, names, ranges, steps, lists; for the day of the
month `L`, `L-3`, `15W`, `LW`; for the day of the week `5L`, `5#2`; macros. Day-of-month and
day-of-week both restricted mean either. As the open cron pattern specification has it, and
Debian's cron where that leaves room.
"""

import re
from difflib import get_close_matches
from functools import lru_cache

from jobrunner.schedule.cron import Cron, can_match
from jobrunner.schedule.cron_field import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    WEEKDAY,
    FieldValues,
    read_field,
)
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
"""Characters; even a field that lists all of its numbers stays well below."""

_FIELDS = (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY)
_SHAPE = "five fields (minute hour day-of-month month day-of-week), or six with the second first"
_WORD = re.compile(r"\S+")


@lru_cache(maxsize=16_384)
def parse_cron(text: str) -> Cron:
    """Read an expression. Raises ScheduleError; also for one that can never match (30 February)."""
    words = _split(text)
    has_seconds = len(words) == 6
    if not has_seconds:
        words = [("0", 0), *words]
    second, minute, hour, day, month, weekday = (
        _read(index, word, offset) for index, (word, offset) in enumerate(words)
    )
    fields = tuple(word for word, _ in words)
    cron = Cron(
        text=text,
        fields=fields,
        seconds=second.numbers,
        minutes=minute.numbers,
        hours=hour.numbers,
        days=day.numbers,
        months=month.numbers,
        weekdays=(weekday.numbers | weekday.numbers >> 7) & 0b111_1111,  # 7 is Sunday, as 0 is
        days_before_last=day.days_before_last,
        nearest_weekdays=day.nearest_weekdays,
        last_weekday=day.last_weekday,
        weekdays_in_month=weekday.weekdays_in_month,
        day_and_weekday=fields[3].startswith("*") or fields[5].startswith("*"),
        # Debian's cron looks at the first character of the minute and of the hour; with seconds
        # there is no such tradition, and cronsim reads them as the clock shows them.
        follows_clock_changes=has_seconds or fields[1].startswith("*") or fields[2].startswith("*"),
    )
    if not can_match(cron):
        message = f"{text.strip()!r} can never match: no such day exists in the months it names"
        raise ScheduleError(message, offset=words[3][1], width=len(fields[3]))
    return cron


def _split(text: str) -> list[tuple[str, int]]:
    """Five or six (field in capitals, offset in the text)."""
    if len(text) > LONGEST_TEXT:
        raise ScheduleError(f"a cron expression has at most {LONGEST_TEXT:,} characters")
    words = [(match[0].upper(), match.start()) for match in _WORD.finditer(text)]
    if not words:
        raise ScheduleError(f"the cron expression is empty; it has {_SHAPE}")
    if words[0][0].startswith("@"):
        offset = words[0][1]
        return [(word, offset) for word in _macro(text.strip(), offset).split()]
    if len(words) not in {5, 6}:
        raise _wrong_count(text, words)
    return words


def _wrong_count(text: str, words: list[tuple[str, int]]) -> ScheduleError:
    offset = words[6 if len(words) > 6 else 0][1]
    count = "1 field" if len(words) == 1 else f"{len(words)} fields"
    message = f"{text.strip()!r} has {count}; a cron expression has {_SHAPE}"
    return ScheduleError(message, offset=offset, width=len(text.rstrip()) - offset)


def _macro(name: str, offset: int) -> str:
    if name.lower() in MACROS:
        return MACROS[name.lower()]
    if name.lower() == "@reboot":
        advice = "nothing reboots here; start such a job by hand or by the API"
    elif close := get_close_matches(name.lower(), MACROS, n=1):
        advice = f"did you mean '{close[0]}'?"
    else:
        advice = f"there are {', '.join(sorted(MACROS))}"
    raise ScheduleError(f"{name!r} is no cron macro; {advice}", offset=offset, width=len(name))


def _read(index: int, word: str, offset: int) -> FieldValues:
    try:
        return read_field(_FIELDS[index], word)
    except ScheduleError as error:
        inside = offset + (error.offset or 0)
        raise ScheduleError(error.message, offset=inside, width=error.width) from None
