"""The schema for editors: it takes what the reader takes, and marks what it can see is wrong."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft7Validator

from jobrunner.spec.editor_schema import editor_schema
from jobrunner.spec.keys import KEYS
from jobrunner.spec.report import Report
from jobrunner.spec.tree import plain
from jobrunner.spec.yaml import SourceFile, read_tree
from tests.spec.reading import parse
from tests.spec.test_properties import TREES

ROOT = Path(__file__).parents[2]
SCHEMAS = {"jobs": editor_schema("jobs"), "project": editor_schema("project")}
VALIDATORS = {file: Draft7Validator(schema) for file, schema in SCHEMAS.items()}
GOOD = sorted(
    path
    for folder in ("examples", "jobs.d", "jobrunner.yaml")
    for path in ([ROOT / folder] if folder.endswith(".yaml") else (ROOT / folder).rglob("*.yaml"))
)
VISIBLE = re.compile(r"E20[134679]-|E205-key-missing-in|E213-")
BAD = sorted(folder for folder in (ROOT / "tests/bad").iterdir() if VISIBLE.match(folder.name))


def mistakes(text: str, *, file: str = "jobs") -> list[str]:
    """What an editor marks, as it reads YAML: each document by itself."""
    _, documents = read_tree(SourceFile(file, text.encode()), Report())
    found = [error for one in documents for error in VALIDATORS[file].iter_errors(plain(one))]
    return [error.message for error in found]


def mistakes_of(path: Path) -> list[str]:
    file = "project" if path.name == "jobrunner.yaml" else "jobs"
    return mistakes(path.read_text("utf-8"), file=file)


def job(text: str) -> list[str]:
    return mistakes(f"jobs:\n  a: {{task: a.b, {text}}}\n")


def definitions() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping of the format with known keys."""
    for file, schema in SCHEMAS.items():
        yield file, schema
        yield from schema["definitions"].items()


