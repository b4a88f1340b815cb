"""The times of an entry beside those of the job made from it: the next five, and a year's differences."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from jobrunner.importing.entries import Job, Times
from jobrunner.schedule import (
    ClockChange,
    Effect,
    Timing,
    clock_changes,
    clock_effects,
    times_between,
)
from jobrunner.spec.models import ScheduleSpec

SHOWN = 5
_A_YEAR = timedelta(days=366)
_YEARS_LOOKED_AT = 30
_COMPARED = 60
_LISTED = 3
_AROUND_A_CHANGE = timedelta(hours=26)
_NEAR_A_CHANGE = timedelta(hours=3)
"""Before it and after it, besides the time that is skipped or repeated. What is due often differs here or
nowhere: only what is due seldom may be moved as far as to another day.
"""
_OFTEN = 60
"""Times near a change."""
_MOST_NEAR_A_CHANGE = 4000
"""More than one a minute, wherever the date line is moved."""
_TOLERANCE = timedelta(seconds=1)
"""The sun's events are found by iteration, which ends some milliseconds apart."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What both do."""

    zone: ZoneInfo
    old: tuple[datetime, ...] | None
    """The next five, UTC; None where nobody can tell."""
    new: tuple[datetime, ...]
    differences: tuple[str, ...]
    """One sentence for each stretch of the coming year in which they fire at different times."""

    @property
    def is_same(self) -> bool:
        return self.has_same_next and not self.differences

    @property
    def has_same_next(self) -> bool:
        """The next five are."""
        old = self.old
        return old is not None and len(old) == len(self.new) and not _unmatched(old, self.new)


def compare(job: Job, address: str, scheduler: str, now: datetime) -> Comparison:
    """`address` is what `H` is made from. Raises ScheduleError and ValidationError for what is no
    schedule of ours.
    """
    spec = ScheduleSpec.model_validate(job.schedule)
    return _compared(
        job.old_times,
        spec.timing(address),
        spec.max_runs,
        scheduler,
        now,
        is_in_phase=job.is_in_phase,
        repeats_skipped=job.repeats_skipped,
    )


@lru_cache(maxsize=1024)  # a crontab says `0 * * * *` again and again
def _compared(
    old_times: Times | None,
    timing: Timing,
    max_runs: int | None,
    scheduler: str,
    now: datetime,
    *,
    is_in_phase: bool,
    repeats_skipped: bool,
) -> Comparison:
    def new_times(start: datetime, end: datetime) -> Iterator[datetime]:
        return islice(times_between(timing, start, end), max_runs)

    until = min(now + _YEARS_LOOKED_AT * _A_YEAR, datetime(9998, 1, 1, tzinfo=UTC))
    new = tuple(islice(new_times(now, until), SHOWN))
    if old_times is None:
        return Comparison(timing.zone, None, new, ())
    old = tuple(islice(old_times(now, until), SHOWN))
    differences = _differences(old_times, new_times, timing, now) if is_in_phase else ()
    words = [_in_words(one, timing.zone, scheduler) for one in differences]
    if repeats_skipped:
        words += _made_up_for(timing, scheduler, now)
    return Comparison(timing.zone, old, new, tuple(words))


@dataclass(frozen=True, slots=True)
class _Difference:
    old: Sequence[datetime]
    new: Sequence[datetime]
    change: ClockChange | None = None


def _differences(
    old_times: Times, new_times: Times, timing: Timing, now: datetime
) -> Sequence[_Difference]:
    year_later = now + _A_YEAR
    found = [_difference(old_times, new_times, now, year_later, _COMPARED)]
    found += [
        _difference_around(change, old_times, new_times, now)
        for change in _changes(timing.zone, now, year_later)
    ]
    return [one for one in found if one.old or one.new]


def _difference_around(
    change: ClockChange, old_times: Times, new_times: Times, now: datetime
) -> _Difference:
    near = _NEAR_A_CHANGE + abs(change.after - change.before)
    start, end = max(change.at - near, now), change.at + near
    is_often = next(islice(new_times(start, end), _OFTEN, None), None) is not None
    if not is_often:
        start, end = max(change.at - _AROUND_A_CHANGE, now), change.at + _AROUND_A_CHANGE
    found = _difference(old_times, new_times, start, end, _MOST_NEAR_A_CHANGE)
    return replace(found, change=change)


