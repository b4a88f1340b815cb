"""`templates` and `extends`: between defaults and the job, and checked where they stand."""

import pytest

from jobrunner.spec.parse import parse_project
from jobrunner.spec.yaml import SourceFile
from tests.spec.reading import mistakes, parse, read_job

PROJECT = """\
defaults: {queue: default, owner: ops, retry: {delay: 7s}}
templates:
  sync: {queue: sync, tags: [sync], retry: {max_retries: 8}, kwargs: {a: 1, b: {c: 2}}}
  slow: {extends: sync, timeout: 2h, queue: slow}
  bare: {owner: null}
"""


def test_a_template_lies_over_defaults_and_under_the_job() -> None:
    job = read_job("jobs: {a: {task: m.f, extends: sync, kwargs: {b: {d: 3}}}}", PROJECT)
    assert (job.queue, job.owner, job.retry.max_retries) == ("sync", "ops", 8)
    assert job.retry.delay.total_seconds() == 7
    assert job.kwargs == {"a": 1, "b": {"c": 2, "d": 3}}


def test_a_template_stands_over_what_it_extends() -> None:
    job = read_job("jobs: {a: {task: m.f, extends: slow}}", PROJECT)
    assert (job.queue, job.tags, job.timeout.total_seconds()) == ("slow", ("sync",), 7200)


def test_of_several_templates_the_later_wins() -> None:
    project = "templates: {x: {queue: x, owner: x}, y: {queue: y}}"
    job = read_job("jobs: {a: {task: m.f, extends: [x, y]}}", project)
    assert (job.queue, job.owner) == ("y", "x")


def test_a_template_that_two_others_extend_counts_once_below_both() -> None:
    project = "templates: {base: {queue: base}, x: {extends: base, queue: x}, y: {extends: base}}"
    assert read_job("jobs: {a: {task: m.f, extends: [x, y]}}", project).queue == "x"


def test_null_in_a_template_removes_what_defaults_give() -> None:
    assert read_job("jobs: {a: {task: m.f, extends: bare}}", PROJECT).owner == ""


def test_null_over_a_template_below_removes_what_defaults_give_too() -> None:
    project = "{defaults: {queue: d}, templates: {x: {queue: x}, y: {extends: x, queue: null}}}"
    assert read_job("jobs: {a: {task: m.f, extends: y}}", project).queue == "default"


def test_a_files_template_is_its_own() -> None:
    own = "templates: {mine: {queue: mine}}\njobs: {a: {task: m.f, extends: mine}}"
    assert mistakes(own, "jobs: {b: {task: m.f, extends: mine}}") == [("E234", 1, 32)]


def test_a_files_template_may_extend_one_of_the_project() -> None:
    text = "templates: {mine: {extends: sync, owner: me}}\njobs: {a: {task: m.f, extends: mine}}"
    job = read_job(text, PROJECT)
    assert (job.queue, job.owner) == ("sync", "me")


def test_the_same_template_twice_names_both_places() -> None:
    (found,) = parse("templates: {sync: {}}", project=PROJECT).diagnostics
    assert (found.code, found.notes) == ("E237", ("first at jobrunner.yaml:3:3",))


@pytest.mark.parametrize(
    ("of_template", "of_job", "cron", "every", "jitter"),
    [
        ("schedule: {every: 1h, jitter: 1m}", "schedule: '@daily'", "@daily", None, 60),
        ("schedule: {cron: '@daily', jitter: 1m}", "schedule: {jitter: 2m}", "@daily", None, 120),
        ("schedule: {jitter: 1m}", "schedule: {cron: '@daily'}", "@daily", None, 60),
        ("schedule: '@daily'", "schedule: {every: 1h}", None, 3600, 0),
        ("schedule: {every: 1h, anchor: 2026-01-01}", "schedule: '@daily'", "@daily", None, 0),
        ("schedule: {rrule: FREQ=DAILY, dtstart: 2026-01-01T09:00}", "schedule: {every: 1h}", None, 3600, 0),
        ("schedule: {cron: '@daily', dst: {gap: skip}}", "schedule: {every: 1h}", None, 3600, 0),
        ("schedules: {x: {every: 1h, jitter: 1m}}", "schedules: {x: '@daily'}", "@daily", None, 60),
        ("schedules: {x: '@hourly', y: '@daily'}", "schedule: {every: 1h}", None, 3600, 0),
    ],
)  # fmt: skip
def test_a_schedule_is_merged_and_the_rule_of_the_job_replaces_that_of_the_template(
    of_template: str, of_job: str, cron: str | None, every: int | None, jitter: int
) -> None:
    job = read_job(
        f"templates: {{t: {{{of_template}}}}}\njobs: {{a: {{task: m.f, extends: t, {of_job}}}}}"
    )
    (schedule,) = job.schedules
    assert (schedule.cron, schedule.every and schedule.every.total_seconds()) == (cron, every)
    assert schedule.jitter.total_seconds() == jitter


