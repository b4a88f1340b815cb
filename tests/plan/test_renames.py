"""A job that is gone and a new one that does the same: a rename that nobody has written down."""

from typing import Any

from jobrunner.plan.changes import Create, Plan
from jobrunner.plan.diff import make_plan
from jobrunner.spec.models import DefinedJob, Location
from jobrunner.spec.project import Move
from tests.plan.test_diff import NOW, daily, in_force, job, plan


def scheduled(address: str, **fields: Any) -> DefinedJob:
    return job(address, **{"schedules": [{"name": "default", **daily()}], **fields})


def hints(made: Plan) -> dict[str, str]:
    return {
        change.address: change.looks_renamed_from
        for change in made.changes
        if isinstance(change, Create) and change.looks_renamed_from
    }


def test_one_that_is_gone_and_one_that_is_new_and_alike_look_like_a_rename() -> None:
    made = plan(in_force(scheduled("ops/old")), scheduled("sales/new", kwargs={"region": "eu"}))
    assert hints(made) == {"sales/new": "ops/old"}
    assert [change.get("looks_renamed_from") for change in made.as_json()["changes"]] == [
        None,
        "ops/old",
    ]


def test_another_task_or_another_time_is_another_job() -> None:
    other_time = [{"name": "default", **daily(timezone="Asia/Tokyo")}]
    current = in_force(scheduled("ops/old"))
    assert hints(plan(current, scheduled("ops/new", task="reports.tasks.other"))) == {}
    assert hints(plan(current, scheduled("ops/new", schedules=other_time))) == {}


def test_of_several_that_are_alike_nobody_can_tell() -> None:
    current = in_force(scheduled("ops/old"))
    assert hints(plan(current, scheduled("ops/b"), scheduled("ops/c"))) == {}


def test_jobs_without_a_schedule_are_no_renames() -> None:
    assert hints(plan(in_force(job("ops/old")), job("ops/new"))) == {}


def test_a_move_that_is_written_down_is_no_hint() -> None:
    moves = [Move("ops/old", "ops/new", Location(file="j.yaml", line=9))]
    current = in_force(scheduled("ops/old"))
    assert hints(make_plan(current, [scheduled("ops/new")], now=NOW, moves=moves)) == {}