def _difference(
    old_times: Times, new_times: Times, start: datetime, end: datetime, most: int
) -> _Difference:
    old, new = list(islice(old_times(start, end), most)), list(islice(new_times(start, end), most))
    if len(old) == most or len(new) == most:  # one may have come further: only what both have seen
        last = min(one[-1] for one in (old, new) if len(one) == most) + _TOLERANCE
        old, new = [one for one in old if one <= last], [one for one in new if one <= last]
    return _Difference(_unmatched(old, new), _unmatched(new, old))


def _unmatched(times: Sequence[datetime], others: Sequence[datetime]) -> list[datetime]:
    """Those that have none of the others beside them."""
    found = []
    for time in times:
        index = bisect_left(others, time - _TOLERANCE)
        if index == len(others) or others[index] > time + _TOLERANCE:
            found.append(time)
    return found


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[ClockChange]:
    for year in range(start.year, end.year + 1):
        yield from (change for change in clock_changes(zone, year) if start <= change.at < end)


def _made_up_for(timing: Timing, scheduler: str, now: datetime) -> Iterator[str]:
    """Several times of one gap: they are one instant, so that no comparison of instants shows it."""
    for effect in clock_effects(timing, now, now + _A_YEAR):
        if effect.effect is Effect.MOVED and not effect.is_only:
            day = f"{effect.wall_time.day} {effect.wall_time:%b %Y}"
            yield (
                f"when the clock is set forward on {day}, {scheduler} makes up for each skipped time by "
                "a run of its own, one right after the other; this job runs once"
            )


def _in_words(difference: _Difference, zone: ZoneInfo, scheduler: str) -> str:
    """`when the clock is set forward on 28 Mar 2027, cron runs at 03:00:00 …, this job does not`."""
    when = "in the coming times"
    if difference.change is not None:
        way = "forward" if difference.change.is_gap else "back"
        local = difference.change.at.astimezone(zone)
        when = f"when the clock is set {way} on {local.day} {local:%b %Y}"
    parts = []
    if difference.old:
        parts.append(f"{scheduler} alone runs at {_listed(difference.old, zone)}")
    if difference.new:
        parts.append(f"this job alone runs at {_listed(difference.new, zone)}")
    return f"{when}, {' and '.join(parts)}"


def _listed(times: Sequence[datetime], zone: ZoneInfo) -> str:
    shown = moments_in_words(times[:_LISTED], zone)
    more = len(times) - _LISTED
    return f"{shown} and {more} more" if more > 0 else shown


def moment_in_words(moment: datetime, zone: ZoneInfo, *, to_the_second: bool = False) -> str:
    """`Sun 28 Mar 2027 03:00 CEST`; seconds where there are any, or where they are asked for."""
    local = moment.astimezone(zone)
    clock = f"{local:%H:%M:%S}" if to_the_second else _clock(moment, zone)
    return f"{_day(moment, zone)} {local.year} {clock} {_zone_name(moment, zone)}"


def moments_in_words(moments: Sequence[datetime], zone: ZoneInfo) -> str:
    """`Sun 28 Mar 2027 00:30 CET, 01:30, 03:30 CEST`: what has not changed is not said again."""
    parts: list[str] = []
    year, day, name = "", "", ""
    for moment in moments:
        new = (str(moment.astimezone(zone).year), _day(moment, zone), _zone_name(moment, zone))
        words = (
            new[1] if new[1] != day else "",
            new[0] if new[0] != year else "",
            _clock(moment, zone),
            new[2] if new[2] != name else "",
        )
        parts.append(" ".join(filter(None, words)))
        year, day, name = new
    return ", ".join(parts) or "never"


def _day(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b}"


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def _zone_name(moment: datetime, zone: ZoneInfo) -> str:
    """`CET`, or `+05:30` where the zone has no letters of its own."""
    local = moment.astimezone(zone)
    name = local.tzname() or ""
    return name if name.isalpha() else f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:5]