def test_schedules_are_merged_by_name() -> None:
    text = (
        "templates: {t: {schedules: {x: '@hourly', y: '@daily'}}}\n"
        "jobs: {a: {task: m.f, extends: t, schedules: {y: null, z: '@weekly'}}}"
    )
    assert [schedule.name for schedule in read_job(text).schedules] == ["x", "z"]


@pytest.mark.parametrize("kind", ["schedule", "schedules"])
def test_null_removes_every_schedule_of_the_template(kind: str) -> None:
    text = (
        "templates: {t: {schedules: {x: '@hourly'}}}\n"
        f"jobs: {{a: {{task: m.f, extends: t, {kind}: null}}}}"
    )
    assert read_job(text).schedules == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("templates: [x]", [("E203", 1, 12)]),
        ("templates: {x: [y]}", [("E203", 1, 16)]),
        ("templates: {X: {}}", [("E206", 1, 13)]),
        ("templates: {x: {qeue: q}}", [("E201", 1, 17)]),
        ("templates: {x: {matrix: {a: [b]}}}", [("E201", 1, 17)]),
        ("templates: {x: {priority: 11}}", [("E204", 1, 27)]),
        ("templates: {x: {timezone: Nowhere}}", [("E211", 1, 27)]),
        ("templates: {x: {task: os.system}}", [("E302", 1, 23)]),
        ("templates: {x: {schedule: {cron: '99 * * * *'}}}", [("E208", 1, 35)]),
        ("templates: {x: {schedule: {jiter: 1m}}}", [("E201", 1, 28)]),
        ("templates: {x: {schedule: '@daily', schedules: {}}}", [("E209", 1, 37)]),
        ("templates: {x: {kwargs: {a: {secret: nope}}}}", [("E219", 1, 38)]),
        ("templates: {x: {extends: y}}", [("E234", 1, 26)]),
        ("templates: {x: {extends: {}}}", [("E203", 1, 26)]),
    ],
)
def test_a_template_is_checked_where_it_stands_and_once(
    text: str, found: list[tuple[str, int, int]]
) -> None:
    assert mistakes(text) == found
    users = "\njobs: {a: {task: m.f, extends: x}, b: {task: m.f, extends: x}}"
    others = [one for one in mistakes(text + users) if one[0] != "E234" or one[1] == 1]
    assert others == found


def test_a_circle_is_told_once_however_it_is_entered() -> None:
    text = (
        "templates: {x: {extends: y}, y: {extends: x}}\n"
        "jobs: {a: {task: m.f, extends: x}, b: {task: m.f, extends: [y, x]}}"
    )
    (found,) = parse(text).diagnostics
    assert (found.code, found.message.partition(": ")[2]) == ("E235", "x → y → x")


def test_a_circle_is_told_in_each_file_that_has_it() -> None:
    text = b"templates: {x: {extends: y}, y: {extends: x}}"
    files = [SourceFile(path, text) for path in ("a.yaml", "b.yaml")]
    found = parse_project(None, files).diagnostics
    assert [(one.code, one.location.file) for one in found] == [
        ("E235", "a.yaml"), ("E235", "b.yaml"),
    ]  # fmt: skip


def test_a_chain_without_measure_is_refused_and_not_followed() -> None:
    chain = ", ".join(f"t{number}: {{extends: t{number + 1}}}" for number in range(5000))
    found = parse(f"templates: {{{chain}, t5000: {{}}}}").diagnostics
    assert {one.code for one in found} == {"E235"}
    assert len(found) <= 5000 // 49 + 1  # none is followed twice


def test_the_queue_of_a_template_is_one_that_a_celery_task_asked_for() -> None:
    project = (
        "{defaults: {queue: ours}, celery: {app: a.b, tracked: true}, templates: {t: {queue: crm}}}"
    )
    text = "jobs: {a: {celery_task: x, extends: t}, b: {celery_task: x}}"
    assert [job.spec.queue for job in parse(text, project=project).jobs] == ["crm", "celery"]


def test_a_large_template_cannot_be_taken_by_any_number_of_jobs() -> None:
    tags = ", ".join(f"t{number}" for number in range(30_000))
    jobs = "".join(f"  j{number}: {{task: m.f, extends: x}}\n" for number in range(99))
    (found,) = parse(f"templates: {{x: {{tags: [{tags}]}}}}\njobs:\n{jobs}").diagnostics
    assert (found.code, found.location.line) == ("E107", 19)
    assert found.message == "the jobs of this file repeat more than 500,000 values"
    assert found.notes == ("82 more: 0.yaml:20, 0.yaml:21, 0.yaml:22, …",)
