"""The cron dialect: text → `Cron`, or a sentence about the first thing that is wrong.

Five fields, or six with seconds first; numbers, names, ranges, steps, lists; for the day of the
month `L`, `L-3`, `15W`, `LW`; for the day of the week `5L`, `5#2`; macros. Day-of-month and
day-of-week both restricted mean either, but `+5` asks for both. As the open cron pattern
specification has it, and Debian's cron where that leaves room. `H` is Jenkins's: `H`, `H/15`,
`H(0-29)`, `H(0-29)/10`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache, partial
from hashlib import blake2b

from jobrunner.schedule.cron import EVERY_WEEKDAY, Cron, can_match
from jobrunner.schedule.cron_field import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    WEEKDAY,
    Field,
    FieldValues,
    Hashed,
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


def parse_cron(text: str, key: str = "") -> Cron:
    """Read an expression. Raises ScheduleError; also for one that can never match (30 February).

    `key` names the schedule: what `H` stands for is made from it, or else from the text.
    """
    expression = _read_expression(text)
    return _resolved(text, key or text) if expression.is_hashed else expression.cron


@dataclass(frozen=True, slots=True)
class _Expression:
    cron: Cron
    """Without the numbers of `H`."""
    hashed: tuple[tuple[Hashed, ...], ...]
    """What `H` may come to, field by field."""
    is_hashed: bool


@lru_cache(maxsize=4096)
def _read_expression(text: str) -> _Expression:
    words = _split(text)
    has_seconds = len(words) == 6
    *others, weekday_word = words if has_seconds else ("0", *words)
    must_be_both = weekday_word.startswith("+")  # OCPS 1.4
    fields = (*others, weekday_word[must_be_both:])
    values: list[FieldValues] = []
    for field, word in zip(_FIELDS, fields, strict=True):
        try:
            values.append(read_field(field, word))
        except ScheduleError as error:
            offset = _offset(text, len(values), has_seconds=has_seconds) + (error.offset or 0)
            offset += must_be_both and field is WEEKDAY
            raise ScheduleError(error.message, offset=offset, width=error.width) from None
    second, minute, hour, day, month, weekday = values
    cron = Cron(
        text=text,
        fields=fields,
        seconds=second.numbers,
        minutes=minute.numbers,
        hours=hour.numbers,
        days=day.numbers,
        months=month.numbers,
        weekdays=_folded(weekday.numbers),
        days_before_last=day.days_before_last,
        nearest_weekdays=day.nearest_weekdays,
        last_weekday=day.last_weekday,
        weekdays_in_month=weekday.weekdays_in_month,
        day_and_weekday=must_be_both or fields[3].startswith("*") or fields[5].startswith("*"),
        # Debian's cron looks at the first character of the minute and of the hour; with seconds
        # there is no such tradition, and cronsim reads them as the clock shows them.
        follows_clock_changes=has_seconds or fields[1].startswith("*") or fields[2].startswith("*"),
    )
    hashed = tuple([value.hashed for value in values])
    expression = _Expression(cron, hashed, is_hashed=any(hashed))
    if not _can_match(expression):
        never = "may come to a day that never is" if expression.is_hashed else "can never match"
        message = f"{text.strip()!r} {never}: no such day exists in the months it names"
        offset = _offset(text, _FIELDS.index(DAY), has_seconds=has_seconds)
        raise ScheduleError(message, offset=offset, width=len(fields[3]))
    return expression


def _can_match(expression: _Expression) -> bool:
    """Whether it can, whatever `H` comes to. The last choice of a day is the rarest and stands for
    all of them; months differ, and each is tried.
    """
    if not expression.is_hashed:
        return can_match(expression.cron)
    months = max((hashed.choices for hashed in expression.hashed[_FIELDS.index(MONTH)]), default=1)
    return all(
        can_match(_with_hashed(expression, partial(_rarest, month))) for month in range(months)
    )


def _rarest(month: int, field: Field, hashed: Hashed) -> int:
    return month % hashed.choices if field is MONTH else hashed.choices - 1


@lru_cache(maxsize=4096)
def _resolved(text: str, key: str) -> Cron:
    return _with_hashed(_read_expression(text), partial(_choice, key))


def _choice(key: str, field: Field, hashed: Hashed) -> int:
    """The same on each machine."""
    digest = blake2b(f"{key}\0{field.name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % hashed.choices


def _with_hashed(expression: _Expression, choose: Callable[[Field, Hashed], int]) -> Cron:
    cron = expression.cron
    numbers = [cron.seconds, cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays]
    for index, field in enumerate(_FIELDS):
        for hashed in expression.hashed[index]:
            numbers[index] |= hashed.numbers(choose(field, hashed))
    return replace(
        cron,
        seconds=numbers[0],
        minutes=numbers[1],
        hours=numbers[2],
        days=numbers[3],
        months=numbers[4],
        weekdays=_folded(numbers[5]),
    )


def _folded(weekdays: int) -> int:
    """7 is Sunday, as 0 is."""
    return (weekdays | weekdays >> 7) & EVERY_WEEKDAY


def _split(text: str) -> list[str]:
    """Five or six fields in capitals."""
    if len(text) > LONGEST_TEXT:
        raise ScheduleError(f"a cron expression has at most {LONGEST_TEXT:,} characters")
    words = text.upper().split()
    if not words:
        raise ScheduleError(f"the cron expression is empty; it has {_SHAPE}")
    if words[0].startswith("@"):
        return _macro(text.strip(), len(text) - len(text.lstrip())).split()
    if len(words) not in {5, 6}:
        raise _wrong_count(text, len(words))
    return words


def _wrong_count(text: str, words: int) -> ScheduleError:
    offset = _offset(text, 6 if words > 6 else 0, has_seconds=True)
    count = "1 field" if words == 1 else f"{words} fields"
    message = f"{text.strip()!r} has {count}; a cron expression has {_SHAPE}"
    return ScheduleError(message, offset=offset, width=len(text.rstrip()) - offset)


def _offset(text: str, field: int, *, has_seconds: bool) -> int:
    """Where a field, counted from the seconds, stands; a macro has all of its fields in one place."""
    words = [match.start() for match in _WORD.finditer(text)]
    return words[0] if text.lstrip().startswith("@") else words[field - (not has_seconds)]


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
