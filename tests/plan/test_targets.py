"""Plans that are limited to some jobs."""

import pytest

from jobrunner.errors import UsageError
from jobrunner.plan.changes import Plan
from jobrunner.plan.diff import make_plan
from jobrunner.plan.targets import EVERY_JOB, Targets, make_targets
from jobrunner.spec.models import Location
from jobrunner.spec.project import Move
from tests.plan.test_diff import NOW, in_force, job


def addresses(targets: Targets) -> tuple[list[str], int]:
    """Of an edit of `a/one` and `b/one`, a new `a/two` and a `b/two` that is gone."""
    current = in_force(job("a/one"), job("b/one"), job("b/two"))
    desired = [job("a/one", queue="x"), job("b/one", queue="x"), job("a/two")]
    made = make_plan(current, desired, now=NOW, targets=targets)
    return [change.address for change in made.changes], made.left_out


def test_without_targets_nothing_is_left_out() -> None:
    assert addresses(EVERY_JOB) == (["a/one", "a/two", "b/one", "b/two"], 0)


def test_a_target_is_one_job_and_the_others_are_counted() -> None:
    assert addresses(make_targets(["a/one"])) == (["a/one"], 3)


def test_a_namespace_is_all_its_jobs_the_new_and_the_gone_as_well() -> None:
    assert addresses(make_targets(["b/*"])) == (["b/one", "b/two"], 2)


def test_several_targets_add_up() -> None:
    assert addresses(make_targets(["a/two", "b/two"])) == (["a/two", "b/two"], 2)


def move_of(target: str) -> Plan:
    move = Move("a/old", "b/new", Location(file="jobrunner.yaml", line=3))
    targets = make_targets([target])
    return make_plan(in_force(job("a/old")), [job("b/new")], now=NOW, moves=[move], targets=targets)


@pytest.mark.parametrize("target", ["a/old", "b/new", "a/*", "b/*"])
def test_a_move_is_meant_by_either_address(target: str) -> None:
    assert [update.moved_from for update in move_of(target).moves] == ["a/old"]


def test_the_load_afterwards_is_that_of_the_targets_with_all_the_rest_as_it_is() -> None:
    hourly, daily = {"cron": "0 * * * *"}, {"cron": "0 6 * * *"}
    current = in_force(job("a/one", schedules=[hourly]), job("b/one", schedules=[hourly]))
    desired = [job("a/one", schedules=[daily]), job("b/one", schedules=[daily])]
    made = make_plan(current, desired, now=NOW, targets=make_targets(["a/one"]))
    assert (made.load_before.runs_per_day, made.load_after.runs_per_day) == (48, 25)


def test_what_means_no_job_is_told() -> None:
    targets = make_targets(["a/one", "a/tow", "c/*"])
    assert targets.without_a_job(["a/one", "b/one"]) == ("a/tow", "c/*")


@pytest.mark.parametrize("text", ["", "one", "a/", "/one", "*/one", "a/o*", "a/one#default"])
def test_what_is_no_target_is_refused_with_the_two_forms(text: str) -> None:
    with pytest.raises(UsageError, match="--target takes a job") as caught:
        make_targets([text])
    assert "namespace/*" in caught.value.hint
