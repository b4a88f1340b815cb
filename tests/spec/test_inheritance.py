"""Built-in → project defaults → file defaults → job → schedule, merged as trees."""

from datetime import timedelta

import pytest

from tests.spec.reading import mistakes, parse, read_job

PROJECT = "defaults: {queue: project, owner: ops, retry: {max_retries: 3, delay: 7s}, kwargs: {a: 1, b: 2}}"


def test_a_job_starts_from_what_is_built_in() -> None:
    job = read_job("jobs: {a: {task: m.f}}")
    assert (job.queue, job.timeout, job.overlap, job.retry.max_retries) == (
        "default",
        timedelta(hours=1),
        "skip",
        0,
    )


def test_project_defaults_are_under_every_job() -> None:
    assert read_job("jobs: {a: {task: m.f}}", PROJECT).queue == "project"


def test_file_defaults_are_over_the_projects() -> None:
    job = read_job("defaults: {queue: file}\njobs: {a: {task: m.f}}", PROJECT)
    assert (job.queue, job.owner) == ("file", "ops")


def test_a_job_is_over_all_defaults() -> None:
    assert (
        read_job("defaults: {queue: file}\njobs: {a: {task: m.f, queue: own}}", PROJECT).queue
        == "own"
    )


def test_mappings_merge_deeply() -> None:
    job = read_job("jobs: {a: {task: m.f, retry: {delay: 1s}, kwargs: {b: 3, c: 4}}}", PROJECT)
    assert (job.retry.max_retries, job.retry.delay) == (3, timedelta(seconds=1))
    assert job.kwargs == {"a": 1, "b": 3, "c": 4}


def test_lists_replace() -> None:
    assert read_job("jobs: {a: {task: m.f, tags: [x]}}", "defaults: {tags: [y, z]}").tags == ("x",)


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ("{secret: 'env:DATABASE'}", "{host: db, port: 5432}"),
        ("{host: db, port: 5432}", "{secret: 'env:DATABASE'}"),
    ],
)
def test_a_reference_to_a_secret_is_replaced_whole_and_replaces_whole(
    lower: str, upper: str
) -> None:
    project = f"defaults: {{kwargs: {{options: {{database: {lower}}}}}}}"
    text = f"jobs: {{a: {{task: m.f, kwargs: {{options: {{database: {upper}}}}}}}}}"
    alone = read_job(text)
    assert read_job(text, project).kwargs == alone.kwargs


def test_a_schedule_replaces_a_reference_of_its_job_whole() -> None:
    job = read_job(
        "jobs: {a: {task: m.f, kwargs: {key: {secret: 'env:A'}, b: 1},"
        " schedule: {cron: '@daily', kwargs: {key: {id: 7}}}}}"
    )
    assert job.schedules[0].kwargs == {"key": {"id": 7}, "b": 1}


def test_an_argument_named_secret_is_merged_like_any_other() -> None:
    job = read_job(
        "jobs: {a: {task: m.f, kwargs: {b: 2}}}", "defaults: {kwargs: {secret: word, a: 1}}"
    )
    assert job.kwargs == {"secret": "word", "a": 1, "b": 2}


def test_null_removes_what_was_inherited() -> None:
    job = read_job("jobs: {a: {task: m.f, queue: null, retry: null, kwargs: {a: null}}}", PROJECT)
    assert (job.queue, job.retry.max_retries, job.kwargs) == ("default", 0, {"b": 2})


def test_null_over_nothing_is_a_value_of_a_keyword_argument() -> None:
    assert read_job("jobs: {a: {task: m.f, kwargs: {x: null}}}").kwargs == {"x": None}


def test_a_bare_number_of_retries_keeps_the_inherited_rest() -> None:
    retry = read_job("jobs: {a: {task: m.f, retry: 9}}", PROJECT).retry
    assert (retry.max_retries, retry.delay) == (9, timedelta(seconds=7))


def test_a_bare_policy_keeps_the_inherited_window() -> None:
    job = read_job("jobs: {a: {task: m.f, catch_up: all}}", "defaults: {catch_up: {window: 6h}}")
    assert (job.catch_up.policy, job.catch_up.window) == ("all", timedelta(hours=6))


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("jobs: {a: {task: m.f, schedule: '@daily'}}", "Asia/Tokyo"),
        (
            "defaults: {timezone: Europe/Paris}\njobs: {a: {task: m.f, schedule: '@daily'}}",
            "Europe/Paris",
        ),
        ("jobs: {a: {task: m.f, timezone: Europe/Rome, schedule: '@daily'}}", "Europe/Rome"),
        (
            "jobs: {a: {task: m.f, timezone: Europe/Rome, schedule: {cron: '@daily', timezone: UTC}}}",
            "UTC",
        ),
        ("jobs: {a: {task: m.f, timezone: null, schedule: '@daily'}}", "UTC"),
    ],
)
def test_the_nearest_time_zone_holds(text: str, zone: str) -> None:
    (schedule,) = read_job(text, "defaults: {timezone: Asia/Tokyo}").schedules
    assert schedule.timezone == zone


def test_a_mistake_in_a_default_is_told_once_and_where_it_stands() -> None:
    jobs = "jobs: {a: {task: m.f}, b: {task: m.f}}"
    assert mistakes(
        jobs, jobs.replace("a:", "c:").replace("b:", "d:"), project="defaults: {priority: 11}"
    ) == [("E204", 1, 22)]


def test_a_mistake_in_defaults_is_told_without_any_job() -> None:
    assert mistakes("defaults: {overlap: none}") == [("E204", 1, 21)]


def test_a_default_that_every_job_overrides_is_still_checked() -> None:
    assert mistakes("defaults: {overlap: none}\njobs: {a: {task: m.f, overlap: skip}}") == [
        ("E204", 1, 21)
    ]


def test_file_defaults_hold_for_their_own_document_only() -> None:
    parsed = parse("defaults: {queue: q}\njobs: {a: {task: m.f}}\n---\njobs: {b: {task: m.f}}")
    assert [job.spec.queue for job in parsed.jobs] == ["q", "default"]


def test_jobs_of_the_project_file_have_the_projects_defaults() -> None:
    parsed = parse(project="defaults: {queue: q}\njobs: {a: {task: m.f}}")
    assert [(job.address, job.spec.queue) for job in parsed.jobs] == [("default/a", "q")]
