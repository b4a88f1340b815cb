"""When a schedule is due: the next time, and all times of a span. Instants in and out are UTC."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from jobrunner.schedule.cron import LAST_YEAR, Cron
from jobrunner.schedule.cron_text import parse_cron
from jobrunner.schedule.errors import ScheduleError
from jobrunner.schedule.local_time import clock_changes, first_instant, load_zone, offset_at

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORTEST_INTERVAL = timedelta(seconds=1)
_INSTANT = timedelta(microseconds=1)
_LOOKED_BACK = timedelta(days=3653)
_YEARS_SEARCHED = 100
"""The rarest day, a 29 February on one weekday, comes within 40 years."""
_TWO_DAYS = timedelta(days=2)
"""More than any offset from UTC, and more than any clock change (a day, where the date line moved)."""


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


Rule = Cron | Every | At


@dataclass(frozen=True, slots=True)
class Timing:
    """All of a schedule that decides when it is due. Made by `make_timing`."""

    rule: Rule
    zone: ZoneInfo
    """Whose clock `Cron` reads; of no effect on the other rules but in words."""
    start_at: datetime | None = None
    """Inclusive; aware, UTC."""
    end_at: datetime | None = None
    """Exclusive; aware, UTC."""
    jitter: timedelta = timedelta(0)


def make_timing(
    *,
    cron: str | None = None,
    every: timedelta | None = None,
    at: tuple[datetime, ...] | None = None,
    timezone: str = "UTC",
    anchor: datetime | None = None,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    jitter: timedelta = timedelta(0),
) -> Timing:
    """The timing of a schedule's fields. Raises ScheduleError: not exactly one rule, an expression
    or zone that cannot be read, an interval under one second, a time without an offset.
    """
    rules = [rule for rule in (cron, every, at) if rule is not None]
    if len(rules) != 1:
        raise ScheduleError("a schedule has exactly one of 'cron', 'every' and 'at'")
    rule: Rule
    if cron is not None:
        rule = parse_cron(cron)
    elif every is not None:
        rule = _every(every, anchor)
    else:
        rule = At(tuple(sorted({_utc(instant) for instant in at or ()})))
    if jitter < timedelta(0):
        raise ScheduleError("jitter cannot be negative")
    return Timing(
        rule=rule,
        zone=load_zone(timezone),
        start_at=None if start_at is None else _utc(start_at),
        end_at=None if end_at is None else _utc(end_at),
        jitter=jitter,
    )


def next_time(timing: Timing, after: datetime) -> datetime | None:
    """The first nominal time strictly after an aware instant, UTC; None when there is none left."""
    after = _utc(after)
    if timing.start_at is not None and after < timing.start_at:
        after = timing.start_at - _INSTANT
    if after.year > LAST_YEAR:
        return None
    try:
        found = _next_of_rule(timing, after)
    except OverflowError:
        return None  # a long interval leads out of what a datetime holds
    if found is None or (timing.end_at is not None and found >= timing.end_at):
        return None
    return found


def times_between(timing: Timing, start: datetime, end: datetime) -> Iterator[datetime]:
    """All nominal times of [start, end), in order, one at a time: the span may be endless."""
    found = next_time(timing, _utc(start) - _INSTANT)
    while found is not None and found < end:
        yield found
        found = next_time(timing, found)


def previous_time(timing: Timing, until: datetime) -> datetime | None:
    """The last nominal time that is not after an aware instant; None within the 10 years before."""
    until = _utc(until)
    low = _some_time_before(timing, until)
    if low is None:
        return None
    high = until
    while (following := next_time(timing, low)) is not None and following <= until:
        middle = low + (high - low) / 2
        found = next_time(timing, middle)
        if found is not None and found <= until:
            low = found
        else:
            low, high = following, middle
    return low


def _some_time_before(timing: Timing, until: datetime) -> datetime | None:
    """Any nominal time up to an instant, looked for ever further back."""
    span = timedelta(minutes=1)
    while span < _LOOKED_BACK * 4:
        found = next_time(timing, until - min(span, _LOOKED_BACK))
        if found is not None and found <= until:
            return found
        span *= 4
    return None


def _next_of_rule(timing: Timing, after: datetime) -> datetime | None:
    match timing.rule:
        case Every(interval, anchor):
            return anchor + ((after - anchor) // interval + 1) * interval
        case At(instants):
            index = bisect_right(instants, after)
            return instants[index] if index < len(instants) else None
        case Cron() as cron if cron.follows_clock_changes:
            return _next_shown(cron, timing.zone, after)
        case Cron() as cron:
            return _next_once_a_day(cron, timing.zone, after)


def _next_shown(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first instant at which the clock shows a match.

    Between two changes of the offset the clock runs evenly, so each such stretch is searched on
    its own. A stretch longer than any change that holds no match needs no second look at what the
    next change repeats of it: the search may go on where the next match of the clock is near.
    Midnight of each 31 March that is a Sunday may never be shown, hence the bound.
    """
    last_year = after.year + _YEARS_SEARCHED
    while after.year <= last_year:
        offset, end = _stretch(zone, after)
        wall = cron.next_wall_time(after.replace(tzinfo=None) + offset)
        if wall is None:
            return None
        found = wall.replace(tzinfo=UTC) - offset
        if found < end:
            return found
        searched, after = end - after, end - _INSTANT
        if searched > _TWO_DAYS:
            after = max(after, found - _TWO_DAYS)
    return None


def _stretch(zone: ZoneInfo, after: datetime) -> tuple[timedelta, datetime]:
    """(offset right after this instant, the instant up to which it surely holds)."""
    start = after + _INSTANT
    for change in clock_changes(zone, start.year):
        if start < change.at:
            return change.before, change.at
    return offset_at(start, zone), datetime(start.year + 1, 1, 1, tzinfo=UTC)


def _next_once_a_day(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first match with fixed times of day: a skipped time is due when the clock has jumped
    over it, a repeated one when the clock shows it first.
    """
    wall = cron.next_wall_time(after.astimezone(zone).replace(tzinfo=None))
    while wall is not None:
        found = first_instant(wall, zone)
        if found > after:
            return found
        # Inside a repeated hour, the second time round: what the clock shows next has been.
        wall = cron.next_wall_time(wall)
    return None


def _every(interval: timedelta, anchor: datetime | None) -> Every:
    if interval < SHORTEST_INTERVAL:
        raise ScheduleError("'every' is at least one second; write '1s' or more")
    return Every(interval, EPOCH if anchor is None else _utc(anchor))


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None:
        raise ScheduleError(
            f"the time {instant.isoformat()} has no offset; write 'Z' or '+01:00' after it"
        )
    return instant.astimezone(UTC)
