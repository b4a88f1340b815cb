"""What a job, a schedule and a project become."""

from datetime import UTC, datetime, timedelta

import pytest

from jobrunner.schedule import Timing
from jobrunner.spec.models import Location, dump_job, load_job
from jobrunner.spec.parse import parse_project_file
from jobrunner.spec.yaml import SourceFile
from tests.spec.reading import mistakes, parse, read_job

FULL = """
version: 1
namespace: reports
jobs:
  nightly:
    description: Builds it
    tags: [finance, daily]
    owner: data
    task: reports.tasks:build
    args: [1, [2, null]]
    kwargs: {region: eu, deep: {a: [true]}}
    queue: high
    priority: 6
    expires: 30m
    timeout: 90s
    soft_timeout: 1m
    retry: {max_retries: 5, backoff: fixed, delay: 10s, factor: 3, max_delay: 10m, jitter: false,
            for: [TimeoutError, requests.exceptions.ConnectionError], not_for: [reports.BadInput]}
    on_lost: fail
    overlap: queue
    catch_up: {policy: all, window: 6h, max: 24}
    enabled: false
    schedules:
      morning: {cron: "0  6 * * *", timezone: Europe/Berlin, jitter: 2m, misfire_grace: 5m, enabled: false}
      often: {every: 1m30s, anchor: 2026-01-01T00:00Z, start_at: 2026-01-02, end_at: 2027-01-01}
      once: {at: [2026-12-01T09:00+01:00, 2026-11-01T09:00Z, 2026-12-01T08:00Z]}
"""


def test_every_key_arrives() -> None:
    job = read_job(FULL)
    assert (job.address, job.task) == ("reports/nightly", "reports.tasks.build")
    assert (job.args, job.kwargs) == ((1, [2, None]), {"region": "eu", "deep": {"a": [True]}})
    assert (job.queue, job.priority, job.on_lost, job.overlap) == ("high", 6, "fail", "queue")
    assert (job.timeout, job.soft_timeout) == (timedelta(seconds=90), timedelta(minutes=1))
    assert job.retry.retry_for == ("TimeoutError", "requests.exceptions.ConnectionError")
    assert (job.catch_up.window, job.catch_up.max, job.enabled) == (timedelta(hours=6), 24, False)
    assert [schedule.name for schedule in job.schedules] == ["morning", "often", "once"]


def test_timestamps_become_instants_sorted_and_each_once() -> None:
    once = read_job(FULL).schedules[2]
    assert once.at == (datetime(2026, 11, 1, 9, tzinfo=UTC), datetime(2026, 12, 1, 8, tzinfo=UTC))


def test_stored_definition_is_read_back_as_it_was() -> None:
    job = read_job(FULL)
    assert load_job(dump_job(job)) == job


def test_every_schedule_gives_a_timing() -> None:
    assert all(isinstance(schedule.timing(), Timing) for schedule in read_job(FULL).schedules)


def test_a_schedule_that_is_a_text_is_a_cron_expression_named_default() -> None:
    (schedule,) = read_job("jobs: {a: {task: m.f, schedule: '*/5 * * * *'}}").schedules
    assert (schedule.name, schedule.cron) == ("default", "*/5 * * * *")


def test_a_named_schedule_may_be_a_text_too() -> None:
    (schedule,) = read_job("jobs: {a: {task: m.f, schedules: {x: '@daily'}}}").schedules
    assert (schedule.name, schedule.cron) == ("x", "@daily")


def test_a_job_without_schedule_is_started_by_hand() -> None:
    assert read_job("jobs: {a: {task: m.f}}").schedules == ()


def test_one_timestamp_needs_no_list() -> None:
    (schedule,) = read_job("jobs: {a: {task: m.f, schedule: {at: 2026-12-01 09:00}}}").schedules
    assert schedule.at == (datetime(2026, 12, 1, 9, tzinfo=UTC),)


