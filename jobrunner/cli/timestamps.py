"""The timestamp or the day of an option, as it was typed."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeVar

from jobrunner.errors import UsageError

_Moment = TypeVar("_Moment", bound=date)

_FIRST_YEAR, _LAST_YEAR = 1900, 9998
"""Whoever writes another one has mistyped; the arithmetic needs some days on both sides."""


def read_timestamp(option: str, given: str) -> datetime:
    """ISO 8601 with an offset → UTC. Raises UsageError that names the option."""
    moment = read_wall_timestamp(option, given)
    if moment.tzinfo is None:
        shown = moment.isoformat()
        raise UsageError(
            f"{option} {given!r} has no offset.", hint=f"Write {shown}Z, or {shown}+01:00."
        )
    return moment.astimezone(UTC)


def read_wall_timestamp(option: str, given: str) -> datetime:
    """ISO 8601; naive without an offset, for who knows the zone. Raises UsageError."""
    return _read(option, given, datetime.fromisoformat, "timestamp", example="2026-12-24T18:00:00Z")


def read_day(option: str, given: str) -> date:
    """ISO 8601. Raises UsageError."""
    return _read(option, given, date.fromisoformat, "day", example="2027-03-28")


def _read(
    option: str, given: str, parse: Callable[[str], _Moment], what: str, *, example: str
) -> _Moment:
    hint = f"Write for example {example}."
    try:
        read = parse(given)
    except ValueError as error:
        raise UsageError(f"{option} {given!r} is no {what}.", hint=hint) from error
    if not _FIRST_YEAR <= read.year <= _LAST_YEAR:
        between = f"between {_FIRST_YEAR} and {_LAST_YEAR}"
        raise UsageError(f"{option} {given!r} is not {between}.", hint=hint)
    return read
