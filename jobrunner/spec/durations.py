"""Durations as people write them: `90s`, `1h30m`, `500ms`, `2d`."""

import re
from datetime import timedelta

_UNITS_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
LONGEST = timedelta(days=36525)
"""A hundred years: far beyond any use, well inside what PostgreSQL and Python hold."""


def parse_duration(value: object) -> timedelta:
    """`'1h30m'` → timedelta. Raises ValueError with a sentence that shows a right form."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, str):
        raise ValueError(f"a duration needs a unit, for example '{value}s' or '5m'")
    text = value.strip()
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{value!r} is no duration; write for example '90s', '1h30m' or '2d'")
    duration = timedelta(seconds=sum(float(n) * _UNITS_SECONDS[u] for n, u in _PART.findall(text)))
    if duration > LONGEST:
        raise ValueError(f"{value!r} is longer than a hundred years")
    return duration


def format_duration(duration: timedelta) -> str:
    """The one way a duration is written: `1h30m`, `90s` becomes `1m30s`, zero is `0s`."""
    milliseconds = round(duration / timedelta(milliseconds=1))
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
