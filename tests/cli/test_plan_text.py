"""A plan as text, on plain values."""

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
    Plan,
    ScheduleChange,
    Update,
)
from jobrunner.plan.current import CurrentProject
from jobrunner.plan.diff import make_plan
from jobrunner.plan.forecast import EditForecast
from jobrunner.spec.models import DefinedJob, JobSpec, Location, ScheduleSpec
from tests.seeding import NOON


def job(**fields: Any) -> DefinedJob:
    given = {"namespace": "ops", "name": "report", "task": "app.tasks.report", **fields}
    return DefinedJob(
        spec=JobSpec.model_validate(given), location=Location(file="jobs.d/ops.yaml", line=4)
    )


def lines_of(*changes: Change, unchanged: int = 0) -> list[str]:
    empty = make_plan(CurrentProject("acme", "", 7, (), ()), [], now=NOON)
    fields = {name: getattr(empty, name) for name in Plan.__dataclass_fields__}
    plan = Plan(**{**fields, "changes": changes, "unchanged": unchanged})
    return [unstyle(line) for line in plan_lines(plan)]


def update(field: FieldChange, *schedules: ScheduleChange) -> Update:
    after = job()
    return Update(
        job=after, job_id=after_id(), before=after.spec, fields=(field,), schedules=schedules
    )


def after_id() -> UUID:
    return UUID(int=1)


def test_nothing_to_do_is_one_sentence() -> None:
    assert lines_of(unchanged=212) == ["No changes. 212 jobs match the database at revision 7."]
    assert lines_of(unchanged=1) == ["No changes. 1 job matches the database at revision 7."]


def test_a_new_job_shows_its_call_its_rule_and_its_next_runs() -> None:
    new = job(kwargs={"region": "eu"}, owner="data", schedules=[{"every": "1h"}])
    told = lines_of(Create(job=new, fields=(), schedules=()))
    assert told[:4] == [
        "  + ops/report                         create  jobs.d/ops.yaml:4  owner data",
        '      task app.tasks.report(region="eu")',
        "      #default every 1h",
        "        next Sat 21 Nov 12:00 UTC, Sat 21 Nov 13:00 UTC, Sat 21 Nov 14:00 UTC",
    ]
    assert told[-1] == "Plan: 1 to add, 0 to change, 0 to delete, 0 unchanged."


def test_a_changed_field_shows_both_values_and_its_line() -> None:
    field = FieldChange("kwargs.region", "changed", "eu", "us", line=9)
    assert lines_of(update(field))[1] == '      kwargs.region  "eu" -> "us"  :9'


def test_added_and_removed_fields_have_their_signs() -> None:
    added = FieldChange("kwargs.region", "added", None, "us", line=9)
    removed = FieldChange("kwargs.region", "removed", "eu", None, line=None)
    assert lines_of(update(added))[1] == '      kwargs.region  + "us"  :9'
    assert lines_of(update(removed))[1] == '      kwargs.region  - "eu"'


def timing_line(forecast: EditForecast) -> str:
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
    )
    field = FieldChange("schedule.cron", "changed", "0 6 * * *", "0 7 * * *", line=9)
    return lines_of(update(field, schedule))[2]


def test_a_changed_timing_shows_the_next_run_before_and_after_and_what_it_skips() -> None:
    assert timing_line(EditForecast(NOON, NOON + timedelta(hours=1), skipped=(NOON,))) == (
        "      #default next Sat 21 Nov 13:00 CET -> Sat 21 Nov 14:00 CET; "
        "skips Sat 21 Nov 13:00 CET"
    )


def test_a_timing_without_another_run_says_no_more() -> None:
    line = timing_line(EditForecast(NOON, None))
    assert line == "      #default next Sat 21 Nov 13:00 CET -> never"


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
        "  - ops/report                         delete  was jobs.d/ops.yaml:4 in revision 3",
        "      last run 4m ago, 1 run in progress (will finish); its history stays",
    ]


def test_drift_stands_by_itself() -> None:
    field = FieldChange("schedule.every", "changed", "10m", "15m", line=9, is_drift=True)
    told = lines_of(update(field))
    assert told[0] == "Drift (changed outside the files, will be reset):"
    assert told[1] == '  ~ ops/report  schedule.every "10m" in the database, "15m" in the files'
    assert told[-1] == ("Plan: 0 to add, 0 to change, 0 to delete, 1 drift to reset, 0 unchanged.")


def test_a_long_value_is_cut_and_a_hostile_one_is_made_visible() -> None:
    field = FieldChange("kwargs.text", "changed", "\x1b[2J", "x" * 500, line=None)
    line = lines_of(update(field))[1]
    assert "\x1b" not in line
    assert line.endswith("…")
    assert len(line) < 160
