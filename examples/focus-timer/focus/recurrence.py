"""From a recurrence rule (RFC 5545) to real instants. No database, no clock."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, rrule, rrulestr


class BadRule(ValueError):
    """What is wrong with a rule, in a sentence."""


def check(rule: str, starts_at: datetime, zone: str) -> None:
    """Raises BadRule for one that cannot be read, that is hourly or oftener, or that never comes."""
    read = _read(rule, starts_at, zone)
    if next(iter(read), None) is None:
        raise BadRule("This rule has no occurrence at all.")


def next_occurrences(
    rule: str, starts_at: datetime, zone: str, *, after: datetime, count: int
) -> list[datetime]:
    """The first `count` instants after that moment, aware, UTC; fewer where COUNT or UNTIL ends them.

    `starts_at` is the wall-clock time of the first one in `zone`, naive. A time that a night of DST
    leaves out is the instant as long after midnight; of one that comes twice it is the first.
    """
    instants = _instants(_read(rule, starts_at, zone))
    return list(islice((one for one in instants if one > after), count))


def _read(rule: str, starts_at: datetime, zone: str) -> rrule:
    try:
        read = rrulestr(rule, dtstart=starts_at.replace(tzinfo=ZoneInfo(zone)))
    except (TypeError, ValueError, KeyError) as error:  # TypeError: it has no FREQ
        raise BadRule(f"This rule cannot be read: {error}") from error
    if not isinstance(read, rrule):
        raise BadRule("One rule is enough: RDATE and EXDATE are not read.")
    parts: Any = vars(read)
    if parts["_freq"] > DAILY:
        raise BadRule("A to-do recurs daily, weekly, monthly or yearly.")
    if parts["_interval"] < 1:  # dateutil would look for the next one without end
        raise BadRule("INTERVAL is 1 or more.")
    return read


def _instants(read: rrule) -> Iterator[datetime]:
    for wall_time in read:
        yield wall_time.astimezone(UTC)
