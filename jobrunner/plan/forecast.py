"""What an edit of a schedule does to its coming runs, and what all schedules amount to."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from jobrunner.schedule import (
    At,
    Cron,
    Every,
    ScheduleError,
    Timing,
    clock_changes,
    first_instant,
    next_time,
    numbers_of,
    offset_at,
    previous_time,
    times_between,
)
from jobrunner.spec.models import JobSpec, ScheduleSpec

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_STEPS_MAX = 1_500_000
"""Minutes that are counted one by one; what is left then is spread evenly (about a fifth of a second)."""
HORIZON = timedelta(days=7)

# --- One edit --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EditForecast:
    """The coming runs of one schedule before and after an edit. Instants are UTC."""

    next_before: datetime | None
    """As stored; None where there was no schedule, or it was off or done."""
    next_after: datetime | None
    """None where there will be none, or it is off or has no time left."""
    skipped: tuple[datetime, ...] = ()
    """Old times that fall out, though the new rule has no run in their place."""
    doubled: tuple[datetime, ...] = ()
    """New times of a day, week, month or year that has had its run by the old rule."""

    def as_json(self) -> dict[str, Any]:
        """The stable form."""
        return {
            "next_before": _isoformat(self.next_before),
            "next_after": _isoformat(self.next_after),
            "skipped": [_isoformat(instant) for instant in self.skipped],
            "doubled": [_isoformat(instant) for instant in self.doubled],
        }


def forecast_edit(
    before: ScheduleSpec | None,
    after: ScheduleSpec | None,
    *,
    next_before: datetime | None,
    now: datetime,
) -> EditForecast:
    """What happens when `before` gives way to `after` now. None is a schedule that is not there.

    `next_before` is the nominal time in the database. A time that is due already is run by the
    apply under the old rule, so it is neither skipped nor doubled.
    """
    old, new = timing_in_force(before), timing_in_force(after)
    if old is None or next_before is None:
        return EditForecast(next_before, None if new is None else next_time(new, now))
    if new is None:
        return EditForecast(next_before, None)
    if new == old:
        return EditForecast(next_before, next_before)
    edit = _Edit(
        old_last=previous_time(old, now),
        old_next=next_time(old, now),
        new_last=previous_time(new, now),
        new_next=next_time(new, now),
        zone=new.zone,
    )
    return EditForecast(next_before, edit.new_next, skipped=edit.skipped(), doubled=edit.doubled())


@dataclass(frozen=True, slots=True)
class _Edit:
    """The times around the moment of an edit: the last and the next of the old and the new rule."""

    old_last: datetime | None
    old_next: datetime | None
    new_last: datetime | None
    new_next: datetime | None
    zone: ZoneInfo

    def skipped(self) -> tuple[datetime, ...]:
        """The old rule's next run, when the new rule's run of that period is over already."""
        period = self._period(self.old_next)
        was_due = period == self._period(self.new_last)
        has_another = period in {self._period(self.old_last), self._period(self.new_next)}
        if self.old_next is None or period is None or not was_due or has_another:
            return ()
        return (self.old_next,)

    def doubled(self) -> tuple[datetime, ...]:
        """The new rule's next run, when its period has had the old rule's run."""
        period = self._period(self.new_next)
        has_had_it = period == self._period(self.old_last)
        has_several = period in {self._period(self.old_next), self._period(self.new_last)}
        if self.new_next is None or period is None or not has_had_it or has_several:
            return ()
        return (self.new_next,)

    def _period(self, instant: datetime | None) -> tuple[int, ...] | None:
        """The day, week, month or year around an instant, whichever holds about one run.

        None for rules that run more often: from each ten minutes to each quarter of an hour is a
        change of rhythm, and no run is skipped or doubled.
        """
        interval = self._interval()
        if instant is None or interval is None or interval < timedelta(hours=22):
            return None
        local = instant.astimezone(self.zone)
        if interval < timedelta(days=6):
            return (local.toordinal(),)
        if interval < timedelta(days=27):
            return local.isocalendar()[:2]
        return (local.year, local.month) if interval < timedelta(days=364) else (local.year,)

    def _interval(self) -> timedelta | None:
        """The shorter of the two rules' distances around now; None when neither repeats."""
        pairs = ((self.old_last, self.old_next), (self.new_last, self.new_next))
        gaps = [later - earlier for earlier, later in pairs if earlier and later]
        return min(gaps, default=None)


