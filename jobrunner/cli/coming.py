"""The coming times of schedules, in order, and what is worth a note of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from jobrunner.cli.style import pad, style
from jobrunner.schedule import (
    ClockEffect,
    Timing,
    clock_effects,
    in_words,
    next_time,
    times_between,
)
from jobrunner.spec.durations import format_duration
from jobrunner.spec.models import JobSpec, ScheduleSpec

_AROUND = timedelta(hours=1)
"""A run may be due just beside the change of the clock that moves it."""
_RANGES_LISTED_MAX = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A schedule whose times are wanted."""

    name: str
    """'' for an expression of the command line."""
    timing: Timing
    max_runs: int | None = None

    def in_words(self) -> str:
        """When it is due, with its jitter and its bound."""
        words = in_words(self.timing)
        if self.timing.jitter:
            words += f", up to {format_duration(self.timing.jitter)} later (jitter)"
        if self.max_runs is not None:
            words += ", once in all" if self.max_runs == 1 else f", {self.max_runs:,} times in all"
        return words


@dataclass(frozen=True, slots=True)
class Coming:
    """One time of a schedule."""

    at: datetime
    schedule: Asked


def asked_of(job: JobSpec, schedules: Sequence[ScheduleSpec]) -> list[Asked]:
    """Schedules of a job, as they stand in the files."""
    return [Asked(one.name, one.timing(job.address), one.max_runs) for one in schedules]


def words_lines(schedules: Sequence[Asked]) -> list[str]:
    """A line for each: its name, and when it is due in words."""
    size = max((len(one.name) for one in schedules), default=0)
    return [
        f"{style(pad(f'#{one.name}', size + 1), 'strong')}  {one.in_words()}"
        if one.name
        else style(one.in_words(), "strong")
        for one in schedules
    ]


def coming_times(schedules: Iterable[Asked], after: datetime) -> Iterator[Coming]:
    """The times of all of them in one order, as far as there are any."""
    return merge(*(_times(schedule, after) for schedule in schedules), key=lambda one: one.at)


def clock_notes(
    coming: Sequence[Coming], schedule: Asked, after: datetime
) -> Sequence[ClockEffect]:
    """What changes of the clock do to a schedule until the last time shown; `after` this were the times
    looked for, so one that the clock takes away before the first of them has its note, too.
    """
    if not coming:
        return ()
    first, last = min(after, coming[0].at - _AROUND), coming[-1].at + _AROUND
    return list(clock_effects(schedule.timing, first, last))


def other_notes(coming: Sequence[Coming], schedule: Asked, after: datetime) -> Iterator[str]:
    """What else is worth a word: the days that were passed over, the bound that ends it."""
    if coming:
        passed_over = list(_passed_over(schedule.timing, after, coming[-1].at))
        if passed_over:
            more = len(passed_over) - _RANGES_LISTED_MAX
            listed = ", ".join(passed_over[:_RANGES_LISTED_MAX]) + (
                f" and {more} more" * (more > 0)
            )
            yield f"passed over by exclude: {listed}"
    if schedule.max_runs is not None:
        yield (
            f"max_runs ends it after {schedule.max_runs:,}, counted from its first run; "
            "only the database knows how many are left"
        )


def _times(schedule: Asked, after: datetime) -> Iterator[Coming]:
    found = times_between(schedule.timing, after + timedelta.resolution, _for_ever(after))
    return (Coming(at, schedule) for at in islice(found, schedule.max_runs))


def _for_ever(moment: datetime) -> datetime:
    return datetime.max.replace(tzinfo=moment.tzinfo)


def _passed_over(timing: Timing, after: datetime, until: datetime) -> Iterator[str]:
    """Excluded days on which it would have been due."""
    bare = replace(timing, exclude=())
    today, last_day = (moment.astimezone(timing.zone).date() for moment in (after, until))
    for first, last in timing.exclude:
        if last < today or first > last_day:
            continue
        before = datetime.combine(max(first, today), datetime.min.time(), timing.zone)
        found = next_time(bare, max(before - timedelta.resolution, after))
        if found is not None and found.astimezone(timing.zone).date() <= last:
            yield str(first) if first == last else f"{first} to {last}"
