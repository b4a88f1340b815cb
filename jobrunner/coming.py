"""The coming times of a job by its schedules in force, and what these say in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice

from pydantic import ValidationError

from jobrunner.db.overview import ListedSchedule
from jobrunner.schedule import ScheduleError, Timing, in_words, next_time
from jobrunner.spec.models import ScheduleSpec


@dataclass(frozen=True, slots=True)
class ComingTime:
    """A time at which a job is due; its jitter is not counted in."""

    at: datetime
    schedule: str
    timezone: str
    """IANA name of the zone in which the schedule is written."""


def words_of(address: str, schedule: ListedSchedule) -> str | None:
    """When it is due; None for a stored schedule that this version cannot read."""
    read = _read(address, schedule)
    return None if read is None else in_words(read[1])


def coming_times(
    address: str, schedules: Sequence[ListedSchedule], *, after: datetime, count: int
) -> tuple[ComingTime, ...]:
    """The first times after that moment, in order; `max_runs` ends them, a pause does not."""
    each = (_times(address, schedule, after) for schedule in schedules)
    return tuple(islice(merge(*each, key=lambda one: one.at), count))


def _times(address: str, schedule: ListedSchedule, after: datetime) -> Iterator[ComingTime]:
    read = _read(address, schedule)
    if read is None or not read[0].enabled:
        return
    spec, timing = read
    left = None if spec.max_runs is None else max(0, spec.max_runs - schedule.total_run_count)
    for at in islice(_endless(timing, after), left):
        yield ComingTime(at, schedule.name, spec.timezone)


def _endless(timing: Timing, after: datetime) -> Iterator[datetime]:
    at = next_time(timing, after)
    while at is not None:
        yield at
        at = next_time(timing, at)


def _read(address: str, schedule: ListedSchedule) -> tuple[ScheduleSpec, Timing] | None:
    try:
        spec = ScheduleSpec.model_validate(schedule.spec)
        return spec, spec.timing(address)
    except (ValidationError, ScheduleError):  # of a newer version, or by hand
        return None
