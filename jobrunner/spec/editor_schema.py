"""The schema as an editor needs it: what the models say, and what may stand in a file beside that."""

from typing import Any, Literal

from jobrunner.spec.json_schema import Schema, json_schema
from jobrunner.spec.keys import EXTENSION

_INTERPOLATED = r"\$\{"
_OF_OUR_OWN: Schema = {f"^{EXTENSION}": {"description": "A key of your own: nothing reads it."}}
_EXAMPLES: dict[str, list[Any]] = {
    "anchor": ["2026-01-01T00:00Z"],
    "args": [[1, "two"]],
    "at": ["2026-12-31T23:59", ["2026-12-01", "2026-12-02T09:00+01:00"]],
    "catch_up": ["latest", {"policy": "all", "window": "6h", "max": 24}],
    "celery_task": ["acme.tasks.build_report"],
    "command": [["/usr/bin/rsync", "--archive", "in/", "out/"]],
    "cron": ["30 5 * * 1-5", "*/15 * * * *", "H * * * *", "@daily"],
    "delay": ["10s"],
    "end_at": ["2026-12-31T23:59+01:00"],
    "every": ["10s", "15m", "1h30m"],
    "exclude": ["holidays", ["2026-12-25", "2026-12-31/2027-01-01"]],
    "expires": ["30m"],
    "for": [["requests.exceptions.ConnectionError", "TimeoutError"]],
    "include": [["jobs.d/**/*.yaml"]],
    "jitter": ["2m"],
    "kwargs": [{"region": "eu", "api_key": {"secret": "env:API_KEY"}}],
    "max_delay": ["10m"],
    "misfire_grace": ["60s"],
    "retry": [3, {"max_retries": 5, "backoff": "exponential", "delay": "10s"}],
    "rrule": ["FREQ=MONTHLY;BYDAY=-1FR"],
    "schedule": ["30 5 * * 1-5", {"every": "15m"}, {"cron": "@daily", "timezone": "Europe/Berlin"}],
    "soft_timeout": ["20m"],
    "solar": [{"event": "sunrise", "latitude": 52.5, "longitude": 13.4}],
    "start_at": ["2026-01-01T00:00"],
    "tags": [["finance", "daily"]],
    "task": ["acme.tasks.build_report"],
    "timeout": ["25m"],
    "timezone": ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"],
}
"""Key → values that an editor proposes, where its values are not listed anyway."""


def editor_schema(file: Literal["jobs", "project"] = "jobs") -> Schema:
    """draft-07, for a job file or for `jobrunner.yaml`.

    Each mapping takes keys that begin with `x-`, each value `${…}`, and keys have examples.
    """
    made: Schema = _for_editors(json_schema(file))
    return made


def _for_editors(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_for_editors(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _for_editors(value) for key, value in schema.items()}
    match schema:
        case {"properties": dict(properties), "additionalProperties": False}:
            made["patternProperties"] = _OF_OUR_OWN
            made["properties"] = {
                key: _for_editors(value) | _examples(key) for key, value in properties.items()
            }
        case {"type": "string", "pattern": str(pattern)}:
            made["pattern"] = f"{pattern}|{_INTERPOLATED}"
        case {"enum": list()} | {"type": "integer" | "number" | "boolean"}:
            return _or_interpolated(made)
        case {"$ref": _, **beside} if beside:  # draft-07 reads nothing beside it
            made["allOf"] = [{"$ref": made.pop("$ref")}]
    return made


def _examples(key: str) -> Schema:
    return {"examples": _EXAMPLES[key]} if key in _EXAMPLES else {}


def _or_interpolated(schema: Schema) -> Schema:
    said = {key: schema.pop(key) for key in ("description", "default") if key in schema}
    return {"anyOf": [schema, {"type": "string", "pattern": _INTERPOLATED}]} | said
