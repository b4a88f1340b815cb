"""However definitions are put together of parts, they are the same definitions."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jobrunner.spec.models import JobSpec
from tests.spec.reading import parse
from tests.spec.test_properties import PIECES, TREES

Jobs = dict[str, dict[str, Any]]
RANDOM = st.randoms(use_true_random=False)
# Of these a layer may give any part: merged or replaced, they become what they were.
HOISTED = ("queue", "priority", "timeout", "retry", "enabled", "tags", "description", "overlap")
BUILT_IN = {"queue": "default", "timeout": "1h", "overlap": "skip", "enabled": True, "tags": []}


def specs(*texts: str, project: str | None = None, environment: str = "") -> list[JobSpec]:
    parsed = parse(*texts, project=project, environment=environment)
    assert parsed.diagnostics == ()
    return [job.spec for job in parsed.jobs]


def in_one(jobs: Jobs) -> list[JobSpec]:
    return specs(json.dumps({"jobs": jobs}))


def hoisted(job: dict[str, Any], random: Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stays in the job, and what a layer below it gives."""
    above = {key: value for key, value in job.items() if key in HOISTED and random.random() < 0.7}
    return {key: value for key, value in job.items() if key not in above}, above


def shuffled(value: Any, random: Random) -> Any:
    if not isinstance(value, dict):
        return value
    keys = random.sample(list(value), len(value))
    return {key: shuffled(value[key], random) for key in keys}


@given(TREES, RANDOM)
def test_the_order_of_keys_at_any_depth_changes_nothing(jobs: Jobs, random: Random) -> None:
    assert specs(json.dumps({"jobs": shuffled(jobs, random)})) == in_one(jobs)


@given(TREES, RANDOM)
def test_the_file_in_which_a_job_stands_changes_nothing(jobs: Jobs, random: Random) -> None:
    files: list[Jobs] = [{}, {}, {}]
    for name, job in jobs.items():
        random.choice(files)[name] = job
    texts = [json.dumps({"jobs": file}) for file in random.sample(files, 3)]
    assert specs(*texts) == in_one(jobs)
    assert specs("\n---\n".join(texts)) == in_one(jobs)


@given(TREES)
def test_a_default_that_is_written_changes_nothing(jobs: Jobs) -> None:
    written = {name: BUILT_IN | job for name, job in jobs.items()}
    assert specs(json.dumps({"jobs": written})) == in_one(jobs)


@given(TREES, RANDOM)
def test_keys_that_are_given_by_the_files_defaults_change_nothing(
    jobs: Jobs, random: Random
) -> None:
    texts = []
    for name, job in jobs.items():
        left, above = hoisted(job, random)
        texts.append(json.dumps({"defaults": above, "jobs": {name: left}}))
    assert specs(*texts) == in_one(jobs)


@given(TREES, RANDOM)
def test_keys_that_are_given_by_templates_change_nothing(jobs: Jobs, random: Random) -> None:
    templates: Jobs = {}
    users: Jobs = {}
    for name, job in jobs.items():
        left, above = hoisted(job, random)
        upper, lower = hoisted(above, random)
        templates |= {f"{name[:90]}-upper": upper | {"extends": f"{name[:90]}-lower"}}
        templates |= {f"{name[:90]}-lower": lower}
        users[name] = left | {"extends": f"{name[:90]}-upper"}
    project = json.dumps({"templates": templates})
    assert specs(json.dumps({"jobs": users}), project=project) == in_one(jobs)


@given(TREES, RANDOM)
def test_keys_that_are_given_by_the_project_and_the_environment_change_nothing(
    jobs: Jobs, random: Random
) -> None:
    name, job = min(jobs.items())
    left, above = hoisted(job, random)
    of_environment, of_project = hoisted(above, random)
    project = {
        "defaults": of_project,
        "environments": {"prod": {"defaults": of_environment}, "other": {"enabled": False}},
    }
    found = specs(
        json.dumps({"jobs": {name: left}}), project=json.dumps(project), environment="prod"
    )
    assert found == in_one({name: job})


@given(TREES, st.sampled_from(["eu", "us", "x7"]))
def test_a_matrix_of_one_is_the_job_under_another_name(jobs: Jobs, value: str) -> None:
    expanded = {name: job | {"matrix": {"region": [value]}} for name, job in jobs.items()}
    renamed = {f"{name}-{value}": job for name, job in jobs.items()}
    assert specs(json.dumps({"jobs": expanded})) == in_one(renamed)


@given(TREES, RANDOM)
def test_texts_that_stand_in_variables_change_nothing(jobs: Jobs, random: Random) -> None:
    variables: dict[str, str] = {}

    def moved(value: Any) -> Any:
        match value:
            case str() if random.random() < 0.5:
                name = f"V{len(variables)}"
                variables[name] = value.replace("$$", "$")
                return f"${{{name}}}"
            case dict():
                return {key: moved(item) for key, item in value.items()}
            case list():
                return [moved(item) for item in value]
            case _:
                return value

    parsed = parse(json.dumps({"jobs": moved(jobs)}), **variables)
    assert parsed.diagnostics == ()
    assert [job.spec for job in parsed.jobs] == in_one(jobs)


PARTS = st.sampled_from(
    ["templates:", "extends: ", "extends: [x, x]", "matrix: ", "matrix: {a: [1, 2]}", "environments:",
     "vars: {A: 1}", "${A}", "${matrix.a}", "${", "$$", "x:", "exclude: [{a: 1}]", "x-a: &a ", "*a"]
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(PIECES | PARTS, max_size=40).map("".join), st.integers(1, 30))
def test_a_mistake_stands_inside_of_the_text_and_moves_with_it(text: str, count: int) -> None:
    text = "\n\n" + text.replace("\ufeff", "")
    found = parse(text, project=text, environment="x").diagnostics
    blank = "\n" * count
    moved = parse(blank + text, project=blank + text, environment="x").diagnostics
    assert [(one.code, one.location.line + count, one.location.column) for one in found] == [
        (one.code, one.location.line, one.location.column) for one in moved
    ]
