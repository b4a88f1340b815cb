"""All figures of one moment → series, the most important first."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric as Family
from sqlalchemy import Engine

from jobrunner.db.engine import of_one_moment, transaction
from jobrunner.db.metrics import (
    JobNow,
    ProcessesNow,
    ProjectNow,
    read_jobs_now,
    read_processes_now,
    read_projects_now,
)
from jobrunner.db.processes import own_version
from jobrunner.db.queues import Queue, read_queues
from jobrunner.db.totals import (
    NO_TIMES,
    ErrorTotal,
    JobTotal,
    Times,
    read_error_totals,
    read_job_totals,
)
from jobrunner.metrics import names
from jobrunner.metrics.series import Part, families, histogram, value, values

Visible = Callable[[str], bool]
"""Whether a caller sees the jobs of a namespace."""
_CELERY_STATES = {
    "succeeded": "success",
    "failed": "failure",
    "lost": "failure",
    "cancelled": "revoked",
    "expired": "revoked",
}
"""Of what was never sent, or is not heard of again, Celery has no word."""
_Key = tuple[str, ...]
_T = TypeVar("_T", int, Times)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the database says, of one moment."""

    jobs: tuple[JobNow, ...]
    totals: tuple[JobTotal, ...]
    errors: tuple[ErrorTotal, ...]
    queues: tuple[Queue, ...]
    projects: tuple[ProjectNow, ...]
    processes: ProcessesNow


def scrape(engine: Engine, *, sees: Visible, celery_names: bool, series_max: int) -> bytes:
    """Prometheus' text. Jobs of other namespaces than the caller `sees` are in no figure of runs."""
    figures = read_figures(engine, sees=sees)
    parts = [*own_parts(figures), *(celery_parts(figures) if celery_names else ())]
    return generate_latest(_Collected(families(parts, series_max=series_max)))


class _Collected:
    """What prometheus_client asks for."""

    def __init__(self, found: list[Family]) -> None:
        self._found = found

    def collect(self) -> list[Family]:
        return self._found


def read_figures(engine: Engine, *, sees: Visible) -> Figures:
    """In one transaction, so that nothing is told twice or not at all while it is counted."""
    with transaction(of_one_moment(engine)) as connection:
        jobs = tuple(job for job in read_jobs_now(connection) if sees(job.namespace))
        ids = {job.id for job in jobs}
        named = {job.queue for job in jobs}
        totals = tuple(each for each in read_job_totals(connection) if each.job_id in ids)
        return Figures(
            jobs=jobs,
            totals=totals,
            errors=tuple(each for each in read_error_totals(connection) if each.job_id in ids),
            queues=tuple(each for each in read_queues(connection) if each.name in named),
            projects=read_projects_now(connection),
            processes=read_processes_now(connection),
        )


def own_parts(figures: Figures) -> Iterator[Part]:
    """Under our own names."""
    yield from _of_the_whole(figures)
    yield from _of_queues(figures)
    yield from _of_jobs(figures)


def _of_the_whole(figures: Figures) -> Iterator[Part]:
    yield values(names.BUILD, {(own_version(),): 1})
    yield value(names.WORKERS, figures.processes.workers)
    if figures.processes.last_tick_at is not None:
        yield value(names.LAST_TICK, figures.processes.last_tick_at.timestamp())
    projects = figures.projects
    valid: dict[_Key, float] = {
        (each.name,): each.is_valid for each in projects if each.is_valid is not None
    }
    yield values(names.VALID, valid)
    yield values(names.DRIFT, {(each.name,): each.drift_jobs for each in projects})
    yield values(names.LAST_APPLY, _seconds({each.name: each.applied_at for each in projects}))


def _of_queues(figures: Figures) -> Iterator[Part]:
    queues = figures.queues
    yield values(names.RUNNING, {(each.name,): each.running for each in queues})
    yield values(names.DEPTH, {(each.name,): each.waiting for each in queues})
    yield values(names.OLDEST, {(each.name,): _age_seconds(each) for each in queues})
    by_queue = partial(_sum, figures.totals, key=lambda each: (each.queue,), start=NO_TIMES)
    yield histogram(names.DURATION, by_queue(what=lambda each: each.duration))
    yield histogram(names.WAIT, by_queue(what=lambda each: each.wait))
    yield histogram(names.DELAY, by_queue(what=lambda each: each.delay))


