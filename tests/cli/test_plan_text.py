"""A plan as text, on plain values."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from jobrunner.cli.plan_text import plan_lines
from jobrunner.cli.style import unstyle
from jobrunner.plan.changes import (
    Change,
    Create,
    Delete,
    FieldChange,
    ScheduleChange,
    Update,
)
from jobrunner.plan.current import CurrentProject
from jobrunner.plan.diff import make_plan
from jobrunner.plan.forecast import EditForecast
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.models import DefinedJob, JobSpec, Location, ScheduleSpec
from tests.seeding import NOON


def job(**fields: Any) -> DefinedJob:
    given = {"namespace": "ops", "name": "report", "task": "app.tasks.report", **fields}
    return DefinedJob(
        spec=JobSpec.model_validate(given), location=Location(file="jobs.d/ops.yaml", line=4)
    )


def lines_of(
    *changes: Change,
    unchanged: int = 0,
    limits: tuple[str, ...] = (),
    left_out: int = 0,
    warnings: tuple[Diagnostic, ...] = (),
) -> list[str]:
    empty = make_plan(CurrentProject("acme", "", 7, (), ()), [], now=NOON)
    plan = replace(
        empty,
        changes=changes,
        unchanged=unchanged,
        targets=limits,
        left_out=left_out,
        diagnostics=warnings,
    )
    return [unstyle(line) for line in plan_lines(plan)]


def update(field: FieldChange, *schedules: ScheduleChange) -> Update:
    after = job()
    return Update(
        job=after,
        definition="",
        digest="",
        job_id=after_id(),
        before=after.spec,
        fields=(field,),
        schedules=schedules,
    )


def after_id() -> UUID:
    return UUID(int=1)


def test_nothing_to_do_is_one_sentence() -> None:
    assert lines_of(unchanged=212) == ["No changes. 212 jobs match the database at revision 7."]
    assert lines_of(unchanged=1) == ["No changes. 1 job matches the database at revision 7."]


def test_a_new_job_shows_its_call_its_rule_and_its_next_runs() -> None:
    new = job(kwargs={"region": "eu"}, owner="data", schedules=[{"every": "1h"}])
    field = FieldChange("kwargs.region", "added", None, "eu", line=9)
    told = lines_of(Create(job=new, definition="", digest="", fields=(field,), schedules=()))
    assert told[:4] == [
        "  + ops/report  create   jobs.d/ops.yaml:4  owner data",
        "      task      app.tasks.report",
        '      with      kwargs.region "eu"',
        "      #default  every 1h   next Sat 21 Nov 13:00 UTC, 14:00 UTC, 15:00 UTC",
    ]
    assert told[-1] == "Plan: 1 to add, 0 to change, 0 to delete, 0 unchanged."


def test_times_at_one_hour_name_it_once() -> None:
    new = job(schedules=[{"cron": "15 2 * * *", "timezone": "Europe/Berlin"}])
    told = lines_of(Create(job=new, definition="", digest="", fields=(), schedules=()))
    assert told[2].endswith("next Sun 22 Nov 02:15 CET, Mon 23 Nov, Tue 24 Nov")


def test_a_job_that_returns_says_so() -> None:
    told = lines_of(
        Create(job=job(), definition="", digest="", fields=(), schedules=(), deleted_in=37)
    )
    assert told[2] == "      note  returns with its history (deleted in revision 37)"


def test_a_changed_field_shows_both_values_and_its_line() -> None:
    field = FieldChange("kwargs.region", "changed", "eu", "us", line=9)
    assert lines_of(update(field))[1] == '      kwargs.region  "eu" -> "us"  :9'


def test_a_field_that_is_inherited_shows_the_file_it_comes_from() -> None:
    field = FieldChange("timeout", "changed", "5m", "9m", line=3, file="jobrunner.yaml")
    assert lines_of(update(field))[1] == "      timeout  5m -> 9m  jobrunner.yaml:3"


def test_added_and_removed_fields_have_their_signs() -> None:
    added = FieldChange("kwargs.region", "added", None, "us", line=9)
    removed = FieldChange("kwargs.region", "removed", "eu", None, line=None)
    assert lines_of(update(added))[1] == '      kwargs.region  + "us"  :9'
    assert lines_of(update(removed))[1] == '      kwargs.region  - "eu"'


PAGED = {"when": ["failure"], "after": None, "to": ["ops"]}
LATE = {"when": ["late"], "after": "15m", "to": ["data-oncall"]}


def test_an_alert_that_is_changed_shows_what_of_it_differs() -> None:
    later = LATE | {"after": "20m", "to": ["data-oncall", "ops"]}
    field = FieldChange("alerts", "changed", [PAGED, LATE], [PAGED, later], line=9)
    assert lines_of(update(field))[1] == (
        '      alerts  […, {when: ["late"], after: 15m -> 20m, '
        'to: ["data-oncall"] -> ["data-oncall", "ops"]}]  :9'
    )


def test_an_alert_is_shown_without_what_it_does_not_give() -> None:
    field = FieldChange("alerts", "added", None, [PAGED], line=9)
    assert lines_of(update(field))[1] == '      alerts  + [{when: ["failure"], to: ["ops"]}]  :9'


def test_a_mapping_in_an_argument_is_shown_as_a_file_may_have_it_with_its_nulls() -> None:
    old, new = [{"a b": None, "wait": "5m"}], [{"a b": 1, "wait": "5m"}]
    field = FieldChange("kwargs.steps", "changed", old, new, line=9)
    assert lines_of(update(field))[1] == (
        '      kwargs.steps  [{"a b": null, wait: 5m}] -> [{"a b": 1, wait: 5m}]  :9'
    )


def test_a_reference_within_a_list_stays_a_reference() -> None:
    given = [{"secret": "env:KEY"}]
    field = FieldChange("kwargs.keys", "added", None, given, line=9)
    assert lines_of(update(field))[1] == "      kwargs.keys  + [(secret env:KEY)]  :9"


def timing_line(forecast: EditForecast, never: str = "") -> str:
    """Of an update that changes when a schedule is due."""
    spec = ScheduleSpec.model_validate({"cron": "0 6 * * *", "timezone": "Europe/Berlin"})
    schedule = ScheduleChange(
        name="default",
        kind="update",
        schedule_id=after_id(),
        before=spec,
        after=spec,
        is_timing_changed=True,
        forecast=forecast,
        never=never,
    )
    field = FieldChange("schedule.cron", "changed", "0 6 * * *", "0 7 * * *", line=9)
    return lines_of(update(field, schedule))[2]


def test_a_changed_timing_shows_the_next_run_before_and_after_and_what_it_skips() -> None:
    assert timing_line(EditForecast(NOON, NOON + timedelta(hours=1), skipped=(NOON,))) == (
        "                     next Sat 21 Nov 13:00 CET -> Sat 21 Nov 14:00 CET; "
        "skips Sat 21 Nov 13:00 CET"
    )


def test_a_timing_without_another_run_says_why() -> None:
    line = timing_line(EditForecast(NOON, None), never="no time is left")
    assert line.lstrip() == "next Sat 21 Nov 13:00 CET -> never (no time is left)"


def test_a_deleted_job_shows_where_it_stood_and_what_still_runs() -> None:
    gone = Delete(
        address="ops/report",
        job_id=after_id(),
        before=None,
        location=Location(file="jobs.d/ops.yaml", line=4),
        revision=3,
        last_run_at=NOON - timedelta(minutes=4),
        active_runs=1,
        schedules=(),
    )
    assert lines_of(gone)[:2] == [
        "  - ops/report  delete   was jobs.d/ops.yaml:4 in revision 3",
        (
            "      last run 4m ago, 1 run in progress (will finish); "
            "restore: jobrunner rollback 7 --target ops/report"
        ),
    ]


def test_a_deletion_that_an_apply_refuses_says_so_in_the_plan() -> None:
    told = lines_of(
        Delete(
            address="ops/report",
            job_id=after_id(),
            before=None,
            location=Location(file="jobs.d/ops.yaml", line=4),
            revision=3,
            last_run_at=None,
            active_runs=0,
            schedules=(),
            is_protected=True,
        )
    )
    assert told[1].startswith(
        "      protected, refused without --allow-protected; no run by schedule"
    )


def test_drift_stands_by_itself() -> None:
    field = FieldChange("schedule.every", "changed", "10m", "15m", line=9, is_drift=True)
    told = lines_of(update(field))
    assert told[0] == (
        "Drift (changed outside git, will be reset): "
        "ops/report schedule.every 10m in database, 15m in YAML"
    )
    assert told[-1] == ("Plan: 0 to add, 0 to change, 0 to delete, 1 drift to reset, 0 unchanged.")


def test_a_long_value_is_cut_and_a_hostile_one_is_made_visible() -> None:
    field = FieldChange("kwargs.text", "changed", "\x1b[2J", "x" * 500, line=None)
    line = lines_of(update(field))[1]
    assert "\x1b" not in line
    assert line.endswith("…")
    assert len(line) < 160


def test_of_two_long_lists_what_differs_is_shown() -> None:
    hosts = [f"db-{number}.internal.example" for number in range(9)]
    edited = [*hosts[:4], "new", *hosts[5:], "last"]
    field = FieldChange("kwargs.hosts", "changed", hosts, edited, line=9)
    assert lines_of(update(field))[1].split("  ")[-2] == (
        '[…, "db-4.internal.example" -> "new", …, + "last"]'
    )


def test_of_two_long_texts_the_beginning_that_they_share_is_left_out() -> None:
    same = "https://reports.example/a/very/long/way/to/what/differs/at/its/end/"
    field = FieldChange("kwargs.url", "changed", f"{same}1", f"{same}2", line=9)
    assert lines_of(update(field))[1] == '      kwargs.url  …/at/its/end/1" -> …/at/its/end/2"  :9'


def test_a_key_that_is_given_for_the_first_time_is_added() -> None:
    field = FieldChange("priority", "changed", None, 6, line=9)
    assert lines_of(update(field))[1] == "      priority  + 6  :9"


def test_null_as_an_argument_is_a_value() -> None:
    field = FieldChange("kwargs.limit", "changed", None, 6, line=9)
    assert lines_of(update(field))[1] == "      kwargs.limit  null -> 6  :9"


def test_a_plan_of_some_jobs_says_what_it_leaves_out() -> None:
    assert lines_of(limits=("a/one", "b/*"), left_out=1)[-2:] == [
        "Limited to a/one, b/*; 1 other change is left out.",
        "No changes. 0 jobs match the database at revision 7.",
    ]


def test_of_many_warnings_the_first_are_shown_those_of_changed_files_before_all_others() -> None:
    others = [warning("jobs.d/other.yaml", number) for number in range(1, 40)]
    told = lines_of(
        Create(job=job(), definition="", digest="", fields=(), schedules=()),
        warnings=(*others, warning("jobs.d/ops.yaml", 7)),
    )
    drawn = [line for line in told if line.startswith("warning")]
    assert (len(drawn), drawn[0]) == (20, "warning[W201]: jobs.d/ops.yaml 7")
    assert "… and 20 more warnings; `jobrunner validate` shows all" in told
    assert told[-1].endswith("40 warnings.")


def warning(file: str, line: int) -> Diagnostic:
    place = Location(file=file, line=line)
    return Diagnostic("W201", "warning", f"{file} {line}", place, source_line="")
