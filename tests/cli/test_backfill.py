"""`jobrunner backfill`, and `jobrunner resume --catch-up`."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from tests.cli.conftest import Jobrunner

WEEK = ("backfill", "ops/report", "--from", "2026-05-01", "--to", "2026-05-08")


@pytest.fixture
def applied(jobrunner: Jobrunner) -> Jobrunner:
    """The project's two jobs are in force."""
    assert jobrunner("apply", "--yes").exit_code == 0
    return jobrunner


def test_a_dry_run_shows_the_times_and_writes_nothing(applied: Jobrunner) -> None:
    called = applied(*WEEK, "--dry-run", "--max-active", "2")
    assert called.exit_code == 0
    assert "ops/report#default  7 times, at most 2 at once" in called.stderr
    assert "Fri 1 May 2026 05:30:00 CEST" in called.stderr
    assert called.stdout == "ops/report#default: would create 7 runs, 0 exist.\n"
    assert json.loads(applied("runs", "list", "-o", "json").stdout) == []


def test_up_to_five_times_are_shown_and_of_more_the_last_one(applied: Jobrunner) -> None:
    assert applied(*WEEK, "--dry-run").stderr.splitlines()[1:] == [
        "  Fri 1 May 2026 05:30:00 CEST",
        "  Sat 2 May 2026 05:30:00 CEST",
        "  Sun 3 May 2026 05:30:00 CEST",
        "  …",
        "  Thu 7 May 2026 05:30:00 CEST",
    ]
    five = ("backfill", "ops/report", "--from", "2026-05-01", "--to", "2026-05-06", "--dry-run")
    assert "…" not in applied(*five).stderr


def test_a_span_without_a_due_time_says_how_to_find_one(applied: Jobrunner) -> None:
    span = ("--from", "2026-05-01T06:00", "--to", "2026-05-01T07:00")
    called = applied("backfill", "ops/report", *span, "--yes")
    assert (called.exit_code, called.stderr) == (0, "")
    assert "ops/report#default: it is not due in that span." in called.stdout
    assert "jobrunner next ops/report#default --after 2026-05-01T04:00:00Z" in called.stdout
    assert "Fri 1 May" not in applied(*called.stdout.split("jobrunner ")[1].split()).stdout


def test_a_span_is_told_by_the_clock_it_was_typed_by(applied: Jobrunner) -> None:
    called = applied("backfill", "ops/report", "--from", "2026-05-01", "--to", "2999-05-01")
    assert "--to 2999-05-01T00:00:00+02:00 is in the future." in called.stderr


def test_what_was_created_and_what_existed_is_said(applied: Jobrunner) -> None:
    first = applied(*WEEK, "--yes")
    assert "created 7 runs, 0 existed" in first.stdout
    assert "jobrunner runs list ops/report#default --trigger backfill" in first.stdout
    again = applied(*WEEK, "--yes")
    assert "created 0 runs, 7 existed" in again.stdout


def test_it_asks_on_a_terminal_and_refuses_where_nobody_answers(applied: Jobrunner) -> None:
    refused = applied(*WEEK)
    assert refused.exit_code == 64
    assert "--yes" in refused.stderr
    assert applied(*WEEK, terminal=True, answer="n\n").exit_code == 130
    said_yes = applied(*WEEK, terminal=True, answer="y\n")
    assert "Create 7 runs?" in said_yes.stderr
    assert "created 7 runs" in said_yes.stdout


def test_a_program_reads_it_as_json(applied: Jobrunner) -> None:
    (record,) = json.loads(applied(*WEEK, "--yes", "-o", "json").stdout)
    assert (record["created"], record["existed"], record["max_active"]) == (7, 0, 1)
    assert record["times"][0] == "2026-05-01T03:30:00+00:00"


def test_runs_are_filtered_by_what_started_them(applied: Jobrunner) -> None:
    applied(*WEEK, "--yes")
    applied("run", "ops/report")
    found = json.loads(applied("runs", "list", "--trigger", "manual", "-o", "json").stdout)
    assert [run["trigger"] for run in found] == ["manual"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "yesterday", "--to", "2026-05-08"), "no timestamp"),
        (("--from", "2026-05-08", "--to", "2026-05-01"), "empty"),
        (("--from", "2026-05-08", "--to", "2999-05-01"), "future"),
        (("--from", "0001-01-01", "--to", "2026-05-01"), "not between 1900 and 9998"),
        (("--from", "2026-05-01", "--to", "9999-12-31T23:59-12:00"), "not between 1900 and 9998"),
    ],
)
def test_a_span_that_is_none_is_wrong_usage(
    applied: Jobrunner, arguments: tuple[str, ...], told: str
) -> None:
    called = applied("backfill", "ops/report", *arguments)
    assert called.exit_code == 64
    assert told in called.stderr


def test_a_job_that_is_not_there_or_has_no_times_says_so(applied: Jobrunner) -> None:
    span = WEEK[2:]
    assert "There is no job ops/nothing" in applied("backfill", "ops/nothing", *span).stderr
    assert "jobrunner run ops/greet" in applied("backfill", "ops/greet", *span).stderr


@pytest.fixture
def hold_back(engine: Engine) -> Callable[[], None]:
    """Three times of the report that are overdue and wait for somebody."""

    def insert() -> None:
        with transaction(engine) as connection:
            connection.execute(
                text("""
                    INSERT INTO jobrunner.runs
                           (id, job_id, schedule_id, definition_id, trigger, scheduled_for, state,
                            queue, available_at, finished_at, missed_count, missed_until, error)
                    SELECT gen_random_uuid(), j.id, s.id, j.definition_id, 'catch_up',
                           '2026-05-01T03:30Z', 'missed', 'default', now(), now(), 3,
                           '2026-05-03T03:30Z', '3 times are overdue'
                      FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
                """)
            )

    return insert


def test_fault_10_overdue_times_run_when_somebody_asks(
    applied: Jobrunner, hold_back: Callable[[], None]
) -> None:
    hold_back()
    shown = applied("resume", "ops/report", "--catch-up", "--dry-run")
    assert "would create 3 runs" in shown.stdout
    assert "created 3 runs" in applied("resume", "ops/report", "--catch-up", "--yes").stdout
    again = applied("resume", "ops/report", "--catch-up", "--yes")
    assert again.exit_code == 1
    assert "No overdue times of ops/report are held back." in again.stderr


@pytest.mark.parametrize(
    "arguments", [("--queue", "default", "--catch-up"), ("ops/report", "--dry-run")]
)
def test_a_catch_up_is_asked_for_one_job(applied: Jobrunner, arguments: tuple[str, ...]) -> None:
    assert applied("resume", *arguments).exit_code == 64
