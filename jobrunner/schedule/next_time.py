"""When a schedule is due: the next time, and all times of a span. Instants in and out are UTC."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, time, timedelta

from jobrunner.schedule.cron import LAST_YEAR, Cron
from jobrunner.schedule.days import range_with
from jobrunner.schedule.local_time import ClockChange, first_instant, stretch_at
from jobrunner.schedule.rrule import Recurrence
from jobrunner.schedule.solar import Solar, next_event
from jobrunner.schedule.timing import At, Every, Timing, as_utc

_INSTANT = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_TWO_DAYS = timedelta(days=2)
"""More than any offset from UTC, and more than any clock change (a day, where the date line moved)."""
_LOOKED_BACK = timedelta(days=3653)
_STRETCHES_SEARCHED = 100
"""Two for each match that the clock jumps over. A rule and the changes of a clock both follow the
kind of the year, and fifty years have each of the 14 kinds: what was jumped over as often in a row
always will be. (Not dates listed one by one; but nobody lists fifty that never come.)"""


def next_time(timing: Timing, after: datetime) -> datetime | None:
    """The first nominal time strictly after an aware instant, UTC; None when there is none left."""
    after = as_utc(after)
    if timing.start_at is not None and after < timing.start_at:
        after = timing.start_at - _INSTANT
    try:
        found = _next_of_rule(timing, after)
        while found is not None and (last := _last_excluded(timing, found)) is not None:
            found = _next_of_rule(timing, last)
    except OverflowError:
        return None  # a long interval or an excluded one leads out of what a datetime holds
    if found is None or found.year > LAST_YEAR:  # its jitter has to fit into the calendar, too
        return None
    return None if timing.end_at is not None and found >= timing.end_at else found


def times_between(timing: Timing, start: datetime, end: datetime) -> Iterator[datetime]:
    """All nominal times of [start, end), in order, one at a time: the span may be endless."""
    found = next_time(timing, as_utc(start) - _INSTANT)
    while found is not None and found < end:
        yield found
        found = next_time(timing, found)


def previous_time(timing: Timing, until: datetime) -> datetime | None:
    """The last nominal time that is not after an aware instant, UTC; None when the 10 years before
    that have none: who compares two runs means the day, the week or the year around them.
    """
    until = as_utc(until)
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
    """As `next_time`, on excluded days as well."""
    if after.year > LAST_YEAR:
        return None
    match timing.rule:
        case Cron() as cron:
            return _next_on_clock(timing, cron, after)
        case Every(interval, anchor):
            return anchor + ((after - anchor) // interval + 1) * interval
        case Recurrence() as recurrence:
            return _next_recurrence(timing, recurrence, after)
        case At(instants):
            index = bisect_right(instants, after)
            return instants[index] if index < len(instants) else None
        case Solar() as solar:
            return next_event(solar, after)


def _next_recurrence(timing: Timing, rule: Recurrence, after: datetime) -> datetime | None:
    found = _next_on_clock(timing, rule, after)
    if found is None or rule.until_utc is None or found <= rule.until_utc:
        return found
    extra = (first_instant(wall, timing.zone) for wall in rule.rdates)  # no end applies to them
    return next((instant for instant in extra if instant > after), None)


def _next_on_clock(timing: Timing, rule: Cron | Recurrence, after: datetime) -> datetime | None:
    """The first instant at which the clock shows a match, or has jumped over one.

    Between two changes of the offset the clock runs evenly, so each such stretch is searched on
    its own. A stretch longer than any change that holds no match needs no second look at what the
    next change repeats of it: the search may go on where the next match of the clock is near.
    02:30 of each last Sunday of March may never be shown, hence the bound.
    """
    for _ in range(_STRETCHES_SEARCHED):
        start = after + _INSTANT
        if start.year > LAST_YEAR:
            return None
        stretch = stretch_at(start, timing.zone)
        opened_by = stretch.opened_by if timing.runs_after_gap else None
        if opened_by is not None and start == opened_by.at and _is_skipped(rule, opened_by):
            return start
        if after < stretch.fresh_from and not timing.runs_twice:
            after = stretch.fresh_from - _INSTANT
        wall = rule.next_wall_time(stretch.wall_time(after))
        found = None if wall is None else stretch.instant(wall)
        if found is not None and found < stretch.ends_at:
            return found
        searched, after = stretch.ends_at - after, stretch.ends_at - _INSTANT
        if searched > _TWO_DAYS:
            if found is None:
                return None
            after = max(after, found - _TWO_DAYS)
    return None


def _is_skipped(rule: Cron | Recurrence, change: ClockChange) -> bool:
    """Whether the clock jumps over a match."""
    if not change.is_gap:
        return False
    wall = rule.next_wall_time(change.wall_start - _INSTANT)
    return wall is not None and wall < change.wall_end


def _last_excluded(timing: Timing, instant: datetime) -> datetime | None:
    """Up to when the clock surely shows excluded days alone; None for an instant on none."""
    if not timing.exclude or instant.year > LAST_YEAR:
        return None
    today = instant.astimezone(timing.zone).date()
    days = range_with(today, timing.exclude)
    if days is None:
        return None
    first, last = days
    midnight = datetime.combine(last + _DAY, time())
    ends_at = first_instant(midnight, timing.zone)
    # Soon after a midnight the clock may be set back over it, so at the first and the last day only
    # a time in which it runs evenly is sure.
    if today == first or ends_at <= instant:
        stretch = stretch_at(instant, timing.zone)
        ends_at = min(stretch.instant(midnight), stretch.ends_at)
    return ends_at - _INSTANT
