"""`docs/reference/yaml.md`, made from the models, so that it cannot disagree with them."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from jobrunner.spec.durations import DURATION_PATTERN
from jobrunner.spec.json_schema import (
    DAYS,
    DAYS_FROM_TO,
    MOVE,
    REFERENCE,
    VALUE,
    Schema,
    json_schema,
)
from jobrunner.spec.keys import KEYS
from jobrunner.spec.models import ADDRESS_PATTERN, NAME_PATTERN, RULES

_INTRODUCTION = """\
# The YAML format

Generated from the models by `python docs/make_reference.py`; edit the descriptions there.

A job file has `version`, `namespace`, `defaults`, `templates`, `jobs` and `moved`; several documents
in a file, separated by `---`, are parts of it, and an empty file means no jobs. The identity of a job is
`namespace/name`, that of a schedule `namespace/name#schedule`; moving a job to another file
changes nothing.

Values come from, each over the one before: what is built in, the project's `defaults`, those of the
environment, the file's `defaults`, the templates that a job `extends`, the job, the schedule. Mappings
merge deeply, scalars, lists and `{secret: …}` replace, and `null` removes what was inherited. Of what
a template and a job say of a schedule, the job's rule replaces the template's; `schedule` and
`schedules` replace each other. `jobrunner explain ADDRESS --origin` tells where each value comes from.

In values, `${NAME}`, `${NAME:-default}` and `${NAME:?message}` stand for variables, and `${matrix.name}`
for a value of the job's `matrix`; `$$` is a dollar sign. `docs/how-to/environments.md` tells how. Keys that
begin with `x-` are the author's own, and anchors may live there.