def _age_seconds(queue: Queue) -> float:
    if queue.oldest_waiting_at is None:
        return 0.0
    return max((queue.now - queue.oldest_waiting_at).total_seconds(), 0.0)


def _of_jobs(figures: Figures) -> Iterator[Part]:
    jobs = [job for job in figures.jobs if job.is_in_force]
    address = {job.id: job.address for job in jobs}
    totals = [each for each in figures.totals if each.job_id in address]
    yield values(names.OVERDUE, {(job.address,): 1 for job in jobs if job.is_overdue})
    yield values(names.PAUSED, {(job.address,): 1 for job in jobs if job.is_paused})
    yield values(
        names.RUNS,
        _sum(
            totals,
            key=lambda each: (address[each.job_id], each.queue, each.trigger, each.state),
            what=lambda each: each.runs,
            start=0,
        ),
    )
    yield values(names.LAST_SUCCESS, _seconds(_last_successes(totals, address)))
    retried = [each for each in totals if each.retries]
    by_job = partial(_sum, retried, key=lambda each: (address[each.job_id], each.queue), start=0)
    yield values(names.RETRIES, by_job(what=lambda each: each.retries))
    yield values(names.NEXT_RUN, _seconds({job.address: job.next_run_at for job in jobs}))
    yield values(names.OVERDUE, {(job.address,): 0 for job in jobs if not job.is_overdue})
    yield values(names.PAUSED, {(job.address,): 0 for job in jobs if not job.is_paused})


def celery_parts(figures: Figures) -> Iterator[Part]:
    """The same runs under names that dashboards of Celery projects know."""
    address = {job.id: job.address for job in figures.jobs if job.is_in_force}
    totals = [each for each in figures.totals if each.job_id in address]
    yield value(names.CELERY_WORKERS, figures.processes.workers)
    yield values(names.CELERY_BACKLOG, {(each.name,): each.waiting for each in figures.queues})
    by_status = _sum(
        [each for each in figures.totals if each.state in _CELERY_STATES],
        key=lambda each: (each.queue, _CELERY_STATES[each.state]),
        what=lambda each: each.runs,
        start=0,
    )
    yield values(names.CELERY_TASKS, by_status)
    errors: dict[_Key, float] = {
        (each.queue, address[each.job_id], each.error_type): each.attempts
        for each in figures.errors
        if each.job_id in address
    }
    yield values(names.CELERY_ERRORS, errors)
    by_job = partial(_sum, totals, key=lambda each: (each.queue, address[each.job_id]))
    yield histogram(names.CELERY_DURATION, by_job(what=lambda each: each.duration, start=NO_TIMES))


def _sum(
    totals: Iterable[JobTotal],
    *,
    key: Callable[[JobTotal], _Key],
    what: Callable[[JobTotal], _T],
    start: _T,
) -> dict[_Key, _T]:
    """In the order of the keys, so that the same series are left out each time where there are too many."""
    found: dict[_Key, _T] = {}
    for total in totals:
        found[key(total)] = found.get(key(total), start) + what(total)
    return dict(sorted(found.items()))


def _last_successes(
    totals: Sequence[JobTotal], address: Mapping[uuid.UUID, str]
) -> dict[str, datetime | None]:
    found: dict[str, datetime | None] = {}
    for total in totals:
        if total.state == "succeeded" and total.last_finished_at is not None:
            known = found.get(address[total.job_id]) or total.last_finished_at
            found[address[total.job_id]] = max(known, total.last_finished_at)
    return dict(sorted(found.items()))


def _seconds(found: Mapping[str, datetime | None]) -> dict[_Key, float]:
    return {(name,): at.timestamp() for name, at in found.items() if at is not None}
