"""Durations as people write them: `90s`, `1h30m`, `500ms`, `2d`."""

import re
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

_MILLISECONDS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$"
_WHOLE = re.compile(DURATION_PATTERN)
_WORDS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "wk", "week", "weeks"), "w"),
}
_SPOKEN_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([a-z]+)(?:,| and)? *")
_ISO_8601 = re.compile(r"p(?=.)(?:([0-9]+)d)?(?:t(?=.)(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?)?")
LONGEST = timedelta(days=36525)
"""A hundred years: far beyond any use, well inside what PostgreSQL and Python hold."""
_LONGEST_TEXT = 100


def parse_duration(value: object) -> timedelta:
    """`'1h30m'` → timedelta. Raises ValueError with a sentence that shows a right form."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004  pydantic makes a located mistake of ValueError only
            f"a duration needs a unit; write '{value}s' for seconds or '{value}m' for minutes"
        )
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004  as above
            "a duration is a number and a unit; write for example '90s', '1h30m' or '2d'"
        )
    return _parse_text(value)


@lru_cache(maxsize=1024)
def _parse_text(value: str) -> timedelta:
    text = value.strip()
    if len(text) > _LONGEST_TEXT or not _WHOLE.fullmatch(text):
        shown = value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + "…"
        meant = spoken_duration(text)
        advice = f"write '{meant}'" if meant else "write for example '90s', '1h30m' or '2d'"
        raise ValueError(f"{shown!r} is no duration; {advice}")
    milliseconds = sum(Decimal(n) * _MILLISECONDS[unit] for n, unit in _PART.findall(text))
    if milliseconds > LONGEST / timedelta(milliseconds=1):
        raise ValueError(f"{value!r} is longer than a hundred years; write a shorter time")
    if milliseconds != int(milliseconds):
        raise ValueError(f"{value!r} is finer than a millisecond; write 1ms or more")
    return timedelta(milliseconds=int(milliseconds))


def spoken_duration(text: str) -> str:
    """What `5 minutes`, `5min` and `an hour` are as a duration, `every` before it or not; '' else."""
    spoken = " ".join(text[: _LONGEST_TEXT + 1].lower().split()).removeprefix("every ")
    if len(spoken) > _LONGEST_TEXT:
        return ""
    first, _, rest = spoken.partition(" ")
    spoken = f"1 {rest}" if first in {"a", "an"} else spoken
    spoken = f"1 {spoken}" if spoken in _WORDS else spoken
    if found := _ISO_8601.fullmatch(spoken):
        return "".join(
            number + unit for number, unit in zip(found.groups(), "dhms", strict=True) if number
        )
    parts = _SPOKEN_PART.findall(spoken)
    if _SPOKEN_PART.sub("", spoken) or not all(unit in _WORDS for _, unit in parts):
        return ""
    return "".join(number + _WORDS[unit] for number, unit in parts)


def positive(duration: timedelta) -> timedelta:
    """Refuses zero. Raises ValueError with a sentence."""
    if duration <= timedelta(0):
        raise ValueError("it cannot be zero; write for example '90s', or remove the key")
    return duration


def at_least_a_second(duration: timedelta) -> timedelta:
    """Refuses what is shorter. Raises ValueError with a sentence."""
    if duration < timedelta(seconds=1):
        raise ValueError(
            f"{format_duration(duration)} is shorter than a second; write '1s' or more"
        )
    return duration


@lru_cache(maxsize=1024)
def format_duration(duration: timedelta) -> str:
    """The one way a duration is written: `1h30m`, `90s` becomes `1m30s`, zero is `0s`."""
    milliseconds = round(duration / timedelta(milliseconds=1))
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, milliseconds = divmod(milliseconds, _MILLISECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
