"""Schedules with `max_runs` that come back: the plan says what the apply does."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from jobrunner.db.engine import transaction
from jobrunner.reconcile import plan_project
from jobrunner.spec.models import DefinedJob, Location
from jobrunner.spec.project import Move
from tests.reconcile.acme import NOW, Reconciler, make_job

LATER = NOW + timedelta(minutes=6)
OVER = "it has had 1 runs, and max_runs is 1"


def bounded(address: str = "a/one", max_runs: int = 1) -> DefinedJob:
    return make_job(address, schedules=[{"cron": "*/5 * * * *", "max_runs": max_runs}])


def end_after_a_run(acme: Reconciler, *left: DefinedJob) -> None:
    """The schedule of `a/one` has had its run, and leaves with what is not `left`."""
    acme.apply(bounded(), make_job("a/other"))
    acme.apply(*left, make_job("a/other"), now=LATER)  # settles what was due
    assert acme.query("SELECT total_run_count FROM jobrunner.schedules") == [{"total_run_count": 1}]


@pytest.mark.parametrize("left", [[], [make_job("a/one")]], ids=["with its job", "alone"])
def test_a_schedule_that_returns_after_its_last_run_is_planned_as_it_is_applied(
    acme: Reconciler, left: list[DefinedJob]
) -> None:
    end_after_a_run(acme, *left)

    made = acme.plan(bounded(), make_job("a/other"), now=LATER)
    acme.apply(bounded(), make_job("a/other"), now=LATER)

    [schedule] = [one for change in made.changes for one in change.schedules]
    assert (schedule.forecast.next_after, schedule.never) == (None, OVER)
    assert made.load_after.runs_per_day == 0
    assert acme.next_times() == {"one#default": None}


def test_a_schedule_that_returns_with_runs_left_goes_on(acme: Reconciler) -> None:
    end_after_a_run(acme)

    made = acme.plan(bounded(max_runs=2), make_job("a/other"), now=LATER)
    acme.apply(bounded(max_runs=2), make_job("a/other"), now=LATER)

    [schedule] = made.creates[0].schedules
    assert schedule.runs_left == 1
    assert acme.next_times() == {"one#default": schedule.forecast.next_after}


def test_a_deleted_job_whose_schedules_were_left_alone_counts_as_well(acme: Reconciler) -> None:
    end_after_a_run(acme)
    acme.execute("UPDATE jobrunner.schedules SET deleted_at = NULL")

    made = acme.plan(bounded(), make_job("a/other"), now=LATER)

    assert made.creates[0].schedules[0].never == OVER


def test_what_another_project_has_ended_is_not_counted(acme: Reconciler) -> None:
    end_after_a_run(acme)
    other = Reconciler(acme.engine, project="other")
    other.apply(make_job("b/own"))

    [create] = other.plan(bounded(), make_job("b/own"), now=LATER).creates
    other.apply(bounded(), make_job("b/own"), now=LATER)

    assert create.schedules[0].runs_left == 1
    assert acme.next_times()["one#default"] == create.schedules[0].forecast.next_after


def test_a_schedule_that_returns_with_a_move_is_planned_as_it_is_applied(acme: Reconciler) -> None:
    end_after_a_run(acme, make_job("a/one"))
    moves = [Move("a/one", "b/two", Location(file="jobrunner.yaml", line=3))]
    wanted = [bounded("b/two"), make_job("a/other")]

    made = acme.plan(*wanted, moves=moves, now=LATER)
    acme.apply(*wanted, moves=moves, now=LATER)

    assert made.moves[0].schedules[0].never == OVER
    assert acme.next_times() == {"two#default": None}


def test_a_plan_asks_once_for_what_has_ended_however_many_jobs_there_are(
    acme: Reconciler, engine: Engine
) -> None:
    jobs = [bounded(f"a/job-{number}") for number in range(20)]
    acme.apply(*jobs)
    acme.apply(make_job("a/other"), now=LATER)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    counts = []
    for wanted in (jobs[:1], jobs):
        asked.clear()
        with transaction(engine) as connection:
            plan_project(connection, acme.desired(wanted), now=LATER)
        counts.append((len(asked), sum("total_run_count > 0" in one for one in asked)))

    assert counts[0][1] == 1
    assert counts[0] == counts[1]