A duration is a number and a unit, as often as needed: `500ms`, `90s`, `1h30m`, `2d`, `1w`.
A name has lower-case letters, digits, `.`, `_` and `-`, at most 100 of them, and starts with a
letter or a digit. A timestamp is ISO 8601; without an offset it is read in the schedule's
`timezone`. A day is a date `2026-12-25`, or a range of days with both ends:
`2026-12-24/2027-01-01`, `2026-12-24..2027-01-01` or `{from: 2026-12-24, to: 2027-01-01}`; it is
a day of the schedule's `timezone`. YAML 1.2 is read: `no`, `off` and `12:30` are texts.
"""

_SHORTHANDS = (
    "`retry: 3` is short for `retry: {max_retries: 3}`, `catch_up: all` for "
    "`catch_up: {policy: all}`, and a text as `schedule` is a cron expression."
)

_RULES = f"{', '.join(f'`{rule}`' for rule in RULES[:-1])} and `{RULES[-1]}`"
_SECTIONS = (
    ("A job", "Job", _SHORTHANDS),
    ("`retry`", "Retry", ""),
    ("`catch_up`", "CatchUp", ""),
    ("A schedule", "Schedule", f"Exactly one of {_RULES}."),
    ("`solar`", "SolarEvent", ""),
    ("`dst`", "ClockChanges", ""),
    (
        "An alert",
        "Alert",
        "In the list `alerts` of a job: `alerts: [{when: [failure], to: [oncall]}]`.",
    ),
)  # fmt: skip
_PROJECT_SECTIONS = (
    ("An environment", "EnvironmentSpec", ""),
    ("`guards`", "Guards", ""),
    ("`allow`", "Allow", ""),
    ("`celery`", "CeleryApp", ""),
    (
        "A calendar",
        "Calendar",
        "Below its name in `calendars`: `calendars: {holidays: {dates: [2026-12-25]}}`.",
    ),
    (
        "A queue",
        "Queue",
        (
            "Below its name in `queues`: `queues: {default: {}, reports: {}}`. Where any is declared, "
            "another name is a warning."
        ),
    ),
    (
        "A notifier",
        "Notifier",
        (
            "Below its name in `notifiers`, where `alerts` find it: "
            '`notifiers: {oncall: {url: {secret: "env:ONCALL_URL"}}}`.'
        ),
    ),
)


def yaml_reference() -> str:
    """The whole page, as Markdown."""
    jobs, project = json_schema("jobs"), json_schema("project")
    parts = [
        _INTRODUCTION,
        _section("A job file", jobs["properties"], ""),
        _section(
            "A move",
            MOVE["properties"],
            "In the list `moved`: `moved: [{from: billing/closing, to: billing/close-books}]`.",
        ),
        *(
            _section(title, jobs["definitions"][name]["properties"], note)
            for title, name, note in _SECTIONS
        ),
        _section(
            "A reference to a secret",
            REFERENCE["properties"],
            'In place of a value in `args` and `kwargs`: `kwargs: {api_key: {secret: "env:API_KEY"}}`.',
        ),
        _section(
            "The project file",
            project["properties"],
            "`jobrunner.yaml`; without it, all is default.",
        ),
        *(
            _section(title, project["definitions"][name]["properties"], note)
            for title, name, note in _PROJECT_SECTIONS
        ),
    ]
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class KeyMeaning:
    """One key at one place of the format."""

    key: str
    place: str
    """`a job`, `a schedule`, `retry`."""
    form: str
    """What may be written, in a few words; Markdown, as the rest."""
    default: str
    """'' for none."""
    meaning: str
    keys_below: tuple[str, ...]
    """Of a mapping whose keys are known."""


def key_meanings(name: str) -> tuple[KeyMeaning, ...]:
    """What a key means at each place where it may stand; none for a key that there is not.

    `name` is a key, or one behind those of the mappings it stands in, with a name between them
    where the files have one: `retry.delay`, `schedules.nightly.cron`.
    """
    *above, key = name.split(".")
    return tuple(
        _meaning(key, place, properties[key])
        for place, properties in _places().items()
        if key in properties and (not above or {*above[-2:]} & {*_ABOVE.get(place, (place,))})
    )


_ABOVE = {
    "a job": ("jobs", "job", "templates"),
    "a schedule": ("schedule", "schedules"),
    "a job file": (),
    "the project file": (),
    "a calendar": ("calendars",),
    "an environment": ("environments",),
    "a range of days": ("exclude", "dates"),
    "an alert": ("alerts",),
    "a notifier": ("notifiers",),
    "a queue": ("queues",),
    "a move": ("moved",),
    "a reference to a secret": ("args", "kwargs", "url"),
}
"""Place → the keys that lead to it, where they are not its name."""


@cache
def _places() -> dict[str, Schema]:
    """Place → its keys, in the order in which they are told."""
    jobs, project = json_schema("jobs"), json_schema("project")
    definitions = jobs["definitions"]
    return {
        "a job": definitions["Job"]["properties"],
        "a schedule": definitions["Schedule"]["properties"],
        "retry": definitions["Retry"]["properties"],
        "catch_up": definitions["CatchUp"]["properties"],
        "solar": definitions["SolarEvent"]["properties"],
        "dst": definitions["ClockChanges"]["properties"],
        "a job file": jobs["properties"],
        "the project file": project["properties"],
        "allow": project["definitions"]["Allow"]["properties"],
        "celery": project["definitions"]["CeleryApp"]["properties"],
        "a calendar": project["definitions"]["Calendar"]["properties"],
        "an environment": project["definitions"]["EnvironmentSpec"]["properties"],
        "guards": project["definitions"]["Guards"]["properties"],
        "a range of days": DAYS_FROM_TO["properties"],
        "an alert": definitions["Alert"]["properties"],
        "a notifier": project["definitions"]["Notifier"]["properties"],
        "a queue": project["definitions"]["Queue"]["properties"],
        "a move": MOVE["properties"],
        "a reference to a secret": REFERENCE["properties"],
    }


def _meaning(key: str, place: str, schema: Schema) -> KeyMeaning:
    return KeyMeaning(
        key=key,
        place=place,
        form=_form(schema),
        default=_default(schema),
        meaning=schema["description"],
        keys_below=_keys_below(key),
    )


def _keys_below(key: str) -> tuple[str, ...]:
    place = _SINGULAR.get(key, "")
    return tuple(_places().get(key) or _places().get(place) or KEYS.get(place, ()))


_SINGULAR = {
    "schedule": "a schedule",
    "schedules": "a schedule",
    "jobs": "a job",
    "calendars": "a calendar",
    "environments": "an environment",
    "templates": "a template",
    "exclude": "a range of days",
    "dates": "a range of days",
    "alerts": "an alert",
    "notifiers": "a notifier",
    "queues": "a queue",
    "moved": "a move",
}


def _section(title: str, properties: Schema, note: str) -> str:
    lines = [f"## {title}", ""]
    if note:
        lines += [note, ""]
    lines += ["| key | form | default | meaning |", "|---|---|---|---|"]
    for key, schema in properties.items():
        meaning = schema.get("description", "").replace("|", "\\|")
        lines.append(f"| `{key}` | {_form(schema)} | {_default(schema)} | {meaning} |")
    return "\n".join([*lines, ""])


def _form(schema: Schema) -> str:
    """What may be written, in a few words."""
    match schema:
        case {"anyOf": alternatives}:
            forms = [_form(item) for item in alternatives if item != {"type": "null"}]
            return " or ".join(dict.fromkeys(forms))
        case {"enum": choices}:
            return " \\| ".join(f"`{choice}`" for choice in choices)
        case {"const": value}:
            return f"`{value}`"
        case {"type": "string", "pattern": pattern} if pattern == DURATION_PATTERN:
            return "duration"
        case {"type": "string", "pattern": pattern} if pattern == NAME_PATTERN:
            return "name"
        case {"type": "string", "pattern": pattern} if pattern == ADDRESS_PATTERN:
            return "address"
        case {"type": "string", "pattern": pattern} if pattern == DAYS["pattern"]:
            return "day"
        case {"type": "string", "pattern": _}:
            return "timestamp"
        case {"type": "array", "items": items}:
            return f"list of {_form(items)}"
        case {"type": "array"}:
            return "list"
        case {"type": "boolean"}:
            return "`true` \\| `false`"
        case {"type": "integer" | "number"}:
            return _number(schema)
        case {"$ref": ref} if ref == VALUE["$ref"]:
            return "any value"
        case {"$ref": _} | {"type": "object"}:
            return "mapping"
        case {"type": "string"}:
            return "text"
        case _:
            return "any value"


def _number(schema: Schema) -> str:
    kind = "whole number" if schema["type"] == "integer" else "number"
    if "minimum" in schema and "maximum" in schema:
        return f"{kind}, {schema['minimum']:,g} to {schema['maximum']:,g}"
    return kind


def _default(schema: Schema) -> str:
    value: Any = schema.get("default")
    if value in (None, "", [], {}) or isinstance(value, dict):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{', '.join(value) if isinstance(value, list) else value}`"
