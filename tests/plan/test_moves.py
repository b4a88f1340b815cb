"""Jobs that get another address."""

from dataclasses import replace
from typing import Any

import pytest

from jobrunner.plan.changes import Plan
from jobrunner.plan.diff import make_plan
from jobrunner.plan.moves import moved_jobs
from jobrunner.plan.pause import PauseInForce
from jobrunner.schedule import next_time
from jobrunner.spec.models import DefinedJob, Location
from jobrunner.spec.project import Move
from tests.plan.test_diff import NOW, daily, in_force, job


def move(old: str, new: str) -> Move:
    return Move(old, new, Location(file="jobrunner.yaml", line=3))


def plan(*moves: Move, before: DefinedJob, after: DefinedJob, **fields: Any) -> Plan:
    current = replace(in_force(before), **fields)
    return make_plan(current, [after], now=NOW, moves=moves)


def moved(**fields: Any) -> Plan:
    """The same definition under another address."""
    before, after = job("crm/contact-sync", **fields), job("crm/sync-contacts", **fields)
    return plan(move("crm/contact-sync", "crm/sync-contacts"), before=before, after=after)


def test_a_move_is_no_deletion_and_no_creation() -> None:
    made = moved()
    assert (made.creates, made.deletes) == ((), ())
    assert [(update.moved_from, update.address) for update in made.moves] == [
        ("crm/contact-sync", "crm/sync-contacts")
    ]


def test_a_move_alone_touches_no_field_and_no_time() -> None:
    (change,) = moved(schedules=[daily()]).moves
    assert (change.fields, change.schedules) == ((), ())


@pytest.mark.parametrize("schedule", [{"cron": "H H * * *"}, {"cron": "0 6 * * *", "jitter": "5m"}])
def test_what_is_made_from_the_address_moves_the_next_time(schedule: dict[str, Any]) -> None:
    (change,) = moved(schedules=[schedule]).moves
    assert [one.is_timing_changed for one in change.schedules] == [True]


def test_the_next_time_of_h_is_that_of_the_new_address() -> None:
    (change,) = moved(schedules=[{"cron": "H H * * *"}]).moves
    [schedule] = change.job.spec.schedules
    after = next_time(schedule.timing("crm/sync-contacts"), NOW)
    assert change.schedules[0].forecast.next_after == after


def test_a_job_may_move_and_change_at_once() -> None:
    made = plan(
        move("a/old", "a/new"), before=job("a/old", queue="x"), after=job("a/new", queue="y")
    )
    assert [field.path for field in made.moves[0].fields] == ["queue"]
    assert made.edits == ()


def test_a_pause_of_the_old_address_is_told_with_the_move() -> None:
    pause = PauseInForce("job", "a/old", "", "ops", NOW, None)
    made = plan(move("a/old", "a/new"), before=job("a/old"), after=job("a/new"), pauses=(pause,))
    assert made.moves[0].pauses == (pause,)


@pytest.mark.parametrize(
    ("in_force", "wanted", "moves", "arrived"),
    [
        ({"a"}, {"c"}, [("a", "b"), ("b", "c")], {"c": "a"}),
        ({"b"}, {"c"}, [("a", "b"), ("b", "c")], {"c": "b"}),
        ({"a", "b"}, {"c"}, [("a", "b"), ("b", "c")], {"c": "b", "a": "a"}),
        ({"c"}, {"c"}, [("a", "b"), ("b", "c")], {"c": "c"}),
        ({"a", "b"}, {"b"}, [("a", "b")], {"b": "b", "a": "a"}),
        ({"a"}, {"a"}, [("a", "b")], {"a": "a"}),
        ({"a"}, {"c"}, [("a", "b"), ("b", "a")], {"a": "a"}),
        ({"a"}, set(), [("a", "b")], {"a": "a"}),
    ],
    ids=[
        "a chain is followed",
        "its second half as well",
        "the nearer of two arrives",
        "a move that has been made says nothing",
        "an address that is in force is not taken",
        "a job that is still wanted stays",
        "a ring leads nowhere",
        "so does a move to what the files do not have",
    ],
)
def test_where_jobs_arrive(
    in_force: set[str], wanted: set[str], moves: list[tuple[str, str]], arrived: dict[str, str]
) -> None:
    jobs = {name: job(f"x/{name}") for name in in_force}
    found = moved_jobs(jobs, dict.fromkeys(wanted), [move(old, new) for old, new in moves])
    assert {to: one.spec.name for to, one in found.items()} == arrived
