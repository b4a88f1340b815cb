"""The format as JSON Schema (draft-07), for editors: completion, descriptions, checks while typing.

It accepts all that the reader accepts; what needs a calendar, a time zone or a second key is left
to the reader.
"""

from itertools import combinations
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from jobrunner.schedule.days import DAYS_PATTERN
from jobrunner.spec.job import KINDS
from jobrunner.spec.keys import EXTENSION, KEYS
from jobrunner.spec.matrix import EXCLUDE
from jobrunner.spec.models import (
    ADDRESS_PATTERN,
    NAME_PATTERN,
    RULES,
    CatchUp,
    CeleryApp,
    JobSpec,
    Retry,
    ScheduleSpec,
)
from jobrunner.spec.moments import COMPACT_PATTERN, MOMENT_PATTERN
from jobrunner.spec.project import Allow, Calendar, EnvironmentSpec, ProjectSpec, Queue

Schema = dict[str, Any]

_JOB = JobSpec(namespace="default", name="example", task="package.module.callable")


def _pattern(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern.replace(r"\d", "[0-9]")}


_MOMENT = _pattern(MOMENT_PATTERN)
_WALL_TIME = _pattern(f"{MOMENT_PATTERN}|{COMPACT_PATTERN}")
DAYS = _pattern(DAYS_PATTERN)
DAYS_FROM_TO: Schema = {
    "type": "object",
    "properties": {
        "from": {**DAYS, "description": "The first day."},
        "to": {**DAYS, "description": "The last day, which is one of them."},
    },
    "required": ["from", "to"],
    "additionalProperties": False,
}
_ADDRESS = _pattern(ADDRESS_PATTERN)
MOVE: Schema = {
    "type": "object",
    "properties": {
        "from": {**_ADDRESS, "description": "The address that the job had: `namespace/job`."},
        "to": {**_ADDRESS, "description": "The address that it has now, or has had on the way."},
    },
    "required": ["from", "to"],
    "additionalProperties": False,
}
REFERENCE: Schema = {
    "type": "object",
    "properties": {
        "secret": {
            "type": "string",
            "description": "Where the value lies: `env:NAME`, an environment variable, or `file:/path`, a "
            "file, where it is needed. It is read there, and stands in no plan, log or table.",
        }
    },
    "required": ["secret"],
    "additionalProperties": False,
}
"""To a secret."""
VALUE: Schema = {"$ref": "#/definitions/Value"}
"""An argument, or what stands in one."""
_NULL: Schema = {"type": "null"}
_NAME: Schema = {"type": "string", "pattern": NAME_PATTERN}
_TIMEZONE: Schema = {
    "type": "string",
    "description": "IANA name of the time zone of all schedules, for example `Europe/Berlin`.",
}


def json_schema(file: Literal["jobs", "project"] = "jobs") -> Schema:
    """The schema of a job file, or of the project file `jobrunner.yaml`."""
    definitions = _definitions()
    project = definitions.pop("ProjectSpec")["properties"]
    properties = _of_both_files()
    if file == "jobs":
        properties["namespace"] = _or_null(
            {
                "type": "string",
                "pattern": NAME_PATTERN,
                "default": "default",
                "description": "The first half of the identity of every job of this document.",
            }
        )
    else:
        known = [
            key for key in KEYS["the project file"] if key in project.keys() - properties.keys()
        ]
        properties |= {key: _or_null(project[key]) for key in known}
        properties["environments"] = _or_null(
            _named(_or_null({"$ref": "#/definitions/EnvironmentSpec"}))
            | {"description": "The places that the same files are applied to, chosen by `-e NAME`."}
        )
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "jobrunner job file" if file == "jobs" else "jobrunner project file",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        "definitions": {name: definitions[name] for name in sorted(definitions)},
    }


def _of_both_files() -> Schema:
    return {
        "version": _or_null({"const": 1, "description": "The version of the format."}),
        "defaults": {
            "anyOf": [{"$ref": "#/definitions/Defaults"}, _NULL],
            "description": "Keys of a job that every job below starts from.",
        },
        "jobs": {
            "anyOf": [_named({"$ref": "#/definitions/Job"}), _NULL],
            "description": "The jobs, each below its name. `namespace/name` is the identity.",
        },
        "templates": {
            "anyOf": [_named({"$ref": "#/definitions/Template"}), _NULL],
            "description": "Keys of a job under a name, for the jobs below that ask for them by `extends`.",
        },
        "moved": {
            "anyOf": [{"type": "array", "items": MOVE}, _NULL],
            "description": "Jobs that had another address: history, last run and pause go along. An entry "
            "may stay for ever.",
        },
    }


