"""What a plan promises of a schedule with `max_runs`: never more runs than are left."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobrunner.cli.change_text import change_lines
from jobrunner.cli.style import unstyle
from jobrunner.plan.changes import Plan, ScheduleChange
from jobrunner.plan.current import CurrentProject
from jobrunner.plan.diff import make_plan
from jobrunner.plan.saved import make_saved, read_saved, saved_as_text
from jobrunner.spec.models import DefinedJob, Location
from jobrunner.spec.project import Move
from tests.plan.test_diff import NOW, in_force, job
from tests.plan.test_saved import ORIGIN


def bounded(address: str = "a/one", max_runs: int = 1, **fields: Any) -> DefinedJob:
    return job(address, schedules=[{"cron": "*/5 * * * *", "max_runs": max_runs}], **fields)


def ended(runs: int, *jobs: DefinedJob) -> CurrentProject:
    """Of `a/one` a schedule `default` has ended, and had so many runs."""
    return in_force(*jobs, ended_runs={"a/one": {"default": runs}})


def only_schedule(made: Plan) -> ScheduleChange:
    [change] = made.changes
    [schedule] = change.schedules
    return schedule


def told(made: Plan) -> str:
    return "\n".join(
        unstyle(line) for change in made.changes for line in change_lines(change, made)
    )


@pytest.mark.parametrize("before", [[], [job("a/one")]], ids=["with its job", "alone"])
def test_a_schedule_that_returns_after_its_last_run_is_over(before: list[DefinedJob]) -> None:
    made = make_plan(ended(1, *before), [bounded()], now=NOW)
    assert only_schedule(made).forecast.next_after is None
    assert only_schedule(made).never == "it has had 1 runs, and max_runs is 1"
    assert "never (it has had 1 runs, and max_runs is 1)" in told(made)
    assert made.load_after.runs_per_day == 0


def test_a_schedule_that_returns_goes_on_counting() -> None:
    made = make_plan(ended(1), [bounded(max_runs=3)], now=NOW)
    assert only_schedule(made).runs_left == 2
    assert "next Fri 20 Nov 12:05 UTC, 12:10 UTC\n" in f"{told(made)}\n"


def test_another_schedule_of_the_job_begins_anew() -> None:
    after = job("a/one", schedules=[{"name": "other", "every": "1h", "max_runs": 1}])
    made = make_plan(ended(1), [after], now=NOW)
    assert only_schedule(made).runs_left == 1


def test_a_schedule_that_returns_with_a_move_counts_from_the_old_address() -> None:
    move = Move("a/one", "b/two", Location(file="j.yaml", line=1))
    made = make_plan(ended(1, job("a/one")), [bounded("b/two")], now=NOW, moves=[move])
    assert only_schedule(made).never == "it has had 1 runs, and max_runs is 1"
    assert made.load_after.runs_per_day == 0


@pytest.mark.parametrize(
    ("max_runs", "times"),
    [
        (1, "12:05 UTC"),
        (2, "12:05 UTC, 12:10 UTC"),
        (9, "12:05 UTC, 12:10 UTC, 12:15 UTC"),
    ],
)
def test_no_more_coming_runs_are_listed_than_are_left(max_runs: int, times: str) -> None:
    made = make_plan(in_force(), [bounded(max_runs=max_runs)], now=NOW)
    assert f"next Fri 20 Nov {times}\n" in f"{told(made)}\n"


def test_the_load_counts_what_is_left_on_both_sides() -> None:
    # In force it has had 4 runs; 14 more are two a day.
    made = make_plan(in_force(bounded(max_runs=18)), [bounded(max_runs=25)], now=NOW)
    assert (made.load_before.runs_per_day, made.load_after.runs_per_day) == (2, 3)


def test_the_load_of_what_stays_counts_what_is_left() -> None:
    stays = bounded("a/two", max_runs=18)
    made = make_plan(in_force(stays), [stays, job("a/new")], now=NOW)
    assert (made.load_before.runs_per_day, made.load_after.runs_per_day) == (2, 2)


def test_the_load_of_a_moved_job_counts_what_is_left_before_and_after() -> None:
    move = Move("a/one", "b/two", Location(file="j.yaml", line=1))
    current = in_force(bounded("a/one", max_runs=18))
    made = make_plan(current, [bounded("b/two", max_runs=18)], now=NOW, moves=[move])
    assert (made.load_before.runs_per_day, made.load_after.runs_per_day) == (2, 2)


def test_a_saved_plan_still_knows_what_has_ended() -> None:
    current = ended(1, job("a/two"))
    current = replace(current, ended_runs={**current.ended_runs, "a/other": {"default": 5}})
    made = make_plan(current, [bounded(), job("a/two")], now=NOW)
    kept = read_saved(saved_as_text(make_saved(made, current, (), ORIGIN)), "")
    assert kept.current.ended_runs == {"a/one": {"default": 1}}
    assert kept.plan().as_json() == made.as_json()


def test_a_plan_that_was_saved_before_this_was_kept_can_be_read() -> None:
    current = in_force()
    made = make_plan(current, [bounded()], now=NOW)
    text = saved_as_text(make_saved(made, current, (), ORIGIN))
    assert read_saved(text.replace('"ended_runs": {},', ""), "").plan().digest == made.digest


def test_a_time_that_is_not_reached_is_not_promised_for_being_left() -> None:
    once = job("a/one", schedules=[{"at": [NOW + timedelta(hours=1)], "max_runs": 3}])
    made = make_plan(in_force(), [once], now=NOW)
    assert told(made).endswith("next Fri 20 Nov 13:00 UTC")
