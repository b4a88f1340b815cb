"""What a plan says of pauses: a job stays in one, comes under it, or leaves it."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobrunner.cli.notes import pause_notes
from jobrunner.cli.plan_text import plan_lines
from jobrunner.cli.style import unstyle
from jobrunner.db.revisions import kept_changes
from jobrunner.plan.changes import Plan
from jobrunner.plan.diff import make_plan
from jobrunner.plan.pause import PauseInForce, Scope
from jobrunner.spec.models import DefinedJob, Location
from jobrunner.spec.project import Move
from tests.plan.test_diff import NOW, daily, in_force, job, only_update

MOVES = (Move("a/old", "b/new", Location(file="jobrunner.yaml", line=3)),)
SINCE = NOW - timedelta(hours=1)


def pause(scope: Scope, target: str, **fields: Any) -> PauseInForce:
    given = {"reason": "", "paused_by": "ops", "started_at": SINCE, "until": None}
    return PauseInForce(scope, target, **{**given, **fields})


def planned(before: DefinedJob | None, after: DefinedJob, *pauses: PauseInForce) -> Plan:
    current = in_force(*(() if before is None else (before,)), pauses=pauses)
    return make_plan(current, [after], now=NOW, moves=MOVES)


def notes(made: Plan) -> list[str]:
    [change] = made.creates or made.updates
    return [unstyle(words) for words in pause_notes(change, NOW)]


def on(address: str = "a/old", **fields: Any) -> DefinedJob:
    return job(address, schedules=[daily()], **fields)


@pytest.mark.parametrize(
    ("scope", "target", "before", "after"),
    [
        ("queue", "pq1", on(queue="pq1"), on(queue="pq2")),
        ("tag", "tt", on(tags=["tt"]), on(tags=["uu"])),
        ("namespace", "a", on("a/old"), on("b/new")),
        ("queue", "q", job("a/old", schedules=[daily(queue="q")]), on()),
    ],
)
def test_a_job_that_an_edit_takes_out_of_a_pause_fires_again(
    scope: Scope, target: str, before: DefinedJob, after: DefinedJob
) -> None:
    held = pause(scope, target)
    made = planned(before, after, held)
    update = only_update(made)
    assert (update.pauses, update.new_pauses, update.pauses_left) == ((), (), (held,))
    assert notes(made) == [
        (
            f"{scope} {target} is paused by ops since Fri 20 Nov 11:00 UTC; "
            "this job leaves it and fires again"
        )
    ]


@pytest.mark.parametrize(
    ("scope", "target", "before", "after"),
    [
        ("queue", "pq1", on(queue="pq2"), on(queue="pq1")),
        ("tag", "tt", on(), on(tags=["tt"])),
        ("namespace", "b", on("a/old"), on("b/new")),
        ("namespace", "a", None, on()),
    ],
)
def test_a_job_that_comes_under_a_pause_will_be_paused(
    scope: Scope, target: str, before: DefinedJob | None, after: DefinedJob
) -> None:
    held = pause(scope, target, until=NOW + timedelta(hours=2))
    made = planned(before, after, held)
    [change] = made.creates or made.updates
    assert (change.pauses, change.new_pauses) == ((held,), (held,))
    assert notes(made) == [
        (
            f"{scope} {target} is paused by ops since Fri 20 Nov 11:00 UTC; "
            "this job comes under it and will be paused until Fri 20 Nov 14:00 UTC"
        )
    ]


def test_a_job_that_an_edit_leaves_under_a_pause_stays_paused() -> None:
    made = planned(on(queue="pq1"), on(queue="pq1", priority=3), pause("queue", "pq1"))
    assert only_update(made).new_pauses == ()
    assert notes(made) == ["queue pq1 is paused by ops since Fri 20 Nov 11:00 UTC; stays paused"]


def test_a_pause_of_the_job_itself_goes_along_and_one_of_its_new_address_is_new() -> None:
    old, new = pause("job", "a/old"), pause("job", "b/new")
    update = only_update(planned(on("a/old"), on("b/new"), old, new))
    assert (update.pauses, update.new_pauses, update.pauses_left) == ((old, new), (new,), ())


def test_a_new_job_whose_address_is_paused_already_will_be_paused() -> None:
    assert notes(planned(None, on("b/new"), pause("job", "b/new"))) == [
        (
            "its address is paused by ops since Fri 20 Nov 11:00 UTC; "
            "this job comes under it and will be paused"
        )
    ]


def test_a_job_that_another_pause_holds_fires_no_more_than_before() -> None:
    held = (pause("namespace", "a"), pause("queue", "pq1"))
    made = planned(on(queue="pq1"), on(queue="pq2"), *held)
    assert not only_update(made).fires_again
    assert notes(made) == [
        "queue pq1 is paused by ops since Fri 20 Nov 11:00 UTC; this job leaves it",
        "namespace a is paused by ops since Fri 20 Nov 11:00 UTC; stays paused",
    ]


@pytest.mark.parametrize(
    "after", [job("a/old"), on(enabled=False), job("a/old", schedules=[daily(enabled=False)])]
)
def test_what_is_off_or_has_no_schedule_does_not_fire_again(after: DefinedJob) -> None:
    update = only_update(planned(on(queue="pq1"), after, pause("queue", "pq1")))
    assert len(update.pauses_left) == 1
    assert not update.fires_again


def test_a_job_that_cannot_be_read_stays_in_the_pauses_where_it_will_be() -> None:
    held = pause("queue", "pq1")
    current = in_force(on(), pauses=(held,))
    broken = replace(current.jobs[0], applied=None, in_force=None, problem="It is missing.")
    made = make_plan(replace(current, jobs=(broken,)), [on(queue="pq1")], now=NOW)
    assert (only_update(made).pauses, only_update(made).new_pauses) == ((held,), ())


def test_drift_that_is_reset_out_of_a_pause_says_so() -> None:
    current = in_force(on(), pauses=(pause("queue", "pq1"),))
    assert current.jobs[0].in_force is not None
    by_hand = replace(
        current.jobs[0], in_force=current.jobs[0].in_force.model_copy(update={"queue": "pq1"})
    )
    made = make_plan(replace(current, jobs=(by_hand,)), [on()], now=NOW)
    told = "\n".join(map(unstyle, plan_lines(made)))
    assert only_update(made).is_drift
    assert "  a/old queue pq1 is paused by ops since Fri 20 Nov 11:00 UTC; this job leaves" in told


def test_a_move_keeps_the_pause_of_the_job_and_no_other() -> None:
    made = planned(on("a/old"), on("b/new"), pause("job", "b/new"))
    assert "from a/old; history and last run kept" in "\n".join(map(unstyle, plan_lines(made)))


def test_the_json_form_marks_pauses_that_are_new_and_lists_those_that_are_left() -> None:
    [change] = planned(
        on(queue="pq1"), on(queue="pq2"), pause("queue", "pq1"), pause("queue", "pq2")
    ).as_json()["changes"]
    assert [(one["target"], one["new"]) for one in change["pauses"]] == [("pq2", True)]
    assert [one["target"] for one in change["pauses_left"]] == ["pq1"]


def test_a_pause_that_stays_is_told_in_json_as_ever() -> None:
    made = planned(on(queue="pq1"), on(queue="pq1", priority=3), pause("queue", "pq1"))
    [change] = made.as_json()["changes"]
    assert change["pauses"] == [
        {
            "scope": "queue",
            "target": "pq1",
            "reason": "",
            "paused_by": "ops",
            "started_at": SINCE.isoformat(),
            "until": None,
        }
    ]
    assert "pauses_left" not in change


def test_a_revision_keeps_nothing_of_pauses_that_are_not_there() -> None:
    [kept] = json.loads(kept_changes(planned(None, on()).changes, ()))
    assert kept["pauses"] == []
    assert "pauses_left" not in kept
