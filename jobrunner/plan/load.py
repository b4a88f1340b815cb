"""How much all schedules ask for together: runs a day, and the busiest minute."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jobrunner.plan.timed import Timed, timed
from jobrunner.schedule import (
    At,
    Cron,
    Every,
    Recurrence,
    Solar,
    Timing,
    clock_changes,
    first_instant,
    next_time,
    numbers_of,
    offset_at,
    times_between,
)
from jobrunner.spec.models import JobSpec

HORIZON = timedelta(days=7)
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)
_STEPS_MAX = 1_500_000
"""Minutes that are counted one by one; what is left then is spread evenly (about a fifth of a second)."""
_STEPS_OF_A_RECURRENCE = 50
"""What a time of a recurrence rule costs, in minutes of a cron expression."""
_STEPS_OF_THE_SUN = 1000


@dataclass(frozen=True, slots=True)
class Load:
    """How much all schedules ask for, over the horizon from now. Jitter is not counted in."""

    runs_per_day: int
    """On average."""
    busiest_minute_at: datetime | None
    """The start of the first minute that has the most runs, UTC; None where nothing runs."""
    busiest_minute_runs: int
    is_estimate: bool = False
    """The densest schedules were spread evenly, because there are too many to count them out."""

    def as_json(self) -> dict[str, Any]:
        """The stable form."""
        at = self.busiest_minute_at
        return {
            "runs_per_day": self.runs_per_day,
            "busiest_minute_at": at and at.isoformat(),
            "busiest_minute_runs": self.busiest_minute_runs,
            "is_estimate": self.is_estimate,
        }


class Bounded(NamedTuple):
    """The arithmetic of a schedule that ends after so many more runs."""

    timing: Timing
    runs_left: int


Timings = Counter[Timing | Bounded]
"""Arithmetic → how many schedules share it."""
RunsSoFar = Callable[[str, str], int]
"""Of an address and the name of a schedule; asked for those with `max_runs` alone."""


def timings_of(jobs: Iterable[JobSpec], runs_so_far: RunsSoFar) -> Timings:
    """The arithmetic of the enabled schedules, and how many share each."""
    return Counter(
        one.timing if one.max_runs is None else _bounded(job, one, one.max_runs, runs_so_far)
        for job in jobs
        for one in timed(job)
    )


def load_of(
    timings: Mapping[Timing, int] | Timings, *, now: datetime, horizon: timedelta = HORIZON
) -> Load:
    """The load of so many schedules of each arithmetic, in bounded work whatever they say."""
    start = now.replace(second=0, microsecond=0) + _MINUTE
    count = _MinuteCount(start, minutes=horizon // _MINUTE)
    wanted = _without_far_bounds(timings, start, start + horizon)
    for one, times in sorted(wanted.items(), key=lambda item: _steps_of(item[0], horizon)):
        if isinstance(one, Bounded):
            count.add_first(one.runs_left, one.timing, times)
        else:
            count.add(one, times)
    return count.load()


def _bounded(job: JobSpec, one: Timed, max_runs: int, runs_so_far: RunsSoFar) -> Bounded:
    return Bounded(one.timing, max(0, max_runs - runs_so_far(job.address, one.schedule.name)))


def _without_far_bounds(
    timings: Mapping[Timing, int] | Timings, start: datetime, end: datetime
) -> Timings:
    """Who has more runs left than this time holds shares the arithmetic of those that never end."""
    found: Timings = Counter(timings)
    most: dict[Timing, float] = {}
    for one, times in timings.items():
        if not isinstance(one, Bounded):
            continue
        if one.timing not in most:
            # A day more than there is: one whose clock is put back may have more runs than others.
            most[one.timing] = _runs_at_most(one.timing, start, end + _DAY)
        if one.runs_left >= most[one.timing]:
            del found[one]
            found[one.timing] += times
    return found


def _steps_of(one: Timing | Bounded, horizon: timedelta) -> int:
    if isinstance(one, Bounded):
        return one.runs_left * _STEPS_OF_A_RECURRENCE
    return _steps(one, horizon)


class _MinuteCount:
    """Runs by minute from `start` on. What repeats within a minute, or is too much, is spread."""

    def __init__(self, start: datetime, *, minutes: int) -> None:
        self._start = start
        self._end = start + minutes * _MINUTE
        self._runs = [0] * minutes
        self._even_runs = 0.0
        """In each minute."""
        self._even_total = 0.0
        self._steps = 0
        self._is_estimate = False
        self._days: dict[ZoneInfo, list[_Day]] = {}

    def add(self, timing: Timing, times: int) -> None:
        """Count a timing that so many schedules share."""
        for span in self._spans_of(timing):
            self._add_span(timing, times, *span)

    def add_first(self, runs_left: int, timing: Timing, times: int) -> None:
        """Count no more than so many runs of each of these schedules, time by time."""
        steps = runs_left * _STEPS_OF_A_RECURRENCE
        if self._steps + steps > _STEPS_MAX:
            self._is_estimate = True
            most = sum(_runs_at_most(timing, *span) for span in self._spans_of(timing))
            self._spread(min(runs_left, most), times)
            return
        self._steps += steps
        instants = times_between(timing, self._start, self._end)
        self._count_times(islice(instants, runs_left), times)

    def load(self) -> Load:
        """The sum."""
        most = max(self._runs, default=0)
        busiest_runs = round(most + self._even_runs)
        busiest_at = self._start + (self._runs.index(most) if self._runs else 0) * _MINUTE
        days = (self._end - self._start) / _DAY
        return Load(
            runs_per_day=round((sum(self._runs) + self._even_total) / days),
            busiest_minute_at=busiest_at if busiest_runs else None,
            busiest_minute_runs=busiest_runs,
            is_estimate=self._is_estimate,
        )

    def _spans_of(self, timing: Timing) -> Iterator[tuple[datetime, datetime]]:
        start = max(self._start, timing.start_at or self._start)
        end = min(self._end, timing.end_at or self._end)
        return _not_excluded(timing, start, end)

    def _add_span(self, timing: Timing, times: int, start: datetime, end: datetime) -> None:
        steps = _steps(timing, end - start)
        rule = timing.rule
        if self._steps + steps > _STEPS_MAX:
            self._is_estimate = True
            self._spread(_runs_at_most(timing, start, end), times)
        elif isinstance(rule, Every) and rule.interval <= _MINUTE:
            self._spread((end - start) / rule.interval, times)
        else:
            self._steps += steps
            self._count(timing, times, start, end)

    def _spread(self, runs: float, times: int) -> None:
        self._even_total += runs * times
        self._even_runs += runs * times / len(self._runs)

    def _count(self, timing: Timing, times: int, start: datetime, end: datetime) -> None:
        match timing.rule:
            case Cron() as cron:
                self._count_cron(cron, timing, times, start, end)
            case Every(interval):
                self._count_interval(interval, timing, times, start, end)
            case _:
                self._count_times(times_between(timing, start, end), times)

    def _count_cron(
        self, cron: Cron, timing: Timing, times: int, start: datetime, end: datetime
    ) -> None:
        first, last = (start - self._start) // _MINUTE, -((self._start - end) // _MINUTE)
        minutes = [
            hour * 60 + minute
            for hour in numbers_of(cron.hours)
            for minute in numbers_of(cron.minutes)
        ]
        runs = times * cron.seconds.bit_count()
        is_as_shown = timing.runs_twice and not timing.runs_after_gap
        for day in self._days_of(timing.zone):
            if not cron.days_of_month(day.date.year, day.date.month) >> day.date.day & 1:
                continue
            if len(day.stretches) > 1 and not is_as_shown:
                day_start, day_end = max(start, day.starts_at), min(end, day.ends_at)
                self._count_times(times_between(timing, day_start, day_end), times)
                continue
            for stretch in day.stretches:
                from_minute, to_minute = max(first, stretch.first), min(last, stretch.last)
                for minute in minutes:
                    index = stretch.midnight + minute
                    if from_minute <= index < to_minute:
                        self._runs[index] += runs

    def _count_interval(
        self, interval: timedelta, timing: Timing, times: int, start: datetime, end: datetime
    ) -> None:
        found = next_time(timing, start - _MICROSECOND)
        if found is None:
            return
        first, last = ((instant - self._start) // _MICROSECOND for instant in (found, end))
        for at in range(first, last, interval // _MICROSECOND):
            self._runs[at // 60_000_000] += times

    def _count_times(self, instants: Iterable[datetime], times: int) -> None:
        for instant in instants:
            self._runs[(instant - self._start) // _MINUTE] += times

    def _days_of(self, zone: ZoneInfo) -> "list[_Day]":
        if zone not in self._days:
            self._days[zone] = list(_days_between(self._start, self._end, zone))
        return self._days[zone]


def _not_excluded(
    timing: Timing, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """What is left of [start, end) without the days of `exclude`."""
    for days in timing.exclude:
        if start >= end:
            return
        # No further than the span: the last day of the calendar has no next one.
        first, last = max(days[0], start.date() - _DAY), min(days[1], end.date() + _DAY)
        if first > last:
            continue
        begins_at = _start_of(first, timing.zone)
        if start < begins_at:
            yield start, min(begins_at, end)
        start = max(start, _start_of(last + _DAY, timing.zone))
    if start < end:
        yield start, end


def _start_of(day: date, zone: ZoneInfo) -> datetime:
    return first_instant(datetime.combine(day, time()), zone)


def _steps(timing: Timing, span: timedelta) -> int:
    """About how much work it is to count: as many minutes of a cron expression."""
    match timing.rule:
        case Cron() as cron:
            return round(span / _DAY * cron.hours.bit_count() * cron.minutes.bit_count())
        case Every(interval):
            return span // max(interval, _MINUTE)
        case At(instants):
            return len(instants)
        case Recurrence() as recurrence:
            return round(span / _DAY * recurrence.times.bit_count()) * _STEPS_OF_A_RECURRENCE
        case Solar():
            return round(span / _DAY) * _STEPS_OF_THE_SUN


def _runs_at_most(timing: Timing, start: datetime, end: datetime) -> float:
    """About how many runs a span has: those of whole days."""
    match timing.rule:
        case Cron() as cron:
            times = cron.hours.bit_count() * cron.minutes.bit_count() * cron.seconds.bit_count()
            return (end - start) / _DAY * times
        case Every(interval):
            return (end - start) / interval
        case At(instants):
            return len(instants)
        case Recurrence() as recurrence:
            return _days_due(timing, start, end) * recurrence.times.bit_count()
        case Solar():
            return (end - start) / _DAY


def _days_due(timing: Timing, start: datetime, end: datetime) -> int:
    """On how many days of a span the schedule is due at all."""
    days = 0
    found = next_time(timing, start - _MICROSECOND)
    while found is not None and found < end:
        days += 1
        tomorrow = found.astimezone(timing.zone).date() + _DAY
        found = next_time(timing, _start_of(tomorrow, timing.zone) - _MICROSECOND)
    return days


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of a day in which the clock runs evenly. All three count minutes from the start."""

    midnight: int
    """When the clock would have shown 00:00, had it always run as it does here."""
    first: int
    last: int
    """Exclusive."""


@dataclass(frozen=True, slots=True)
class _Day:
    """A day of a zone's calendar; two stretches when the clock is changed on it."""

    date: date
    starts_at: datetime
    ends_at: datetime
    stretches: tuple[_Stretch, ...]


def _days_between(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[_Day]:
    midnight = start.astimezone(zone).replace(tzinfo=None, hour=0, minute=0)
    while (starts_at := first_instant(midnight, zone)) < end:
        ends_at = first_instant(midnight + _DAY, zone)
        stretches = tuple(_stretches(midnight, starts_at, ends_at, start, zone))
        yield _Day(midnight.date(), starts_at, ends_at, stretches)
        midnight += _DAY


def _stretches(
    midnight: datetime, starts_at: datetime, ends_at: datetime, start: datetime, zone: ZoneInfo
) -> Iterator[_Stretch]:
    changes = [
        change.at
        for year in sorted({starts_at.year, ends_at.year})
        for change in clock_changes(zone, year)
        if starts_at < change.at < ends_at
    ]
    for first, last in pairwise([starts_at, *changes, ends_at]):
        shown = midnight.replace(tzinfo=UTC) - offset_at(first, zone)
        yield _Stretch(*((instant - start) // _MINUTE for instant in (shown, first, last)))
