"""All figures of one moment → series, the most important first."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine

from jobrunner.db.engine import of_one_moment, transaction
from jobrunner.db.metrics import JobNow, read_jobs_now, read_processes_now, read_projects_now
from jobrunner.db.notifications import count_waiting
from jobrunner.db.processes import own_version
from jobrunner.db.queues import Queue, read_queues
from jobrunner.db.totals import (
    NO_TIMES,
    JobTotal,
    Namespaces,
    QueueTotal,
    Times,
    read_error_totals,
    read_job_durations,
    read_job_totals,
    read_queue_totals,
)
from jobrunner.metrics import names
from jobrunner.metrics.series import Part, histogram, text_of, value, values

_CELERY_STATES = {
    "succeeded": "success",
    "failed": "failure",
    "lost": "failure",
    "cancelled": "revoked",
    "expired": "revoked",
}
"""Of what was never sent, or is not heard of again, Celery has no word."""
_Key = tuple[str, ...]
_One = TypeVar("_One", JobTotal, QueueTotal)
_Sum = TypeVar("_Sum", int, Times)


def scrape(engine: Engine, *, namespaces: Namespaces, celery_names: bool, series_max: int) -> bytes:
    """Prometheus' text. Only jobs of these namespaces are in figures of jobs, queues and runs.

    It is read in one transaction, so that no run is told twice or not at all while it is counted.
    """
    with transaction(of_one_moment(engine)) as connection:
        parts = list(_parts(connection, namespaces, celery_names=celery_names))
    return text_of(parts, series_max=series_max)


def _parts(connection: Connection, namespaces: Namespaces, *, celery_names: bool) -> Iterator[Part]:
    jobs = read_jobs_now(connection, namespaces)
    named = {job.queue for job in jobs}
    queues = [each for each in read_queues(connection) if each.name in named]
    totals = read_queue_totals(connection, namespaces)
    yield from _of_the_whole(connection)
    yield from _of_queues(queues, totals)
    if celery_names:
        yield from _celery_of_queues(connection, queues, totals)
    yield from _of_jobs(jobs, read_job_totals(connection, namespaces))
    if celery_names:
        yield values(names.CELERY_ERRORS, read_error_totals(connection, namespaces))
        yield histogram(names.CELERY_DURATION, read_job_durations(connection, namespaces))
    yield values(names.OVERDUE, {(job.address,): 0 for job in jobs if not job.is_overdue})
    yield values(names.PAUSED, {(job.address,): 0 for job in jobs if not job.is_paused})


def _of_the_whole(connection: Connection) -> Iterator[Part]:
    processes = read_processes_now(connection)
    yield values(names.BUILD, {(own_version(),): 1})
    yield value(names.WORKERS, processes.workers)
    if processes.last_tick_at is not None:
        yield value(names.LAST_TICK, processes.last_tick_at.timestamp())
    projects = read_projects_now(connection)
    valid = ((each.name, each.is_valid) for each in projects)
    yield values(
        names.VALID, {(name,): is_valid for name, is_valid in valid if is_valid is not None}
    )
    yield values(names.DRIFT, {(each.name,): each.drift_jobs for each in projects})
    yield values(names.LAST_APPLY, _seconds({each.name: each.applied_at for each in projects}))
    yield values(names.ALERTS_UNSENT, count_waiting(connection))


def _of_queues(queues: Iterable[Queue], totals: Iterable[QueueTotal]) -> Iterator[Part]:
    yield values(names.RUNNING, {(each.name,): each.running for each in queues})
    yield values(names.DEPTH, {(each.name,): each.waiting for each in queues})
    yield values(names.OLDEST, {(each.name,): _age_seconds(each) for each in queues})
    for metric, what in (
        (names.DURATION, lambda each: each.duration),
        (names.WAIT, lambda each: each.wait),
        (names.DELAY, lambda each: each.delay),
    ):
        yield histogram(metric, _sum(totals, lambda each: (each.queue,), what, NO_TIMES))


def _age_seconds(queue: Queue) -> float:
    if queue.oldest_waiting_at is None:
        return 0.0
    return max((queue.now - queue.oldest_waiting_at).total_seconds(), 0.0)


def _of_jobs(jobs: Iterable[JobNow], totals: Iterable[JobTotal]) -> Iterator[Part]:
    """All of them but that nothing is wrong, which is said last."""
    yield values(names.OVERDUE, {(job.address,): 1 for job in jobs if job.is_overdue})
    yield values(names.PAUSED, {(job.address,): 1 for job in jobs if job.is_paused})
    yield values(names.RUNS, {each[:4]: each.runs for each in totals})
    yield values(names.LAST_SUCCESS, _seconds(_last_successes(totals)))
    retried = (each for each in totals if each.retries)
    by_job = _sum(retried, lambda each: (each.address, each.queue), lambda each: each.retries, 0)
    yield values(names.RETRIES, by_job)
    yield values(names.NEXT_RUN, _seconds({job.address: job.next_run_at for job in jobs}))


def _last_successes(totals: Iterable[JobTotal]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for total in totals:
        at = total.last_finished_at
        if total.state == "succeeded" and at is not None:
            found[total.address] = max(found.get(total.address, at), at)
    return found


def _celery_of_queues(
    connection: Connection, queues: Iterable[Queue], totals: Iterable[QueueTotal]
) -> Iterator[Part]:
    yield value(names.CELERY_WORKERS, read_processes_now(connection).workers)
    yield values(names.CELERY_BACKLOG, {(each.name,): each.waiting for each in queues})
    known = (each for each in totals if each.state in _CELERY_STATES)
    by_status = _sum(
        known, lambda each: (each.queue, _CELERY_STATES[each.state]), lambda each: each.runs, 0
    )
    yield values(names.CELERY_TASKS, by_status)


def _sum(
    totals: Iterable[_One],
    key: Callable[[_One], _Key],
    what: Callable[[_One], _Sum],
    start: _Sum,
) -> dict[_Key, _Sum]:
    found: dict[_Key, _Sum] = {}
    for total in totals:
        found[key(total)] = found.get(key(total), start) + what(total)
    return found


def _seconds(found: Mapping[str, datetime] | Mapping[str, datetime | None]) -> dict[_Key, float]:
    return {(name,): at.timestamp() for name, at in found.items() if at is not None}
