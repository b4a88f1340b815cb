"""All due times of a schedule, from its stored JSON: the rule, then what narrows it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from jobrunner.oracle.clock import Clock
from jobrunner.oracle.cron import CronDays
from jobrunner.oracle.recurrence import Walk, read_walk
from jobrunner.oracle.sun import ACCURACY, solar_times

_DAY = timedelta(days=1)
_WINDOW = 28 * _DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT = timedelta(0)
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": _DAY,
    "w": 7 * _DAY,
}
_PART = re.compile(r"([0-9.]+)(ms|s|m|h|d|w)")

Rule = Callable[[datetime, datetime], Iterator[datetime]]
"""(start, end) → instants around [start, end), in any order."""


@dataclass(frozen=True)
class Oracle:
    """A schedule, ready to be asked. Made by `make_oracle`."""

    rule: Rule
    local_day: Callable[[datetime], date]
    excluded: tuple[tuple[date, date], ...]
    start_at: datetime | None
    end_at: datetime | None
    jitter: timedelta
    """How much later than its due time a run may begin."""
    misfire_grace: timedelta
    """How much later than that it is still no more than late."""
    max_runs: int | None
    accuracy: timedelta
    """A run this close to a due time is the run of it."""
    reads_zone_data: bool
    """Other time zone data, other times."""


def due_times(oracle: Oracle, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every due time of [start, end), aware, UTC, in order, each once."""
    start = max(start, oracle.start_at or start)
    end = min(end, oracle.end_at or end)
    while start < end:
        until = min(start + _WINDOW, end)
        for instant in sorted({one for one in oracle.rule(start, until) if start <= one < until}):
            day = oracle.local_day(instant) if oracle.excluded else None
            if day is None or not any(first <= day <= last for first, last in oracle.excluded):
                yield instant
        start = until


_UNSAID: Mapping[str, Any] = MappingProxyType(
    dict.fromkeys(
        (
            "cron",
            "rrule",
            "every",
            "at",
            "solar",
            "anchor",
            "dtstart",
            "start_at",
            "end_at",
            "max_runs",
        )
    )
    | dict.fromkeys(("exclude", "exdate", "rdate"), ())
    | {"dst": {}, "jitter": "0s"}
)
"""A row says only what its schedule gives."""


def make_oracle(spec: Mapping[str, Any], key: str) -> Oracle:
    """`spec` is the JSON that the database holds; `key` is `namespace/job#schedule`.

    Raises ValueError, KeyError, TypeError or OSError for what is no schedule.
    """
    spec = {**_UNSAID, **spec}
    zone = ZoneInfo(spec["timezone"])
    clock = Clock(zone, runs_after_gap=False, runs_twice=False)
    return Oracle(
        rule=_rule(spec, key, zone),
        local_day=clock.local_day,
        excluded=tuple(_days(text) for text in spec["exclude"]),
        start_at=_instant(spec["start_at"]),
        end_at=_instant(spec["end_at"]),
        jitter=_duration(spec["jitter"]),
        misfire_grace=_duration(spec["misfire_grace"]),
        max_runs=spec["max_runs"],
        accuracy=_EXACT if spec["solar"] is None else ACCURACY,
        reads_zone_data=any(spec[name] for name in ("cron", "rrule", "exclude"))
        and zone.key != "UTC",
    )


def _rule(spec: Mapping[str, Any], key: str, zone: ZoneInfo) -> Rule:
    if spec["cron"] is not None:
        cron = CronDays(spec["cron"], key)
        return _by_cron(cron, _clock(spec, zone, follows_the_clock=cron.follows_the_clock))
    if spec["rrule"] is not None:
        walk = _walk(spec, zone)
        return _by_walk(walk, _clock(spec, zone, follows_the_clock=walk.follows_the_clock))
    if spec["every"] is not None:
        return _by_interval(_duration(spec["every"]), _instant(spec["anchor"]) or _EPOCH)
    if spec["at"] is not None:
        instants = [datetime.fromisoformat(text).astimezone(UTC) for text in spec["at"]]
        return lambda _start, _end: iter(instants)
    sun = spec["solar"]
    return lambda start, end: solar_times(
        sun["event"], sun["latitude"], sun["longitude"], start, end
    )


def _clock(spec: Mapping[str, Any], zone: ZoneInfo, *, follows_the_clock: bool) -> Clock:
    """Debian's rules, unless the schedule has its own: a fixed time of day is due once a day, at the
    first instant after it was skipped; a wildcard is due whenever the clock shows a match.
    """
    gap, overlap = spec["dst"].get("gap"), spec["dst"].get("overlap")
    return Clock(
        zone,
        runs_after_gap=not follows_the_clock if gap is None else gap == "run_after",
        runs_twice=follows_the_clock if overlap is None else overlap == "both",
    )


def _by_cron(cron: CronDays, clock: Clock) -> Rule:
    def times(start: datetime, end: datetime) -> Iterator[datetime]:
        for day in _days_around(start, end):
            if cron.matches(day):
                yield from clock.instants(day, cron.times_of_day)

    return times


def _by_walk(walk: Walk, clock: Clock) -> Rule:
    until = walk.until

    def times(start: datetime, end: datetime) -> Iterator[datetime]:
        first, last = (moment.replace(tzinfo=None) for moment in (start - 2 * _DAY, end + 2 * _DAY))
        for wall in walk.between(first, last):
            for instant in _on_clock(wall, clock):
                if until is None or until.tzinfo is None or instant <= until:
                    yield instant
        for wall in walk.rdates:  # no end applies to them
            yield from _on_clock(wall, clock)

    return times


def _on_clock(wall: datetime, clock: Clock) -> Iterator[datetime]:
    midnight = wall.replace(hour=0, minute=0, second=0)
    return clock.instants(wall.date(), [wall - midnight])


def _by_interval(interval: timedelta, anchor: datetime) -> Rule:
    def times(start: datetime, end: datetime) -> Iterator[datetime]:
        moment = anchor + (start - anchor) // interval * interval
        while moment < end:
            yield moment
            moment += interval

    return times


def _walk(spec: Mapping[str, Any], zone: ZoneInfo) -> Walk:
    def wall(text: str) -> datetime:
        moment = datetime.fromisoformat(text).replace(microsecond=0)
        return moment if moment.tzinfo is None else moment.astimezone(zone).replace(tzinfo=None)

    exdates = frozenset(wall(text) for text in spec["exdate"])
    return read_walk(
        spec["rrule"],
        start=None if spec["dtstart"] is None else wall(spec["dtstart"]),
        exdates=exdates,
        rdates=tuple(sorted({wall(text) for text in spec["rdate"]} - exdates)),
    )


def _days_around(start: datetime, end: datetime) -> Iterator[date]:
    """All dates that any clock shows in [start, end), and one more at both ends."""
    day = start.date() - 2 * _DAY
    while day <= end.date() + 2 * _DAY:
        yield day
        day += _DAY


def _days(text: str) -> tuple[date, date]:
    return date.fromisoformat(text[:10]), date.fromisoformat(text[-10:])


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def _duration(text: str) -> timedelta:
    """`1h30m`, as it is stored."""
    parts = _PART.findall(text)
    return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta(0))