def test_a_local_time_is_read_in_the_schedules_zone_and_the_first_of_two_is_meant() -> None:
    (schedule,) = read_job(
        "jobs: {a: {task: m.f, schedule: {at: 2026-10-25T02:30, timezone: Europe/Berlin}}}"
    ).schedules
    assert schedule.at == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("timeout: 90s", "timeout: 1m30s"),
        ("task: m.f", "task: m:f"),
        ("overlap: skip", "enabled: true"),
        ("schedule: '0  5 * * *'", "schedule: {cron: 0 5 * * *}"),
        ("schedule: {every: 60s}", "schedules: {default: {every: 1m, timezone: UTC}}"),
        ("retry: 2", "retry: {max_retries: 2}"),
        ("tags: [x]", "tags:\n        - 'x'"),
    ],
)
def test_two_ways_to_say_the_same_are_one_definition(one: str, other: str) -> None:
    text = "jobs:\n  a:\n    <<: {{task: m.f}}\n    {}\n"
    assert read_job(text.format(one)) == read_job(text.format(other))


def test_jobs_come_sorted_by_address_wherever_they_stand() -> None:
    parsed = parse(
        "namespace: b\njobs: {x: {task: m.f}}",
        "namespace: a\njobs: {z: {task: m.f}, y: {task: m.f}}",
    )
    assert [job.address for job in parsed.jobs] == ["a/y", "a/z", "b/x"]


def test_a_job_knows_its_place_and_the_lines_of_its_fields() -> None:
    (job,) = parse(
        "defaults:\n  queue: q\njobs:\n  a:\n    task: m.f\n    schedule: {every: 5m}\n"
        "    kwargs:\n      x: 1\n"
    ).jobs
    assert job.location == Location(file="0.yaml", line=4, column=3)
    assert job.field_lines == {
        "queue": 2, "task": 5, "schedules.default": 6, "schedules.default.every": 6, "kwargs": 7,
        "kwargs.x": 8,
    }  # fmt: skip


def test_the_line_of_an_inherited_field_has_its_own_file() -> None:
    (job,) = parse("jobs: {a: {task: m.f}}", project="defaults: {queue: q, retry: 3}").jobs
    assert job.field_files == dict.fromkeys(
        ("queue", "retry", "retry.max_retries"), "jobrunner.yaml"
    )


def test_the_place_of_a_field_is_where_the_first_that_is_given_stands() -> None:
    (job,) = parse("jobs: {a: {task: m.f}}", project="defaults: {queue: q}").jobs
    assert job.place_of("priority", "queue", "task") == Location(file="jobrunner.yaml", line=1)
    assert job.place_of("priority") is None


def test_good_jobs_are_read_beside_bad_ones() -> None:
    parsed = parse("jobs: {a: {task: m.f}, b: {task: m}, c: {task: m.f}}")
    assert [job.address for job in parsed.jobs] == ["default/a", "default/c"]


def test_diagnostics_come_in_file_order_the_project_file_first() -> None:
    parsed = parse("x: 1\ny: 1\njobs: {a: {task: m.f, z: 1}}", "x: 1", project="x: 1")
    assert [(d.location.file, d.location.line) for d in parsed.diagnostics] == [
        ("jobrunner.yaml", 1), ("0.yaml", 1), ("0.yaml", 2), ("0.yaml", 3), ("1.yaml", 1),
    ]  # fmt: skip


def test_all_mistakes_of_one_job_are_told_together() -> None:
    text = (
        "jobs:\n  A:\n    tsk: m.f\n    timeout: 5\n    soft_timeout: 2m\n"
        "    schedule: {cron: '61 * * * *', tz: x}\n    priority: high\n"
    )
    assert [code for code, _, _ in mistakes(text)] == [
        "E205",
        "E206",
        "E201",
        "E207",
        "E208",
        "E201",
        "E203",
    ]


@pytest.mark.parametrize("cron", ["61 * * * *", "* * *", "@dayly", "0 0 30 2 *", ""])
def test_a_bad_cron_mentions_no_other_kind_of_schedule(cron: str) -> None:
    (found,) = parse(f"jobs: {{a: {{task: m.f, schedule: '{cron}'}}}}").diagnostics
    assert found.code == "E208"
    assert not {"rrule", "solar", "'every'", "'at'"} & set(
        (found.message + " " + found.help).split()
    )


@pytest.mark.parametrize(
    "key",
    ["cmd", "concurrencyPolicy", "suspend", "crontab", "time_limit", "paused", "cron", "every"],
)
def test_a_key_of_another_tool_names_ours(key: str) -> None:
    (found,) = parse(f"jobs: {{a: {{task: m.f, {key}: x}}}}").diagnostics
    assert (found.code, "write" in found.help) == ("E201", True)


