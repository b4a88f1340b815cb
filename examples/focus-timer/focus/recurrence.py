"""From a recurrence rule (RFC 5545) to real instants. No database, no clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, rrule, rrulestr

_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_TIMES_OF_A_DAY_MAX = 24
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class BadRule(ValueError):
    """What is wrong with a rule, in a sentence."""


def check(rule: str, starts_at: datetime, zone: str) -> None:
    """Raises BadRule for one that cannot be read, that comes too often, or that does not come."""
    if not _FIRST_YEAR <= starts_at.year <= _LAST_YEAR:
        raise BadRule(f"A to-do begins in one of the years from {_FIRST_YEAR} to {_LAST_YEAR}.")
    if not _comes(rule, starts_at, zone) or not next_occurrences(
        rule, starts_at, zone, after=_BEFORE_ALL, count=1
    ):
        raise BadRule("This rule has no occurrence, or none for centuries.")


def _comes(rule: str, starts_at: datetime, zone: str) -> bool:
    """Whether it has an occurrence, but for UNTIL.

    dateutil looks for one until the year 9999, for seconds. The calendar repeats after 400 years: where
    fewer are left, what never comes is found out sooner.
    """
    late = starts_at.replace(year=9200 + starts_at.year % 400, tzinfo=ZoneInfo(zone))
    with _told():
        return any(True for _ in _read(rule, late).replace(until=None))


def next_occurrences(
    rule: str, starts_at: datetime, zone: str, *, after: datetime, count: int
) -> list[datetime]:
    """The first `count` instants after that moment, aware, UTC, each once; fewer where COUNT or UNTIL ends
    them. Raises BadRule.

    `starts_at` is the wall-clock time of the first one in `zone`, naive. A time that a night of DST
    leaves out is the instant as long after midnight; of one that comes twice it is the first.
    """
    begin = starts_at.replace(tzinfo=ZoneInfo(zone))
    with _told():
        instants = _instants(_read(rule, begin))
        return list(islice((one for one in instants if one > after), count))


@contextmanager
def _told() -> Iterator[None]:
    """What dateutil raises is a BadRule."""
    try:
        yield
    except BadRule:
        raise
    # TypeError: it has no FREQ; LookupError: it asks for the ninth Monday of a month
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise BadRule(f"This rule cannot be read: {error}") from error


def _read(rule: str, begin: datetime) -> rrule:
    read = rrulestr(rule, dtstart=begin)
    if not isinstance(read, rrule):
        raise BadRule("One rule is enough: RDATE and EXDATE are not read.")
    parts: Any = vars(read)
    if parts["_freq"] > DAILY:
        raise BadRule("A to-do recurs daily, weekly, monthly or yearly.")
    if parts["_interval"] < 1:  # dateutil would look for the next one without end
        raise BadRule("INTERVAL is 1 or more.")
    if len(parts["_timeset"]) > _TIMES_OF_A_DAY_MAX:
        raise BadRule(f"A to-do comes at most {_TIMES_OF_A_DAY_MAX} times a day.")
    return read


def _instants(read: rrule) -> Iterator[datetime]:
    """Each once: of two times in the hour that a night of DST leaves out, one may be the other."""
    seen = set()
    for wall_time in read:
        instant = wall_time.astimezone(UTC)
        if instant not in seen:
            seen.add(instant)
            yield instant
