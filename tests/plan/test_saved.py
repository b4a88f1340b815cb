"""A plan in a file: what it holds, and what is not taken for one."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobrunner.errors import ConfigurationError
from jobrunner.plan.current import CurrentProject
from jobrunner.plan.diff import make_plan
from jobrunner.plan.saved import (
    Origin,
    SavedPlan,
    make_saved,
    read_saved,
    saved_as_text,
    stale_because,
)
from jobrunner.spec.models import DefinedJob, Location
from jobrunner.spec.project import Guards, Move
from tests.plan.golden_plan import MOVES, every_kind_of_change, in_database
from tests.plan.test_diff import JOBS, NOW, daily, in_force, job

ORIGIN = Origin("0.1.0", "4f2c9e1", git_dirty=False, missing_folders=("jobs.d",), guards=Guards())


def saved(current: CurrentProject, *desired: DefinedJob, moves: tuple[Move, ...] = ()) -> SavedPlan:
    return make_saved(make_plan(current, desired, now=NOW, moves=moves), current, moves, ORIGIN)


def edited() -> SavedPlan:
    """Of one edit beside a job that it does not touch."""
    return saved(in_force(job("a/one"), job("a/two")), job("a/one", queue="x"), job("a/two"))


@settings(max_examples=40)
@given(JOBS, JOBS)
def test_what_is_read_back_is_what_was_saved(
    before: list[DefinedJob], after: list[DefinedJob]
) -> None:
    kept = saved(in_force(*before), *after)
    assert read_saved(saved_as_text(kept), "plan.jrplan") == kept


@settings(max_examples=40)
@given(JOBS, JOBS)
def test_it_shows_the_plan_as_it_was_shown(
    before: list[DefinedJob], after: list[DefinedJob]
) -> None:
    made = make_plan(in_force(*before), after, now=NOW)
    kept = make_saved(made, in_force(*before), (), ORIGIN)
    assert read_saved(saved_as_text(kept), "").plan() == replace(made, relocated=())


def test_only_the_jobs_that_change_are_in_it() -> None:
    kept = edited()
    assert [one.address for one in kept.current.jobs] == ["a/one"]
    assert [one.address for one in kept.jobs] == ["a/one"]


def test_where_it_comes_from_is_in_it() -> None:
    assert read_saved(saved_as_text(edited()), "").origin == ORIGIN


def test_a_moved_job_comes_back_as_moved() -> None:
    move = Move("a/old", "a/new", Location(file="jobrunner.yaml", line=3))
    kept = saved(in_force(job("a/old")), job("a/new"), moves=(move,))
    assert [one.moved_from for one in read_saved(saved_as_text(kept), "").plan().moves] == ["a/old"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "p is no saved plan, or it is cut"),
        ("[" * 100_000, "p is no saved plan, or it is cut"),
        ("{}", "p is no saved plan."),
        ("[1]", "p is no saved plan."),
        ('{"kind": "jobrunner plan", "format_version": 2}', "of another version of jobrunner"),
        ('{"kind": "jobrunner plan", "format_version": 1}', "p cannot be used: origin:"),
    ],
)
def test_what_is_no_saved_plan_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        read_saved(text, "p")


@given(st.data())
def test_a_cut_file_is_one_sentence(data: st.DataObject) -> None:
    text = saved_as_text(edited())
    length = data.draw(st.integers(0, len(text) - 3))
    with pytest.raises(ConfigurationError, match="or it is cut"):
        read_saved(text[:length], "p")


def tampered(**fields: Any) -> str:
    document = json.loads(saved_as_text(edited()))
    return json.dumps({**document, **fields})


def test_an_edited_definition_is_noticed() -> None:
    text = saved_as_text(edited()).replace('"queue": "x"', '"queue": "y"')
    with pytest.raises(ConfigurationError, match="p has been edited"):
        read_saved(text, "p")


def test_another_environment_is_noticed() -> None:
    with pytest.raises(ConfigurationError, match="p has been edited"):
        read_saved(tampered(environment="prod"), "p")


def reasons(kept: SavedPlan, *now: DefinedJob, revision: int = 42) -> list[str]:
    current = in_force(*now, revision=revision)
    jobs = tuple(replace(one, revision=revision) for one in current.jobs)
    return list(stale_because(kept, replace(current, jobs=jobs)))


def test_it_is_not_stale_while_nothing_has_changed() -> None:
    assert list(stale_because(edited(), in_force(job("a/one"), job("a/two")))) == []


def test_it_is_not_stale_when_something_else_has_changed() -> None:
    current = in_force(job("a/one"), job("a/two", queue="y"), job("a/three"), revision=42)
    assert list(stale_because(edited(), current)) == []


def test_it_is_stale_when_a_job_of_it_has_changed() -> None:
    assert reasons(edited(), job("a/one", queue="y")) == ["a/one has been changed in revision 42."]


def test_it_is_stale_when_a_job_of_it_has_gone() -> None:
    assert reasons(edited(), job("a/two")) == ["a/one has been deleted."]


def test_it_is_stale_when_what_it_creates_is_there() -> None:
    assert reasons(saved(in_force(), job("a/one")), job("a/one")) == [
        "a/one has been created in revision 42."
    ]


def test_it_is_stale_when_a_hand_has_changed_a_job_of_it() -> None:
    current = in_force(job("a/one"))
    by_hand = replace(current.jobs[0], in_force=job("a/one", queue="z").spec)
    assert list(stale_because(edited(), replace(current, jobs=(by_hand,)))) == [
        "a/one has been changed in the database, by no revision."
    ]


def test_it_is_stale_where_the_database_is_behind_it() -> None:
    assert reasons(edited(), job("a/one"), revision=3) == [
        "It was made from revision 41 of project acme, and this database holds revision 3."
    ]


def test_a_plan_with_every_kind_of_change_comes_back_whole() -> None:
    made = every_kind_of_change()
    text = saved_as_text(make_saved(made, in_database(), MOVES, ORIGIN))
    assert read_saved(text, "").plan().as_json() == made.as_json()


def test_times_that_have_come_since_do_not_make_it_stale() -> None:
    kept = saved(in_force(job(schedules=[daily()])), job(schedules=[daily()], queue="x"))
    current = in_force(job(schedules=[daily()]))
    row = replace(current.jobs[0].schedules[0], total_run_count=5, last_run_at=NOW)
    later = replace(current, jobs=(replace(current.jobs[0], schedules=(row,)),))
    assert list(stale_because(kept, later)) == []