def timing_in_force(spec: ScheduleSpec | None) -> Timing | None:
    """None for what is not there or off, and for a rule that cannot be computed."""
    if spec is None or not spec.enabled:
        return None
    try:
        return spec.timing()
    except ScheduleError:
        return None


def _isoformat(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


# --- All schedules ---------------------------------------------------------------------------------


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
        return {
            "runs_per_day": self.runs_per_day,
            "busiest_minute_at": _isoformat(self.busiest_minute_at),
            "busiest_minute_runs": self.busiest_minute_runs,
            "is_estimate": self.is_estimate,
        }


def forecast_load(jobs: Iterable[JobSpec], *, now: datetime, horizon: timedelta = HORIZON) -> Load:
    """The load of the enabled schedules of these jobs, in bounded work whatever they say."""
    timings = Counter(
        timing
        for job in jobs
        if job.enabled
        for schedule in job.schedules
        if (timing := timing_in_force(schedule)) is not None
    )
    start = now.replace(second=0, microsecond=0) + _MINUTE
    count = _MinuteCount(start, minutes=horizon // _MINUTE)
    for timing, times in sorted(timings.items(), key=lambda item: _steps(item[0], horizon)):
        count.add(timing, times)
    return count.load()


def _steps(timing: Timing, horizon: timedelta) -> int:
    """About how many minutes of the horizon hold a run."""
    match timing.rule:
        case Cron() as cron:
            return round(horizon / _DAY * cron.hours.bit_count() * cron.minutes.bit_count())
        case Every(interval):
            return horizon // max(interval, _MINUTE)
        case At(instants):
            return len(instants)


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
        start = max(self._start, timing.start_at or self._start)
        end = min(self._end, timing.end_at or self._end)
        if start >= end:
            return
        steps = _steps(timing, end - start)
        if self._steps + steps > _STEPS_MAX:
            self._is_estimate = True
            self._spread(steps * _runs_a_minute(timing), times)
        elif isinstance(timing.rule, Every) and timing.rule.interval <= _MINUTE:
            self._spread((end - start) / timing.rule.interval, times)
        else:
            self._steps += steps
            self._count(timing, times, start, end)

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

    def _spread(self, runs: float, times: int) -> None:
        self._even_total += runs * times
        self._even_runs += runs * times / len(self._runs)

    def _count(self, timing: Timing, times: int, start: datetime, end: datetime) -> None:
        cron = timing.rule
        if not isinstance(cron, Cron):
            self._count_times(times_between(timing, start, end), times)
            return
        first, last = (start - self._start) // _MINUTE, -((self._start - end) // _MINUTE)
        minutes = [
            hour * 60 + minute
            for hour in numbers_of(cron.hours)
            for minute in numbers_of(cron.minutes)
        ]
        runs = times * cron.seconds.bit_count()
        for day in self._days_of(timing.zone):
            if not cron.days_of_month(day.date.year, day.date.month) >> day.date.day & 1:
                continue
            if len(day.stretches) > 1 and not cron.follows_clock_changes:
                day_start, day_end = max(start, day.starts_at), min(end, day.ends_at)
                self._count_times(times_between(timing, day_start, day_end), times)
                continue
            for stretch in day.stretches:
                from_minute, to_minute = max(first, stretch.first), min(last, stretch.last)
                for minute in minutes:
                    index = stretch.midnight + minute
                    if from_minute <= index < to_minute:
                        self._runs[index] += runs

    def _count_times(self, instants: Iterable[datetime], times: int) -> None:
        for instant in instants:
            self._runs[(instant - self._start) // _MINUTE] += times

    def _days_of(self, zone: ZoneInfo) -> "list[_Day]":
        if zone not in self._days:
            self._days[zone] = list(_days_between(self._start, self._end, zone))
        return self._days[zone]


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


def _runs_a_minute(timing: Timing) -> float:
    match timing.rule:
        case Cron() as cron:
            return cron.seconds.bit_count()
        case Every(interval):
            return max(_MINUTE / interval, 1.0)
        case At():
            return 1.0
