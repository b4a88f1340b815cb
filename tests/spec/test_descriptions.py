"""The schema for editors, and the pages of the reference, against the models they are made from."""

from pathlib import Path
from typing import Any

import pytest

from jobrunner.spec.codes.page import errors_reference
from jobrunner.spec.json_schema import json_schema
from jobrunner.spec.keys import KEYS
from jobrunner.spec.reference import yaml_reference

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PLACES = [
    ("a job", "Job"),
    ("defaults", "Defaults"),
    ("a schedule", "Schedule"),
    ("retry", "Retry"),
    ("catch_up", "CatchUp"),
    ("an alert", "Alert"),
]
PLACES_OF_THE_PROJECT = [
    ("allow", "Allow"),
    ("guards", "Guards"),
    ("a notifier", "Notifier"),
    ("a queue", "Queue"),
]


@pytest.mark.parametrize(("place", "definition"), PLACES)
def test_the_schema_has_exactly_the_keys_that_the_reader_accepts(
    place: str, definition: str
) -> None:
    assert set(json_schema()["definitions"][definition]["properties"]) == set(KEYS[place])


def test_the_schema_of_a_file_has_exactly_its_keys() -> None:
    assert set(json_schema("jobs")["properties"]) == set(KEYS["a job file"])
    assert set(json_schema("project")["properties"]) == set(KEYS["the project file"])


@pytest.mark.parametrize(("place", "definition"), PLACES_OF_THE_PROJECT)
def test_the_schema_of_the_project_has_exactly_the_keys_that_the_reader_accepts(
    place: str, definition: str
) -> None:
    found = json_schema("project")["definitions"][definition]["properties"]
    assert set(found) == set(KEYS[place])


@pytest.mark.parametrize("file", ["jobs", "project"])
def test_every_key_of_the_schema_is_described(file: Any) -> None:
    undescribed = [
        key
        for definition in [json_schema(file), *json_schema(file)["definitions"].values()]
        for key, schema in definition.get("properties", {}).items()
        if not schema.get("description")
    ]
    assert undescribed == []


@pytest.mark.parametrize("file", ["jobs", "project"])
def test_the_schema_is_draft_07_and_closed(file: Any) -> None:
    schema = json_schema(file)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert "$defs" not in str(schema)
    assert all(
        found["additionalProperties"] is False
        for found in [schema, *schema["definitions"].values()]
        if "properties" in found
    )


def test_every_reference_of_the_schema_leads_to_a_definition() -> None:
    schema = json_schema()
    assert references(schema) <= {f"#/definitions/{name}" for name in schema["definitions"]}


def test_choices_of_the_schema_are_those_of_the_models() -> None:
    overlap = json_schema()["definitions"]["Job"]["properties"]["overlap"]
    assert overlap["anyOf"][0]["enum"] == ["allow", "skip", "queue", "replace"]


def test_defaults_of_the_schema_are_written_as_in_a_file() -> None:
    assert json_schema()["definitions"]["Job"]["properties"]["timeout"]["default"] == "1h"


def test_the_page_of_the_format_is_current() -> None:
    assert (REFERENCE / "yaml.md").read_text("utf-8") == yaml_reference()


def test_the_page_of_errors_is_current() -> None:
    assert (REFERENCE / "errors.md").read_text("utf-8") == errors_reference()


def references(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["$ref"]} if "$ref" in schema else set()
        return own.union(*(references(value) for value in schema.values()))
    return (
        set().union(*(references(item) for item in schema)) if isinstance(schema, list) else set()
    )
