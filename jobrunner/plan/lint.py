"""Warnings about jobs that are valid and yet hardly meant so. They stop nothing but `--strict`."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from jobrunner.plan.forecast import timing_in_force
from jobrunner.plan.intervals import interval_at_least, shortest_interval
from jobrunner.plan.load import load_of
from jobrunner.plan.remembered import remembered
from jobrunner.plan.timed import timed
from jobrunner.plan.told_once import the_same_for, told_enough, told_once
from jobrunner.schedule import (
    ClockEffect,
    Cron,
    Effect,
    Recurrence,
    Timing,
    clock_effects,
    duration_in_words,
    next_time,
)
from jobrunner.schedule.solar import EACH_EVENT_UP_TO
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.guesses import did_you_mean
from jobrunner.spec.models import DefinedJob, Location, Retry, ScheduleSpec

RUNS_IN_ONE_MINUTE_MAX = 100
_LOOKED_AHEAD = timedelta(days=366)
_QUEUES_LISTED = 5
_HALF_AN_HOUR = timedelta(minutes=30)
_MINUTE = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)


OnceAt = tuple[str, str, tuple[datetime, ...]]
"""The address of a job, the name of a schedule, and the times that it has."""


def lint_jobs(
    jobs: Sequence[DefinedJob],
    *,
    now: datetime,
    served_queues: Collection[str] | None = None,
    applied_once: Collection[OnceAt] = (),
) -> tuple[Diagnostic, ...]:
    """The warnings of all jobs that are enabled, in the order of the jobs.

    `served_queues` are those that the workers take from; None: no worker is known. What is among
    `applied_once` was applied with the times that it has: it is done, as it was meant.
    """
    on = [_looked_at(job.address, job) for job in jobs if job.spec.enabled]
    found = [
        warning
        for job in on
        if job.may_be_told_of(now)
        for warning in (*_lint_job(job, now), *_in_the_past(job, now, applied_once))
    ]
    unserved = () if served_queues is None else _unserved_queues(on, served_queues)
    crowded = _crowded_minute([one for job in on for one in job.schedules], now)
    return tuple(told_enough((*told_once(found), *unserved, *crowded)))


class _Schedule(NamedTuple):
    """A schedule that is on, and its job."""

    job: DefinedJob
    schedule: ScheduleSpec
    timing: Timing


class _Job(NamedTuple):
    """A job that is enabled, with what does not depend on the moment."""

    job: DefinedJob
    schedules: tuple[_Schedule, ...]
    is_doubtful: bool
    """There may be something to tell besides what a change of the clock does."""

    def may_be_told_of(self, now: datetime) -> bool:
        """Most jobs end here."""
        return self.is_doubtful or any(_coming_effects(one.timing, now) for one in self.schedules)


@remembered
def _looked_at(job: DefinedJob) -> _Job:
    schedules = tuple(_Schedule(job, one.schedule, one.timing) for one in timed(job.spec))
    is_doubtful = bool(job.spec.sensitive) or any(map(_is_doubtful, schedules))
    return _Job(job, schedules, is_doubtful)


def _is_doubtful(one: _Schedule) -> bool:
    schedule = one.schedule
    return bool(schedule.at or _takers_of_times(schedule) or _may_outlast(one))


def _lint_job(of: _Job, now: datetime) -> Iterator[Diagnostic]:
    yield from _not_given(of.job)
    for one in of.schedules:
        yield from _clock_changes(one.job, one.schedule, one.timing, now)
        yield from _no_time_left(one.job, one.schedule, now)
        yield from _outlasting(one, now)


def _not_given(job: DefinedJob) -> Iterator[Diagnostic]:
    if not job.spec.sensitive:
        return
    given = {*job.spec.kwargs, *(name for one in job.spec.schedules for name in one.kwargs or {})}
    name, *others = [name for name in job.spec.sensitive if name not in given] or [""]
    if not name:
        return
    guess = did_you_mean(name, tuple(sorted(given)))
    yield Diagnostic(
        code="W207",
        severity="warning",
        message=f"{job.address}: no kwargs are named '{name}', which 'sensitive' names",
        location=job.place_of("sensitive") or job.location,
        source_line="",
        help=f"did you mean '{guess}'?"
        if guess
        else "give it a value, or give it at each trigger: it is sealed there, too",
        notes=(the_same_for(others),) if others else (),
    )


def _clock_changes(
    job: DefinedJob, schedule: ScheduleSpec, timing: Timing, now: datetime
) -> Iterator[Diagnostic]:
    """One warning for the next skipped time, one for the next repeated one that runs twice; none
    where `dst` says what is meant.
    """
    seen = {
        code
        for code, chosen in (("W201", schedule.dst.gap), ("W202", schedule.dst.overlap))
        if chosen is not None
    }
    if len(seen) == 2:
        return
    for effect in _coming_effects(timing, now):
        code = "W201" if effect.change.is_gap else "W202"
        if code in seen or effect.effect is Effect.ONCE:
            continue
        seen.add(code)
        before = effect.change.wall_start - _HALF_AN_HOUR
        after = effect.change.wall_end + _HALF_AN_HOUR
        advice = f"use {before:%H:%M} or {after:%H:%M}, or timezone: UTC"
        yield _warning(job, code, effect.in_words(), schedule, schedule.rule, help=advice)


@lru_cache(maxsize=4096)
def _coming_effects(timing: Timing, now: datetime) -> tuple[ClockEffect, ...]:
    """Of one timing once: many schedules of a large project share it."""
    return tuple(clock_effects(timing, now, now + _LOOKED_AHEAD))


def _no_time_left(job: DefinedJob, schedule: ScheduleSpec, now: datetime) -> Iterator[Diagnostic]:
    """A list of times that is used up is done, as it was meant; what takes times away may be wrong."""
    limits = _takers_of_times(schedule)
    if not limits or _next_time(job, schedule, now) is not None:
        return
    for name in limits:
        if name == "solar" or _next_time(job, schedule, now, without=name) is not None:
            message, advice = _nothing_left(schedule, name, now)
            yield _warning(job, "W205", f"{message}; nothing will run", schedule, name, help=advice)
            return


def _takers_of_times(schedule: ScheduleSpec) -> list[str]:
    """The fields it gives that may leave it without a time."""
    given = {
        "end_at": schedule.end_at is not None,
        "exclude": schedule.exclude,
        "exdate": schedule.exdate,
        "solar": schedule.solar is not None and abs(schedule.solar.latitude) > EACH_EVENT_UP_TO,
        "dst": schedule.dst.gap is not None or schedule.dst.overlap is not None,
    }
    return [name for name, is_given in given.items() if is_given]


def _next_time(
    job: DefinedJob, schedule: ScheduleSpec, now: datetime, *, without: str = ""
) -> datetime | None:
    if without:
        default = ScheduleSpec.model_fields[without].default
        schedule = schedule.model_copy(update={without: default})
    timing = timing_in_force(schedule, job.address)
    return None if timing is None else next_time(timing, now)


def _nothing_left(schedule: ScheduleSpec, field: str, now: datetime) -> tuple[str, str]:
    """(what is wrong, what to do)"""
    match field:
        case "end_at" if schedule.end_at is not None:
            is_over = schedule.end_at <= now
            end = schedule.end_at.isoformat()
            message = (
                f"end_at {end} is in the past"
                if is_over
                else f"no time is left before end_at {end}"
            )
            return message, "move end_at, or remove the schedule"
        case "solar" if schedule.solar is not None:
            sun = schedule.solar
            place = f"latitude {sun.latitude:g}, longitude {sun.longitude:g}"
            return f"the sun has no {sun.event} at {place}", "choose another event or another place"
        case "dst":
            message = "the clock skips each of its times, and dst: {gap: skip} leaves them out"
            return message, "write dst: {gap: run_after}, or another time"
        case _:
            return (
                f"{field} takes out every time that is left",
                f"narrow {field}, or remove the schedule",
            )


def _in_the_past(of: _Job, now: datetime, applied_once: Collection[OnceAt]) -> Iterator[Diagnostic]:
    for job, schedule, _ in of.schedules:
        times = schedule.at
        if times and times[-1] <= now and (job.address, schedule.name, times) not in applied_once:
            last = times[-1].isoformat()
            told = (
                f"at {last} is" if len(times) == 1 else f"all {len(times)} times up to {last} are"
            )
            message = f"{told} in the past; what has not run by now never will"
            advice = "write a later time, or remove the schedule"
            yield _warning(job, "W209", message, schedule, "at", help=advice)


def _outlasting(one: _Schedule, now: datetime) -> Iterator[Diagnostic]:
    if not _may_outlast(one):
        return  # looking for the true interval is the dear part
    interval = shortest_interval(one.timing, now)
    if interval is not None:
        yield from _long_timeout(one.job, one.schedule, interval)
        yield from _long_retries(one.job, one.schedule, interval)


def _may_outlast(one: _Schedule) -> bool:
    job, interval = one.job, interval_at_least(one.timing)
    if job.spec.overlap == "allow":
        return False
    if "timeout" in job.field_lines and job.spec.timeout >= interval:
        return True
    retry = job.spec.retry
    at_most = retry.max_retries * retry.max_delay
    return at_most >= interval and _delays_in_all(retry) >= interval


def _long_timeout(
    job: DefinedJob, schedule: ScheduleSpec, interval: timedelta
) -> Iterator[Diagnostic]:
    """Only where the files give a time-out: the default is no statement about this job."""
    spec = job.spec
    if spec.overlap != "skip" or spec.timeout <= interval or "timeout" not in job.field_lines:
        return
    message = (
        f"may run for {duration_in_words(spec.timeout)} and is due again after "
        f"{duration_in_words(interval)}; with overlap: skip, what is due in between is skipped"
    )
    advice = f"use timeout: {_shorter(interval)} or less, or overlap: queue"
    yield _warning(job, "W203", message, schedule, "timeout", of_job=True, help=advice)


def _long_retries(
    job: DefinedJob, schedule: ScheduleSpec, interval: timedelta
) -> Iterator[Diagnostic]:
    span = _delays_in_all(job.spec.retry)
    if span < interval:
        return
    message = (
        f"its retries wait for up to {duration_in_words(span)} in all "
        f"and it is due again after {duration_in_words(interval)}; "
        f"with overlap: {job.spec.overlap}, retries hold up what is due"
    )
    advice = "use fewer retries or a smaller max_delay, or overlap: allow"
    yield _warning(job, "W204", message, schedule, "retry", of_job=True, help=advice)


def _delays_in_all(retry: Retry) -> timedelta:
    """The longest that all delays can take together, without the attempts themselves."""
    attempts = range(1, retry.max_retries + 1)
    return sum((retry.delay_after(attempt) for attempt in attempts), timedelta(0))


def _shorter(interval: timedelta) -> str:
    seconds = max(int(interval.total_seconds()) - 1, 1)
    return f"{seconds // 60}m" if seconds >= 120 else f"{seconds}s"


def _unserved_queues(jobs: Iterable[_Job], served: Collection[str]) -> Iterator[Diagnostic]:
    """One warning for each queue, at the first job that names it: a name that nobody knows is a slip."""
    told = set(served)
    for job, *_ in jobs:
        if job.spec.delivery != "claim":
            continue  # an app's own workers serve its queues, and say nothing here
        for queue in sorted(job.spec.queues - told):
            told.add(queue)
            guess = did_you_mean(queue, tuple(sorted(served)))
            listed = ", ".join(sorted(served)[:_QUEUES_LISTED])
            yield Diagnostic(
                code="W208",
                severity="warning",
                message=f"{job.address}: no worker takes from the queue '{queue}'",
                location=_queue_place(job, queue),
                source_line="",
                help=f"did you mean '{guess}'?"
                if guess
                else f"start one: jobrunner worker -Q {queue}; the workers serve: {listed}",
            )


def _queue_place(job: DefinedJob, queue: str) -> Location:
    of_schedules = [f"schedules.{s.name}.queue" for s in job.spec.schedules if s.queue == queue]
    paths = [*(["queue"] if job.spec.queue == queue else []), *of_schedules]
    return job.place_of(*paths) or job.location


def _crowded_minute(schedules: Sequence[_Schedule], now: datetime) -> Iterator[Diagnostic]:
    """One warning for the whole project, at the first schedule of its busiest minute.

    Only what `jitter` could spread counts: schedules without it that name times of day.
    """
    crowd = [
        one
        for one in schedules
        if isinstance(one.timing.rule, Cron | Recurrence) and not one.timing.jitter
    ]
    if len(crowd) < RUNS_IN_ONE_MINUTE_MAX:
        return
    load = load_of(Counter(one.timing for one in crowd), now=now)
    if load.busiest_minute_at is None or not (
        load.is_estimate or load.busiest_minute_runs >= RUNS_IN_ONE_MINUTE_MAX
    ):
        return
    due = [one for one in crowd if _is_due_in(one.timing, load.busiest_minute_at)]
    if len(due) >= RUNS_IN_ONE_MINUTE_MAX:
        at = load.busiest_minute_at
        message = (
            f"{len(due)} schedules are due in the same minute, "
            f"first on {at:%a} {at.day} {at:%b %H:%M} UTC; this is one of them"
        )
        job, schedule, _ = due[0]
        advice = "spread them: jitter: 5m, or H in place of the minute"
        yield _warning(job, "W206", message, schedule, schedule.rule, help=advice)


def _is_due_in(timing: Timing, minute: datetime) -> bool:
    found = next_time(timing, minute - _INSTANT)
    return found is not None and found < minute + _MINUTE


def _warning(
    job: DefinedJob,
    code: str,
    message: str,
    schedule: ScheduleSpec,
    field: str,
    *,
    help: str,  # noqa: A002  the word of Diagnostic
    of_job: bool = False,
) -> Diagnostic:
    """At the field's line where the files give it, else at the schedule's rule, else at the job."""
    paths = [field] if of_job else [f"schedules.{schedule.name}.{field}"]
    paths.append(f"schedules.{schedule.name}.{schedule.rule}")
    return Diagnostic(
        code=code,
        severity="warning",
        message=f"{job.address}#{schedule.name}: {message}",
        location=job.place_of(*paths) or job.location,
        source_line="",
        help=help,
    )
