"""The schedules of a job that are on, with their arithmetic: to make it is the dear part of many answers."""

from typing import NamedTuple

from jobrunner.plan.forecast import timing_in_force
from jobrunner.plan.remembered import remembered
from jobrunner.schedule import Timing
from jobrunner.spec.models import JobSpec, ScheduleSpec


class Timed(NamedTuple):
    """A schedule that is on."""

    schedule: ScheduleSpec
    timing: Timing
    max_runs: int | None
    """Of the schedule: most have none, and are asked each time."""


def timed(job: JobSpec) -> tuple[Timed, ...]:
    """None of a job that is not enabled, and not those whose rule cannot be computed."""
    return _timed(job.address, job) if job.enabled else ()


@remembered
def _timed(job: JobSpec) -> tuple[Timed, ...]:
    timings = [timing_in_force(schedule, job.address) for schedule in job.schedules]
    return tuple(
        Timed(schedule, timing, schedule.max_runs)
        for schedule, timing in zip(job.schedules, timings, strict=True)
        if timing is not None
    )
