"""What the keys of a schedule become: one value for each meaning."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jobrunner.spec.models import ClockChanges, ScheduleSpec, SolarEvent, dump_job, load_job
from tests.spec.reading import mistakes, parse, read_job

CALENDARS = """
calendars:
  holidays: {dates: [2027-01-01, 2026-12-24/2026-12-26]}
  closing: {dates: 2026-12-28..2026-12-30}
  unused: {}
"""


def schedule(text: str, *, job: str = "", project: str | None = CALENDARS) -> ScheduleSpec:
    (found,) = read_job(
        f"jobs: {{a: {{task: m.f, {job} schedule: {{{text}}}}}}}", project
    ).schedules
    return found


def daily(text: str) -> ScheduleSpec:
    return schedule(f"cron: '0 5 * * *', {text}")


def rrule(text: str) -> ScheduleSpec:
    return schedule(f"rrule: FREQ=DAILY, timezone: Europe/Berlin, {text}")


def test_every_key_of_a_schedule_arrives() -> None:
    found = daily(
        "dst: {gap: skip}, max_runs: 3, args: [1], kwargs: {x: 2}, queue: high, priority: 9"
    )
    assert found.dst == ClockChanges(gap="skip", overlap=None)
    assert (found.max_runs, found.args, found.kwargs) == (3, (1,), {"x": 2})
    assert (found.queue, found.priority) == ("high", 9)


def test_the_sun_has_an_event_and_a_place() -> None:
    found = schedule("solar: {event: sunset, latitude: 52.5, longitude: -13}")
    assert found.solar == SolarEvent(event="sunset", latitude=52.5, longitude=-13.0)


def test_a_limit_of_active_runs_may_come_from_defaults() -> None:
    jobs = "jobs: {a: {task: m.f}}"
    assert read_job(jobs, "defaults: {max_concurrency: 2}").max_concurrency == 2


def test_a_stored_schedule_of_any_kind_is_read_back_as_it_was() -> None:
    job = read_job(
        "jobs: {a: {task: m.f, schedules: {"
        "a: {rrule: FREQ=DAILY;COUNT=3, dtstart: 2026-01-05T09:00, exdate: 2026-01-06T09:00},"
        "b: {solar: {event: sunset, latitude: 52, longitude: 13}, exclude: 2026-12-24..2026-12-26},"
        "c: {cron: 0 5 * * *, dst: {overlap: both}, kwargs: {x: [null]}, max_runs: 1}}}}"
    )
    assert load_job(dump_job(job)) == job


@pytest.mark.parametrize("text", ["H H * * *", "H/15 * * * *", "H(0-29) 3 * * 1-5"])
def test_a_hash_needs_no_quotes(text: str) -> None:
    assert schedule(f"cron: {text}").cron == text


# --- rrule ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["FREQ=DAILY;BYHOUR=9", "RRULE:FREQ=DAILY;BYHOUR=9", "freq=daily;byhour=9"]
)
def test_a_recurrence_rule_is_stored_in_capitals_without_its_prefix(text: str) -> None:
    assert schedule(f"rrule: '{text}'").rrule == "FREQ=DAILY;BYHOUR=9"


@pytest.mark.parametrize(
    "text", ["2026-01-05T09:00", "2026-01-05 08:00Z", "20260105T090000", "20260105T080000Z"]
)
def test_the_start_of_a_rule_is_what_the_clock_of_its_zone_shows(text: str) -> None:
    assert rrule(f"dtstart: {text}").dtstart == datetime(2026, 1, 5, 9)  # noqa: DTZ001  the wall clock


def test_the_start_of_a_rule_may_be_a_day_and_a_time_that_the_clock_skips() -> None:
    assert rrule("dtstart: 2026-01-05").dtstart == datetime(2026, 1, 5)  # noqa: DTZ001  as above
    skipped = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001  as above
    assert rrule("exdate: 2026-03-29T02:30").exdate == (skipped,)


def test_other_dates_may_be_written_in_capitals_and_come_in_order_each_once() -> None:
    small = rrule("exdate: [2026-01-07T00:00, 2026-01-06T00:00], rdate: 2026-01-05T09:00")
    capitals = rrule(
        "EXDATE: [2026-01-06T00:00, 2026-01-07T00:00, 2026-01-06T00:00], RDATE: 20260105T090000"
    )
    assert small == capitals
    assert [moment.day for moment in small.exdate] == [6, 7]


def test_a_rule_that_takes_its_day_from_its_start_needs_one() -> None:
    text = "jobs: {a: {task: m.f, schedule: {rrule: FREQ=WEEKLY%s}}}"
    assert mistakes(text % "") == [("E216", 1, 41)]
    assert mistakes(text % ", dtstart: 2026-01-05T09:00") == []


def test_a_rule_is_not_judged_by_a_start_that_cannot_be_read() -> None:
    text = "jobs: {a: {task: m.f, schedule: {rrule: FREQ=WEEKLY, dtstart: soon}}}"
    assert mistakes(text) == [("E210", 1, 63)]


# --- exclude ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-24/2026-12-26",
        "2026-12-24..2026-12-26",
        "{from: 2026-12-24, to: 2026-12-26}",
        "[2026-12-26, 2026-12-24, 2026-12-25]",
        "[2026-12-25, 2026-12-24/2026-12-25, 2026-12-25/2026-12-26]",
    ],
)
def test_the_same_days_are_one_value_however_they_are_written(text: str) -> None:
    assert daily(f"exclude: {text}").exclude == ("2026-12-24/2026-12-26",)


def test_days_apart_stay_apart_and_come_in_order() -> None:
    found = daily("exclude: [2027-01-01, 2026-12-24]").exclude
    assert found == ("2026-12-24", "2027-01-01")


def test_the_name_of_a_calendar_stands_for_its_days() -> None:
    assert daily("exclude: holidays").exclude == ("2026-12-24/2026-12-26", "2027-01-01")
    assert daily("exclude: [closing, holidays, 2026-12-27]").exclude == (
        "2026-12-24/2026-12-30",
        "2027-01-01",
    )


def test_a_calendar_named_many_times_is_read_once() -> None:
    # Read each time, these would be a hundred million days.
    dates = ", ".join(f"{year}-01-01" for year in range(1900, 2900))
    text = f"schedule: {{cron: '@daily', exclude: [{', '.join(['years'] * 100_000)}]}}"
    job = read_job(
        f"jobs: {{a: {{task: m.f, {text}}}}}", f"calendars: {{years: {{dates: [{dates}]}}}}"
    )
    assert len(job.schedules[0].exclude) == 1000


def test_a_calendar_alone_is_not_what_it_is_beside_other_days() -> None:
    project = "calendars: {holidays: {dates: [2026-12-25]}}"
    both = "{x: {cron: '@daily', exclude: [holidays, 2027-05-01]}, y: {cron: '@daily', exclude: holidays}}"
    job = read_job(f"jobs: {{a: {{task: m.f, schedules: {both}}}}}", project)
    assert [one.exclude for one in job.schedules] == [("2026-12-25", "2027-05-01"), ("2026-12-25",)]


def test_a_wrong_day_beside_a_calendar_is_told_of_in_each_schedule() -> None:
    project = "calendars: {holidays: {dates: [2026-12-25]}}"
    one = "cron: '@daily', exclude: [holidays, soon]"
    jobs = (
        f"jobs:\n  a: {{task: m.f, schedule: {{{one}}}}}\n  b: {{task: m.f, schedule: {{{one}}}}}"
    )
    assert mistakes(jobs, project=project) == [("E218", 2, 65), ("E218", 3, 65)]


def test_a_calendar_with_a_mistake_is_known_all_the_same() -> None:
    project = "calendars: {holidays: {dates: [2026-12-25, soon]}}"
    jobs = "jobs: {a: {task: m.f, schedule: {cron: '@daily', exclude: holidays}}}"
    assert [found.code for found in parse(jobs, project=project).diagnostics] == ["E217"]


def test_no_days_are_no_exclusion() -> None:
    assert daily("exclude: []") == daily("exclude: unused") == daily("exclude: null")


# --- What a schedule gives in place of its job ------------------------------------------------------


def kwargs(text: str, of_job: str = "kwargs: {a: 1, deep: {b: 2, c: 3}},") -> Any:
    return schedule(f"cron: '@daily', {text}", job=of_job).kwargs


def test_keyword_arguments_of_a_schedule_are_merged_deeply_over_the_jobs() -> None:
    assert kwargs("kwargs: {deep: {c: 4}, d: 5}") == {"a": 1, "deep": {"b": 2, "c": 4}, "d": 5}


def test_a_null_removes_a_keyword_argument_of_the_job_and_is_a_value_else() -> None:
    assert kwargs("kwargs: {a: null, e: null}") == {"deep": {"b": 2, "c": 3}, "e": None}


@pytest.mark.parametrize("text", ["jitter: 0s", "kwargs: {}"])
def test_a_schedule_without_keyword_arguments_says_nothing_of_them(text: str) -> None:
    assert kwargs(text) is None


def test_keyword_arguments_that_the_job_has_from_defaults_are_below_the_schedules() -> None:
    project = "defaults: {kwargs: {a: 1, b: 1}}"
    found = schedule("cron: '@daily', kwargs: {b: 2}", project=project)
    assert found.kwargs == {"a": 1, "b": 2}


def test_a_null_in_place_of_the_jobs_values_takes_them_away() -> None:
    found = schedule(
        "cron: '@daily', args: null, kwargs: null, queue: null",
        job="args: [1], kwargs: {a: 1}, queue: high,",
    )
    assert (found.args, found.kwargs, found.queue) == ((), {}, "default")


def test_the_arguments_of_a_schedule_are_bounded_with_those_of_the_job() -> None:
    text = "jobs: {a: {task: m.f, args: [%s], schedule: {cron: '@daily', kwargs: {x: %s}}}}"
    assert mistakes(text % ("x" * 40_000, "y" * 20_000)) == []
    assert [code for code, _, _ in mistakes(text % ("x" * 40_000, "y" * 30_000))] == ["E214"]


def test_lines_of_a_schedule_are_known_by_the_names_of_the_fields() -> None:
    (job,) = parse(
        "jobs:\n  a:\n    task: m.f\n    schedule:\n      rrule: FREQ=DAILY\n"
        "      RDATE: 2026-01-05T09:00\n      dst:\n        gap: skip\n"
    ).jobs
    assert job.field_lines == {
        "task": 3, "schedules.default": 4, "schedules.default.rrule": 5,
        "schedules.default.rdate": 6, "schedules.default.dst": 7, "schedules.default.dst.gap": 8,
    }  # fmt: skip


def test_an_instant_is_still_read_beside_wall_times() -> None:
    found = rrule("dtstart: 2026-01-05T09:00, start_at: 2026-02-01, end_at: 2026-03-01T00:00Z")
    assert found.start_at == datetime(2026, 1, 31, 23, tzinfo=UTC)


def test_jobs_that_are_due_at_the_same_times_share_one_schedule() -> None:
    first, second = parse(
        'jobs: {a: {task: m.f, schedule: "0 5 * * *"}, b: {task: m.f, schedule: "0 5 * * *"}}'
    ).jobs
    assert first.spec.schedules[0] is second.spec.schedules[0]


def test_a_schedule_that_is_equal_to_a_right_one_to_python_is_still_wrong() -> None:
    jobs = """
jobs:
  a: {task: m.f, schedule: {cron: "0 5 * * *", enabled: true}}
  b: {task: m.f, schedule: {cron: "0 5 * * *", enabled: 1}}
"""
    assert mistakes(jobs) == [("E203", 4, 57)]


def test_arguments_are_measured_as_they_are_sent() -> None:
    text = 'jobs: {a: {task: m.f, args: ["%s"]}}'
    assert [code for code, _, _ in mistakes(text % (r"\x01" * 11_000))] == ["E214"]


@pytest.mark.parametrize("offset", ["+25:00", "-24:00", "+01:60"])
def test_an_offset_that_is_none_is_told_in_plain_words(offset: str) -> None:
    (found,) = parse(
        f"jobs: {{a: {{task: m.f, schedule: {{at: '2026-12-25T10:00{offset}'}}}}}}"
    ).diagnostics
    assert (found.code, found.message) == (
        "E210",
        f"'2026-12-25T10:00{offset}' ends with no offset: its hours go to 23, its minutes to 59",
    )


def test_the_longest_offset_is_one() -> None:
    assert mistakes("jobs: {a: {task: m.f, schedule: {at: '2026-12-25T10:00+23:59'}}}") == []