def test_paused_points_to_enabled_and_to_the_command() -> None:
    (found,) = parse("jobs: {a: {task: m.f, paused: true}}").diagnostics
    assert "enabled: false" in found.help
    assert "jobrunner pause" in found.help


def test_no_message_speaks_of_the_machinery() -> None:
    text = (
        "jobs: {a: {task: [], args: 1, kwargs: 1, priority: x, retry: x, tags: 1, timeout: [], "
        "enabled: 1, overlap: 1, schedule: {every: {}, jitter: 1}}}"
    )
    said = " ".join(found.message + found.help for found in parse(text).diagnostics)
    assert not {"Input", "pydantic", "str", "int", "dict", "tuple", "NoneType", "timedelta"} & set(
        said.replace("'", " ").split()
    )


def test_the_project_file_says_where_the_jobs_are() -> None:
    project, found = parse_project_file(
        SourceFile("jobrunner.yaml", b"project: acme\ninclude: ['x/*.yaml']\n")
    )
    assert (project.project, project.include, found) == ("acme", ("x/*.yaml",), ())


def test_without_a_project_file_all_is_default() -> None:
    project, found = parse_project_file(None)
    assert (project.project, project.include, found) == (
        "default",
        ("jobs.d/**/*.yaml", "jobs.d/**/*.yml"),
        (),
    )


def test_a_diagnostic_as_json_has_all_that_is_needed_to_draw_it() -> None:
    (found,) = parse("jobs: {a: {task: m.f, qeue: x}}").diagnostics
    assert found.as_json() == {
        "code": "E201", "severity": "error", "message": "unknown key 'qeue' in a job", "file": "0.yaml",
        "line": 1, "column": 23, "width": 4, "source_line": "jobs: {a: {task: m.f, qeue: x}}",
        "help": "did you mean 'queue'?", "notes": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("retry: '3'", "write 3 without quotes"),
        ("retry: 3.0", "write 3"),
        ("retry: 2.5", "write retry: 3, or retry: {max_retries: 3, delay: 10s}"),
        ("retry: {max_retries: '3'}", "write 3 without quotes"),
        ("retry: {max_retries: 3.0}", "write 3"),
        ("priority: 6.0", "write 6"),
        ("catch_up: 5", "write catch_up: latest, or catch_up: {policy: all, max: 24}"),
    ],
)
def test_a_number_of_the_wrong_kind_is_told_as_it_should_be_written(text: str, told: str) -> None:
    (found,) = parse(f"jobs: {{a: {{task: m.f, {text}}}}}").diagnostics
    assert (found.code, found.help) == ("E203", told)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "",
            "'soft_timeout' is not shorter than 'timeout', which is 1h unless given and can be raised",
        ),
        (", timeout: 30m", "'soft_timeout' is not shorter than 'timeout'"),
    ],
)
def test_a_timeout_that_nobody_wrote_is_told_with_its_default(written: str, said: str) -> None:
    (found,) = parse(f"jobs: {{a: {{task: m.f, soft_timeout: 1h{written}}}}}").diagnostics
    assert (found.code, found.message) == ("E212", said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('jobs: {a: {task: m.f, queue: "q\\n"}}', "'q\\n' cannot be a name"),
        ("jobs:\n  ? |\n    a\n  : {task: m.f}", "'a\\n' cannot be the name of a job"),
        ('jobs: {a: {task: m.f, "x\\r\\ny": 1}}', "unknown key 'x\\r\\ny' in a job"),
    ],
)
def test_a_line_break_in_a_name_breaks_no_message(text: str, said: str) -> None:
    (found,) = parse(text).diagnostics
    assert found.message == said
    assert "\n" not in found.help


@pytest.mark.parametrize(
    "name", ["env:A B", "env:X ", "env: X", "env:9=\\n", "env:A=b", "env:\\tX"]
)
def test_a_reference_to_what_no_variable_can_be_named_shows_no_part_of_it(name: str) -> None:
    (found,) = parse(f'jobs: {{a: {{task: m.f, kwargs: {{x: {{secret: "{name}"}}}}}}}}').diagnostics
    assert (found.code, found.message) == ("E219", "no environment variable has such a name")
    assert found.help == (
        "it has no blank, no line break and no '='; write for example {secret: \"env:REPORTS_API_KEY\"}"
    )
    assert found.source_line == ""