@pytest.mark.parametrize("file", SCHEMAS)
def test_it_is_a_schema_of_draft_07(file: str) -> None:
    schema = SCHEMAS[file]
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize("path", GOOD, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_files_of_the_examples_are_right(path: Path) -> None:
    assert mistakes_of(path) == []


@settings(max_examples=30, deadline=None)
@given(TREES)
def test_what_the_reader_takes_is_right(tree: Any) -> None:
    assert mistakes(json.dumps({"version": 1, "jobs": tree})) == []


@pytest.mark.parametrize("folder", BAD, ids=lambda folder: folder.name)
def test_what_the_reader_refuses_by_its_form_is_marked(folder: Path) -> None:
    files = [path for path in (folder / "files").rglob("*.yaml") if path.is_file()]
    assert [path for path in files if mistakes_of(path)] != []


def test_every_key_of_every_mapping_is_described() -> None:
    missing = [
        f"{name}.{key}"
        for name, definition in definitions()
        for key, schema in definition.get("properties", {}).items()
        if not schema.get("description")
    ]
    assert missing == []


def test_every_key_that_the_reader_knows_may_be_completed() -> None:
    jobs, project = SCHEMAS["jobs"], SCHEMAS["project"]
    assert set(jobs["properties"]) == set(KEYS["a job file"])
    assert set(project["properties"]) == set(KEYS["the project file"])
    assert set(jobs["definitions"]["Job"]["properties"]) == set(KEYS["a job"])
    assert set(jobs["definitions"]["Schedule"]["properties"]) == set(KEYS["a schedule"])


def test_every_mapping_refuses_unknown_keys_and_takes_those_with_x() -> None:
    known = [one for _, one in definitions() if "properties" in one]
    assert len(known) > 10
    assert {one["additionalProperties"] for one in known} == {False}
    assert {tuple(one["patternProperties"]) for one in known} == {("^x-",)}


@pytest.mark.parametrize(
    "text",
    ["qeue: books", "kwargs: 5", "priority: 10", "overlap: never", "timeout: 30", "timeout: soon",
     "retry: {retries: 3}", "schedule: {every: 5m, cron: '@daily'}", "schedule: {evry: 5m}",
     "enabled: no", "tags: {a: b}", "queue: My Queue", "schedule: null", "schedules: null",
     "schedule: {jitter: 5m}", "schedule: {cron: null}", "schedule: '@daily', schedules: {}",
     "kwargs: {a: {secret: 5}}", "kwargs: {a: [{secret: 'env:X', b: 1}]}", "args: [{secret: 5}]",
     "command: [ls]", "celery_task: a.b", "matrix: {}", "matrix: {a: []}"],
)  # fmt: skip
def test_a_mistake_is_marked(text: str) -> None:
    assert job(text) != []


@pytest.mark.parametrize(
    "text",
    ["x-team: {anything: 1}", "retry: 3", "retry: {x-why: flaky, max_retries: 3}", "timeout: 1h30m",
     "priority: '${PRIORITY}'", "retry: '${RETRIES:-3}'", "enabled: '${ON}'", "catch_up: '${POLICY}'",
     "timeout: '${LIMIT:-30m}'", "overlap: '${OVERLAP:-skip}'", "queue: '${QUEUE}'", "timeout: null",
     "schedule: '@daily'", "schedules: {day: {cron: '@daily', x-note: 1}, often: {every: 10s}}",
     "kwargs: {key: {secret: 'env:KEY'}}", "kwargs: {secret: 5, a: {b: null}}", "args: [[1], null]",
     "matrix: {x-note: 1, a: [1]}", "matrix: {a: [1], exclude: []}", "matrix: {a: [1], exclude: null}",
     "retry: {max_retries: null, for: null}", "catch_up: {policy: null}", "schedules: {}",
     "schedule: {cron: null, every: 5m}", "schedule: {every: 5m, exclude: []}", "command: null",
     "extends: t, schedule: null", "extends: t, schedule: {jitter: 5m}",
     "extends: t, schedules: {a: {jitter: 5m}, b: null}"],
)  # fmt: skip
def test_what_is_right_is_not_marked(text: str) -> None:
    assert job(text) == []


@pytest.mark.parametrize(
    "text", ["version: null", "namespace: null", "templates: {t: {schedule: {timezone: UTC}}}"]
)
def test_what_is_right_in_a_job_file_is_not_marked(text: str) -> None:
    assert (mistakes(text), parse(text).diagnostics) == ([], ())


@pytest.mark.parametrize(
    "text",
    ["version: null", "allow: {tasks: null}", "allow: {tasks: [], commands: null}",
     "queues: {a: {description: null}}", "calendars: {a: {dates: []}}", "celery: {tracked: null}",
     "environments: {a: {vars: null, enabled: null, guards: null, defaults: null}}",
     "environments: {a: {vars: {A_1: 1, _b: x}}}"],
)  # fmt: skip
def test_what_is_right_in_the_project_file_is_not_marked(text: str) -> None:
    assert mistakes(text, file="project") == []
    assert [found for found in parse("", project=text).diagnostics if found.is_error] == []


@pytest.mark.parametrize("name", ["a b", "9", "x-a"])
def test_a_name_that_no_variable_can_have_is_marked(name: str) -> None:
    assert mistakes(f"environments: {{a: {{vars: {{'{name}': x}}}}}}", file="project") != []


def test_keys_without_a_list_of_values_have_examples_that_are_right() -> None:
    properties = SCHEMAS["jobs"]["definitions"]["Job"]["properties"]
    wrong = [
        (key, example)
        for key, schema in properties.items()
        for example in schema.get("examples", [])
        if not VALIDATORS["jobs"].is_valid({"jobs": {"a": {key: example}}})
    ]
    assert wrong == []
    assert properties["timezone"]["examples"][0] == "UTC"


def test_a_reference_stands_alone_since_draft_07_reads_nothing_beside_it() -> None:
    text = str(SCHEMAS)
    assert re.findall(r"'\$ref': '[^']*', '", text) == []
