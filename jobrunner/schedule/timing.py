"""What decides when a schedule is due, as a value. `next_time` tells the times."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from jobrunner.schedule.cron import Cron
from jobrunner.schedule.cron_text import parse_cron
from jobrunner.schedule.days import Days, merged_days, parse_days
from jobrunner.schedule.errors import ScheduleError
from jobrunner.schedule.local_time import load_zone
from jobrunner.schedule.rrule import Recurrence
from jobrunner.schedule.rrule_text import parse_rrule
from jobrunner.schedule.solar import Solar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORTEST_INTERVAL = timedelta(seconds=1)

Gap = Literal["run_after", "skip"]
Overlap = Literal["first", "both"]


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval, counted from `anchor`; only its phase matters, so it may lie ahead."""

    interval: timedelta
    anchor: datetime = EPOCH
    """Aware, UTC."""


@dataclass(frozen=True, slots=True)
class At:
    """Once at each of these instants."""

    instants: tuple[datetime, ...]
    """Aware, UTC, in order, each once."""


Rule = Cron | Every | Recurrence | At | Solar


@dataclass(frozen=True, slots=True)
class Timing:
    """All of a schedule that decides when it is due. Made by `make_timing`."""

    rule: Rule
    zone: ZoneInfo
    """Whose clock `Cron` and `Recurrence` read, and whose days `exclude` means."""
    start_at: datetime | None = None
    """Inclusive; aware, UTC."""
    end_at: datetime | None = None
    """Exclusive; aware, UTC."""
    jitter: timedelta = timedelta(0)
    exclude: tuple[Days, ...] = ()
    """Merged: a time on one of these days does not exist."""
    runs_after_gap: bool = False
    """Wall-clock times that the clock skips are due once, at the first instant after the gap."""
    runs_twice: bool = False
    """A wall-clock time that the clock repeats is due both times."""


def make_timing(
    *,
    cron: str | None = None,
    every: timedelta | None = None,
    rrule: str | None = None,
    at: tuple[datetime, ...] | None = None,
    solar: Solar | None = None,
    timezone: str = "UTC",
    anchor: datetime | None = None,
    dtstart: datetime | None = None,
    exdate: tuple[datetime, ...] = (),
    rdate: tuple[datetime, ...] = (),
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    exclude: tuple[str, ...] = (),
    gap: Gap | None = None,
    overlap: Overlap | None = None,
    jitter: timedelta = timedelta(0),
    key: str = "",
) -> Timing:
    """The timing of a schedule's fields. Raises ScheduleError: not exactly one rule, an expression
    or zone that cannot be read, an interval under one second, a time without an offset.

    `dtstart`, `exdate` and `rdate` are naive, or are turned to the clock of the zone. `gap` and
    `overlap` None are what Debian's cron does. `key`, `namespace/job#schedule`, is what `H` is made
    from; without one it is made from the expression.
    """
    if (cron, every, rrule, at, solar).count(None) != _RULES_LEFT_OUT:
        raise ScheduleError(
            "a schedule has exactly one of 'cron', 'every', 'rrule', 'at' and 'solar'"
        )
    if jitter < timedelta(0):
        raise ScheduleError("jitter cannot be negative")
    bounds = _Bounds(timezone, start_at, end_at, exclude, gap, overlap, jitter)
    if cron is not None:
        return _of_cron(cron, key if "H" in cron.upper() else "", bounds)
    rule: Rule
    if rrule is not None:
        zone = load_zone(timezone)
        start = None if dtstart is None else _wall_time(dtstart, zone)
        moments = [tuple(_wall_time(one, zone) for one in given) for given in (exdate, rdate)]
        rule = parse_rrule(rrule, dtstart=start, exdate=moments[0], rdate=moments[1])
    elif every is not None:
        rule = _every(every, anchor)
    else:
        rule = solar or At(tuple(sorted({as_utc(instant) for instant in at or ()})))
    return _timing(rule, bounds)


_RULES_LEFT_OUT = 4


class _Bounds(NamedTuple):
    """What a schedule of any rule may say besides it, as it is given."""

    timezone: str
    start_at: datetime | None
    end_at: datetime | None
    exclude: tuple[str, ...]
    gap: Gap | None
    overlap: Overlap | None
    jitter: timedelta


@lru_cache(maxsize=4096)
def _of_cron(text: str, key: str, bounds: _Bounds) -> Timing:
    """A plan asks for each several times, and a large project says the same few again and again."""
    return _timing(parse_cron(text, key), bounds)


def _timing(rule: Rule, bounds: _Bounds) -> Timing:
    runs_after_gap, runs_twice = _at_clock_changes(rule, bounds.gap, bounds.overlap)
    return Timing(
        rule=rule,
        zone=load_zone(bounds.timezone),
        start_at=None if bounds.start_at is None else as_utc(bounds.start_at),
        end_at=None if bounds.end_at is None else as_utc(bounds.end_at),
        jitter=bounds.jitter,
        exclude=_days(bounds.exclude) if bounds.exclude else (),
        runs_after_gap=runs_after_gap,
        runs_twice=runs_twice,
    )


def as_utc(instant: datetime) -> datetime:
    """Raises ScheduleError for a time without an offset."""
    if instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None:
        raise ScheduleError(
            f"the time {instant.isoformat()} has no offset; write 'Z' or '+01:00' after it"
        )
    return instant.astimezone(UTC)


def _wall_time(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(zone).replace(tzinfo=None)


def _every(interval: timedelta, anchor: datetime | None) -> Every:
    if interval < SHORTEST_INTERVAL:
        raise ScheduleError("'every' is at least one second; write '1s' or more")
    return Every(interval, EPOCH if anchor is None else as_utc(anchor))


def _at_clock_changes(rule: Rule, gap: Gap | None, overlap: Overlap | None) -> tuple[bool, bool]:
    """(`runs_after_gap`, `runs_twice`); of no effect on rules that know no clock."""
    if not isinstance(rule, Cron | Recurrence):
        return False, False
    follows = rule.follows_clock_changes
    runs_after_gap = not follows if gap is None else gap == "run_after"
    return runs_after_gap, follows if overlap is None else overlap == "both"


@lru_cache(maxsize=1024)
def _days(texts: tuple[str, ...]) -> tuple[Days, ...]:
    return merged_days(parse_days(text) for text in texts)