def _definitions() -> Schema:
    _, found = models_json_schema(
        [(JobSpec, "validation"), (ProjectSpec, "validation"), (EnvironmentSpec, "validation")],
        ref_template="#/definitions/{model}",
    )
    definitions: Schema = _without_titles(found["$defs"])
    for example in (_JOB, ScheduleSpec(), Retry(), CatchUp(), Calendar()):
        _write_defaults(definitions[type(example).__name__], example)
    _finish_schedule(definitions["ScheduleSpec"])
    _finish_calendars(definitions)
    job = _finish_job(definitions.pop("JobSpec"))
    _finish_alerts(definitions)
    definitions["Schedule"] = definitions.pop("ScheduleSpec")
    definitions["Value"] = _value()
    definitions["Job"] = job | {"allOf": [_of_one_kind(), _whole_without_a_template()]}
    definitions["Defaults"] = job | {
        "description": "What every job starts from.",
        "properties": {key: job["properties"][key] for key in KEYS["defaults"]},
    }
    definitions["Template"] = job | {
        "description": "Keys of a job, for the jobs that ask for them by `extends`.",
        "properties": {key: job["properties"][key] for key in KEYS["a template"]},
    }
    environment = definitions["EnvironmentSpec"]["properties"]
    environment["vars"] = _with_description(
        environment["vars"],
        type="object",
        propertyNames={"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
        additionalProperties={"type": ["string", "number", "boolean"]},
    )
    environment["defaults"] = _with_description(
        environment["defaults"], anyOf=[{"$ref": "#/definitions/Defaults"}, _NULL]
    )
    for model in _MODELS:
        _let_null_be_nothing(definitions[model.__name__])
    return definitions


_MODELS = (Retry, CatchUp, Allow, CeleryApp, Calendar, EnvironmentSpec, Queue)
"""Those of which the reader takes a key without a value as one that is not there; what is not listed either
takes a null by itself, or needs all of its keys.
"""


def _let_null_be_nothing(definition: Schema) -> None:
    properties = definition["properties"]
    definition["properties"] = {key: _or_null(schema) for key, schema in properties.items()}


def _value() -> Schema:
    return {
        "description": "Any JSON value; where a mapping has the key `secret`, it is a reference to one.",
        "if": {"type": "object", "required": ["secret"]},
        "then": REFERENCE,
        "else": {"additionalProperties": VALUE, "items": VALUE},
    }


def _of_one_kind() -> Schema:
    pairs = [{"allOf": [*map(_given, pair)]} for pair in combinations(KINDS, 2)]
    return {"not": {"anyOf": pairs}}


def _whole_without_a_template() -> Schema:
    """A schedule may lack its rule, or be taken away, where a template gives one."""
    whole = {"anyOf": [{"type": "string"}, *map(_given, RULES)]}
    return {
        "if": {"required": ["extends"]},
        "else": {
            "properties": {
                "schedule": whole,
                "schedules": {"type": "object", "additionalProperties": whole},
            },
            "not": {"required": ["schedule", "schedules"]},
        },
    }


def _given(key: str) -> Schema:
    """A mapping with this key and a value."""
    return {"type": "object", "required": [key], "properties": {key: {"not": _NULL}}}


def _write_defaults(definition: Schema, example: BaseModel) -> None:
    """Defaults as a file would have them: pydantic writes a duration as `PT1H`."""
    values = example.model_dump(mode="json", by_alias=True)
    for key, schema in definition["properties"].items():
        if "default" in schema:
            schema["default"] = values[key]


def _finish_schedule(schedule: Schema) -> None:
    properties = schedule["properties"]
    del properties["name"]
    forms = {
        "anchor": [_MOMENT],
        "start_at": [_MOMENT],
        "end_at": [_MOMENT],
        "at": _one_or_list(_MOMENT),
        "dtstart": [_WALL_TIME],
        "exdate": _one_or_list(_WALL_TIME),
        "rdate": _one_or_list(_WALL_TIME),
        "exclude": _one_or_list({"type": "string"}, DAYS_FROM_TO, least=0),
    }
    for key, alternatives in forms.items():
        properties[key] = _with_description(properties[key], anyOf=alternatives)
    for key in ("exdate", "rdate"):
        properties[key.upper()] = properties[key] | {
            "description": f"Another way to write `{key}`."
        }
    schedule["properties"] = {key: _or_null(properties[key]) for key in KEYS["a schedule"]}
    _finish_arguments(schedule)
    given = [_given(rule) for rule in RULES]
    schedule["oneOf"] = [*given, {"not": {"anyOf": given}}]  # none: a template may have it


def _finish_arguments(definition: Schema) -> None:
    properties = definition["properties"]
    forms = {"args": {"type": "array", "items": VALUE}, "kwargs": _mapping_of(VALUE)}
    for key, form in forms.items():
        said = {word: properties[key][word] for word in _SAID if word in properties[key]}
        properties[key] = _or_null(form | said)


def _one_or_list(*forms: Schema, least: int = 1) -> list[Schema]:
    items = forms[0] if len(forms) == 1 else {"anyOf": [*forms]}
    return [*forms, {"type": "array", "items": items} | ({"minItems": least} if least else {})]


def _finish_calendars(definitions: Schema) -> None:
    dates = definitions["Calendar"]["properties"]["dates"]
    definitions["Calendar"]["properties"]["dates"] = _or_null(
        _with_description(dates, anyOf=_one_or_list(DAYS, DAYS_FROM_TO, least=0))
    )
    project = definitions["ProjectSpec"]["properties"]
    project["calendars"] = _or_null(
        _with_description(project["calendars"], **_named({"$ref": "#/definitions/Calendar"}))
    )


def _finish_alerts(definitions: Schema) -> None:
    alert = definitions["Alert"]["properties"]
    for key in ("when", "to"):
        one_or_list = [alert[key]["items"], {**alert[key]}]
        one_or_list[1].pop("description")
        alert[key] = _with_description(alert[key], anyOf=one_or_list)
    alert["after"] = _or_null(alert["after"])
    notifier = definitions["Notifier"]["properties"]
    notifier["url"] = _with_description(notifier["url"], anyOf=[{"type": "string"}, REFERENCE])
    project = definitions["ProjectSpec"]["properties"]
    project["queues"] = _with_description(
        project["queues"], **_named(_or_null({"$ref": "#/definitions/Queue"}))
    )


_MATRIX: Schema = {
    "type": "object",
    "properties": {
        EXCLUDE: {
            "type": ["array", "null"],
            "items": {"type": "object", "minProperties": 1},
            "description": "Combinations that are left out, each by some of its values.",
        }
    },
    "patternProperties": {f"^{EXTENSION}": {}},
    "additionalProperties": {
        "type": "array",
        "items": {"type": ["string", "number", "boolean"]},
        "minItems": 1,
    },
    "minProperties": 1,
    "description": "One job for each combination of values: `{region: [eu, us]}` makes `NAME-eu` and "
    "`NAME-us`, and `${matrix.region}` is the value. `exclude` lists combinations that are left out.",
}


def _finish_job(job: Schema) -> Schema:
    _finish_arguments(job)
    properties = job["properties"]
    schedule: Schema = {"anyOf": [{"type": "string"}, {"$ref": "#/definitions/Schedule"}]}
    properties["retry"] = _with_description(
        properties["retry"],
        anyOf=[{"type": "integer", "minimum": 0}, {"$ref": "#/definitions/Retry"}],
    )
    properties["catch_up"] = _with_description(
        properties["catch_up"],
        anyOf=[{"enum": ["skip", "latest", "all"]}, {"$ref": "#/definitions/CatchUp"}],
    )
    properties["schedule"] = schedule | {
        "description": "When it is due: a cron expression, or a mapping. Its name is `default`."
    }
    properties["schedules"] = _named(_or_null(schedule)) | {
        "description": "Several schedules, each below its name, which is its identity."
    }
    properties["timezone"] = _TIMEZONE
    properties["extends"] = {
        "anyOf": [_NAME, {"type": "array", "items": _NAME}],
        "description": "Templates that the job starts from, by name; of several the later wins.",
    }
    properties["matrix"] = _MATRIX
    return {
        "type": "object",
        "description": "A job: what is called, when, and how it may fail.",
        "properties": {key: _or_null(properties[key]) for key in KEYS["a job"]},
        "additionalProperties": False,
    }


_SAID = ("description", "default")
"""What a schema says to a person, and keeps whatever form it gets."""


def _or_null(schema: Schema) -> Schema:
    """`null` removes what a job would inherit, whatever the key."""
    kept = {key: schema[key] for key in _SAID if key in schema}
    kinds = {key: value for key, value in schema.items() if key not in kept}
    if _NULL in kinds.get("anyOf", ()):
        return schema
    alternatives = kinds["anyOf"] if kinds.keys() == {"anyOf"} else [kinds]
    return {"anyOf": [*alternatives, _NULL]} | kept


def _with_description(schema: Schema, **rest: Any) -> Schema:
    return rest | {"description": schema["description"]}


def _mapping_of(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def _named(schema: Schema) -> Schema:
    return {
        "type": "object",
        "patternProperties": {NAME_PATTERN: schema},
        "additionalProperties": False,
    }


def _without_titles(schema: Any) -> Any:
    """Pydantic repeats each field's name as its title."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_titles(value)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }
