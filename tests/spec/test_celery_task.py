"""A job that is a `celery_task`: what it inherits, and what it may not ask for."""

import pytest

from tests.spec.reading import mistakes, read_job

TRACKED = 'celery: {app: "acme.celery:app", tracked: true}\n'
DEFAULTS = "defaults: {queue: default, retry: 3, on_lost: retry}\n"


def test_it_keeps_the_projects_app_and_takes_no_queue_of_our_workers() -> None:
    spec = read_job("jobs: {a: {celery_task: acme.add}}", project=TRACKED + DEFAULTS)
    assert spec.celery is not None
    assert (spec.celery.app, spec.delivery, spec.queue) == ("acme.celery.app", "tracked", "celery")


def test_a_queue_of_its_own_is_kept() -> None:
    spec = read_job("jobs: {a: {celery_task: acme.add, queue: reports}}", project=TRACKED)
    assert spec.queue == "reports"


def test_retries_that_it_inherits_are_the_tasks_own_business() -> None:
    spec = read_job("jobs: {a: {celery_task: acme.add}}", project=TRACKED + DEFAULTS)
    assert (spec.retry.max_retries, spec.on_lost) == (0, "fail")


def test_other_jobs_know_nothing_of_the_app() -> None:
    spec = read_job("jobs: {a: {task: acme.add}}", project=TRACKED)
    assert (spec.celery, spec.delivery) == (None, "claim")


def test_untracked_it_is_handed_over() -> None:
    spec = read_job("jobs: {a: {celery_task: acme.add, overlap: allow}}")
    assert (spec.delivery, spec.queue) == ("handed_over", "celery")


@pytest.mark.parametrize("line", ["retry: 3", "on_lost: fail", "soft_timeout: 1m", "isolate: true"])
def test_what_only_our_workers_do_is_refused(line: str) -> None:
    job = f"jobs:\n  a:\n    celery_task: acme.add\n    {line}\n"
    assert mistakes(job, project=TRACKED) == [("E212", 4, 5)]


@pytest.mark.parametrize(
    "line",
    [
        "overlap: allow\n    on_end: acme.clean",
        "overlap: allow\n    max_concurrency: 2",
        "overlap: skip",
    ],
)
def test_what_asks_for_an_end_is_refused_where_none_is_told(line: str) -> None:
    job = f"jobs:\n  a:\n    celery_task: acme.add\n    {line}\n"
    assert [code for code, _, _ in mistakes(job)] == ["E212"]
    assert mistakes(job, project=TRACKED) == []


def test_the_app_is_no_key_of_a_job() -> None:
    job = "jobs:\n  a:\n    celery_task: acme.add\n    celery: {tracked: true}\n"
    assert mistakes(job, project=TRACKED) == [("E201", 4, 5)]
