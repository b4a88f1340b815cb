"""Warnings about what is valid and hardly meant."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobrunner.plan.lint import lint_jobs
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.models import DefinedJob, JobSpec, Location, ScheduleSpec

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NOON_OF_CHRISTMAS = datetime(2026, 12, 25, 12, 0, tzinfo=UTC)


def _lint(
    schedule: dict[str, Any], lines: dict[str, int] | None = None, **fields: Any
) -> list[Diagnostic]:
    return list(lint_jobs([_job(schedule, lines, **fields)], now=NOW))


def _job(
    schedule: dict[str, Any], lines: dict[str, int] | None = None, **fields: Any
) -> DefinedJob:
    spec = JobSpec(
        namespace="billing",
        name=fields.pop("name", "charge"),
        task="a.b",
        schedules=(ScheduleSpec(name="nightly", **schedule),),
        **fields,
    )
    return DefinedJob(
        spec=spec, location=Location(file="jobs.d/b.yaml", line=12), field_lines=lines or {}
    )


def test_a_plain_job_has_no_warnings() -> None:
    assert _lint({"cron": "*/15 * * * *", "timezone": "Europe/Berlin"}, {"task": 13}) == []


def test_fault_30_a_time_that_the_clock_skips_is_told_where_it_stands() -> None:
    schedule = {"cron": "15 2 * * *", "timezone": "Europe/Berlin"}
    assert _lint(schedule, {"schedules.nightly.cron": 19}) == [
        Diagnostic(
            code="W201",
            severity="warning",
            message="billing/charge#nightly: 02:15 does not exist in Europe/Berlin on 28 Mar 2027; "
            "runs at 03:00 CEST",
            location=Location(file="jobs.d/b.yaml", line=19),
            source_line="",
            help="use 01:30 or 03:30, or timezone: UTC",
        )
    ]


def test_jobs_of_one_line_have_one_warning_that_names_them() -> None:
    schedule = {"cron": "15 2 * * *", "timezone": "Europe/Berlin"}
    lines = {"schedules.nightly.cron": 19}
    names = ["charge-a", "charge-b", "charge-c", "charge-d", "charge-e", "charge-f"]
    (found,) = lint_jobs([_job(schedule, lines, name=name) for name in names], now=NOW)
    assert found.message.startswith("billing/charge-a#nightly: 02:15 does not exist")
    (note,) = found.notes
    listed = "billing/charge-b#nightly, billing/charge-c#nightly, billing/charge-d#nightly"
    assert note == f"the same for {listed} and 2 more"


def test_names_of_one_job_that_are_not_given_are_told_of_together() -> None:
    names = [f"key_{number}" for number in range(2_000)]
    (found,) = _lint({"every": "1h"}, kwargs={"key": 1}, sensitive=["key", *names])
    assert found.message == "billing/charge: no kwargs are named 'key_0', which 'sensitive' names"
    assert found.notes == ("the same for key_1, key_2, key_3 and 1,996 more",)


def test_a_file_has_a_thousand_warnings_and_one_that_says_so() -> None:
    jobs = [
        _job({"every": "1h"}, {"sensitive": line}, name=f"charge-{line}", sensitive=["a"])
        for line in range(2_000)
    ]
    found = lint_jobs(jobs, now=NOW)
    assert len(found) == 1_001
    assert {one.code for one in found[:-1]} == {"W207"}
    assert (found[-1].code, found[-1].location.line) == ("W210", 1_000)
    assert found[-1].message == "more than 1,000 warnings in this file; the rest is not shown"


def test_jobs_of_several_lines_have_a_warning_each() -> None:
    schedule = {"cron": "15 2 * * *", "timezone": "Europe/Berlin"}
    first, second = {"schedules.nightly.cron": 19}, {"schedules.nightly.cron": 29}
    found = lint_jobs([_job(schedule, first), _job(schedule, second, name="other")], now=NOW)
    assert [(one.location.line, one.notes) for one in found] == [(19, ()), (29, ())]


def test_jobs_of_one_line_that_differ_have_a_warning_each() -> None:
    lines = {"schedules.nightly.cron": 19}
    berlin = _job({"cron": "15 2 * * *", "timezone": "Europe/Berlin"}, lines, name="berlin")
    boise = _job({"cron": "15 2 * * *", "timezone": "America/Boise"}, lines, name="boise")
    assert [one.notes for one in lint_jobs([berlin, boise], now=NOW)] == [(), ()]


def test_a_time_that_runs_twice_is_told() -> None:
    found = _lint({"cron": "*/20 2 * * *", "timezone": "Europe/Berlin"})
    assert [one.code for one in found] == ["W201", "W202"]
    assert "comes twice in Europe/Berlin on 31 Oct 2027; runs both times" in found[1].message


def test_a_recurrence_rule_is_told_of_skipped_times_too() -> None:
    rule = {"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "timezone": "Europe/Berlin"}
    [found] = _lint(rule, {"schedules.nightly.rrule": 20})
    assert (found.code, found.location.line) == ("W201", 20)


@pytest.mark.parametrize(
    ("dst", "codes"),
    [
        ({}, ["W201", "W202"]),
        ({"gap": "skip"}, ["W202"]),
        ({"overlap": "both"}, ["W201"]),
        ({"gap": "run_after", "overlap": "both"}, []),
    ],
)
def test_what_dst_says_is_meant_and_no_warning(dst: dict[str, str], codes: list[str]) -> None:
    found = _lint({"cron": "*/20 2 * * *", "timezone": "Europe/Berlin", "dst": dst})
    assert [one.code for one in found] == codes


def test_a_time_out_longer_than_the_interval_is_told() -> None:
    [found] = _lint({"every": "5m"}, {"timeout": 14}, timeout="10m")
    assert (found.code, found.location.line) == ("W203", 14)
    assert found.message == (
        "billing/charge#nightly: may run for 10 minutes and is due again after 5 minutes; "
        "with overlap: skip, what is due in between is skipped"
    )
    assert found.help == "use timeout: 4m or less, or overlap: queue"


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        ({}, {}),
        ({"timeout": 14}, {"timeout": "4m"}),
        ({"timeout": 14}, {"timeout": "10m", "overlap": "queue"}),
        ({"timeout": 14}, {"timeout": "10m", "enabled": False}),
    ],
)
def test_a_time_out_is_told_only_where_it_is_given_and_skips(
    lines: dict[str, int], fields: dict[str, Any]
) -> None:
    assert _lint({"every": "5m"}, lines, **fields) == []


def test_the_shortest_distance_of_a_cron_is_its_interval() -> None:
    [found] = _lint({"cron": "0,5 3 * * *"}, {"timeout": 14}, timeout="10m")
    assert "due again after 5 minutes" in found.message


@pytest.mark.parametrize(
    ("retry", "is_told"),
    [
        ({"max_retries": 5, "delay": "10s"}, True),
        ({"max_retries": 2, "delay": "10s"}, False),
        ({"max_retries": 3, "delay": "10s", "backoff": "linear"}, True),
        ({"max_retries": 5, "delay": "10s", "backoff": "fixed"}, False),
        ({"max_retries": 5, "delay": "10s", "max_delay": "10s"}, False),
    ],
)
def test_retries_that_wait_into_the_next_run_are_told(
    retry: dict[str, Any], *, is_told: bool
) -> None:
    found = _lint({"every": "1m"}, retry=retry)
    assert [one.code for one in found] == ["W204"] * is_told


def test_retries_do_not_matter_where_runs_may_overlap() -> None:
    assert _lint({"every": "1m"}, retry={"max_retries": 9}, overlap="allow") == []


def test_an_end_in_the_past_is_told() -> None:
    [found] = _lint({"every": "1h", "end_at": NOW}, {"schedules.nightly.end_at": 21})
    assert (found.code, found.location.line) == ("W205", 21)
    assert "is in the past; nothing will run" in found.message


def test_an_end_before_the_first_match_is_told() -> None:
    [found] = _lint({"cron": "0 0 1 1 *", "end_at": NOW + timedelta(days=1)})
    assert "no time is left before end_at" in found.message


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (
            {"at": (NOON_OF_CHRISTMAS,), "exclude": ("2026-12-25",)},
            "exclude takes out every time that is left; nothing will run",
        ),
        (
            {"cron": "0 0 * * 5", "exclude": ("2026-11-01/9999-12-31",)},
            "exclude takes out every time that is left; nothing will run",
        ),
        (
            {
                "rrule": "FREQ=DAILY;COUNT=1",
                "dtstart": NOON_OF_CHRISTMAS.replace(tzinfo=None),
                "exdate": (NOON_OF_CHRISTMAS.replace(tzinfo=None),),
            },
            "exdate takes out every time that is left; nothing will run",
        ),
        (
            {"solar": {"event": "sunset", "latitude": 90, "longitude": 0}},
            "the sun has no sunset at latitude 90, longitude 0; nothing will run",
        ),
    ],
)
def test_a_schedule_that_never_runs_is_told_at_what_takes_its_times_away(
    schedule: dict[str, Any], message: str
) -> None:
    field = next(name for name in ("exclude", "exdate", "solar") if name in schedule)
    [found] = _lint(schedule, {f"schedules.nightly.{field}": 22})
    assert (found.code, found.location.line) == ("W205", 22)
    assert found.message == f"billing/charge#nightly: {message}"


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([NOW], "at 2026-11-21T12:00:00+00:00 is in the past"),
        (
            [NOW - timedelta(days=2), NOW - timedelta(days=1)],
            "all 2 times up to 2026-11-20T12:00:00+00:00 are in the past",
        ),
    ],
)
def test_a_time_that_has_passed_is_told(times: list[datetime], message: str) -> None:
    [found] = _lint({"at": times}, {"schedules.nightly.at": 23})
    assert (found.code, found.location.line) == ("W209", 23)
    assert found.message == f"billing/charge#nightly: {message}; what has not run by now never will"


def test_times_of_which_one_is_left_are_no_mistake() -> None:
    assert _lint({"at": [NOW - timedelta(days=1), NOON_OF_CHRISTMAS]}) == []


def test_a_time_that_has_passed_since_it_was_applied_is_done() -> None:
    job = _job({"at": [NOW]})
    done = ("billing/charge", "nightly", (NOW,))
    assert lint_jobs([job], now=NOW, applied_once={done}) == ()


def test_a_rule_that_has_counted_to_its_end_is_done_and_no_mistake() -> None:
    last_year = NOW.replace(year=2025, tzinfo=None)
    assert _lint({"rrule": "FREQ=DAILY;COUNT=2", "dtstart": last_year}) == []


def test_many_runs_in_one_minute_are_told_once() -> None:
    jobs = [_job({"cron": "0 3 * * *"}, name=f"job-{n}") for n in range(100)]
    [found] = lint_jobs(jobs, now=NOW)
    assert found.code == "W206"
    assert found.message.startswith(
        "billing/job-0#nightly: 100 schedules are due in the same minute, first on Sun 22 Nov 03:00 UTC"
    )


@pytest.mark.parametrize("spread", [{"jitter": "5m"}, {"enabled": False}])
def test_runs_that_are_spread_or_off_are_no_crowd(spread: dict[str, Any]) -> None:
    jobs = [_job({"cron": "0 3 * * *", **spread}, name=f"job-{n}") for n in range(100)]
    assert lint_jobs(jobs, now=NOW) == ()


@pytest.mark.parametrize(
    ("cron", "timeout"),
    [("0 6 * * *", "25h"), ("0 * * * *", "61m"), ("*/5 * * * *", "6m"), ("*/5 * * * * *", "6s")],
)
def test_a_timeout_beyond_the_interval_of_any_cron_is_told(cron: str, timeout: str) -> None:
    found = _lint({"cron": cron}, {"timeout": 14}, timeout=timeout)
    assert [one.code for one in found] == ["W203"]


def _unserved(*served: str, lines: dict[str, int] | None = None, **fields: Any) -> list[Diagnostic]:
    job = _job({"cron": "0 6 * * *"}, lines, **fields)
    return list(lint_jobs([job], now=NOW, served_queues=frozenset(served)))


def test_a_queue_that_no_worker_serves_is_told_at_its_line_with_the_one_that_was_meant() -> None:
    [found] = _unserved("default", "reports", lines={"queue": 14}, queue="report")
    assert (found.code, found.location.line) == ("W208", 14)
    assert found.message == "billing/charge: no worker takes from the queue 'report'"
    assert found.help == "did you mean 'reports'?"


def test_a_queue_like_no_other_is_told_with_what_starts_a_worker_for_it() -> None:
    [found] = _unserved("default", queue="mail")
    assert found.help == "start one: jobrunner worker -Q mail; the workers serve: default"


def test_a_queue_of_a_schedule_counts_as_well() -> None:
    job = _job({"cron": "0 6 * * *", "queue": "mail"}, {"schedules.nightly.queue": 20})
    [found] = lint_jobs([job], now=NOW, served_queues=frozenset({"default"}))
    assert (found.code, found.location.line) == ("W208", 20)


def test_a_queue_is_told_once() -> None:
    jobs = [_job({"cron": "0 6 * * *"}, name=name, queue="mail") for name in ("a", "b")]
    found = lint_jobs(jobs, now=NOW, served_queues=frozenset())
    assert [one.message.partition(":")[0] for one in found] == ["billing/a"]


def test_while_no_worker_is_known_no_queue_is_told() -> None:
    assert _lint({"cron": "0 6 * * *"}, queue="mail") == []


def test_the_queue_of_an_app_of_ones_own_is_not_told() -> None:
    spec = JobSpec(namespace="b", name="c", celery_task="app.report", queue="celery")
    job = DefinedJob(spec=spec, location=Location(file="jobs.d/b.yaml", line=1))
    assert lint_jobs([job], now=NOW, served_queues=frozenset({"default"})) == ()
