"""A form for the arguments of a run, made from those of its job, and what was written into it.

Only what differs from the job's own is given to the run, so that it follows the job in all else.
"""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jobrunner.errors import UsageError
from jobrunner.spec.secrets import has_reference, in_words, sealed_parts
from jobrunner.web.forms import Form

FURTHER = "further"
"""The field for arguments that the job does not give, as a JSON object."""
_PREFIX = "argument."
_SHORT_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class ArgumentField:
    """One argument of the job."""

    name: str
    kind: Literal["text", "long_text", "whole", "number", "yes_no", "json", "hidden"]
    """`hidden`: its value is shown to nobody; left empty, it stays what it is."""
    value: str
    """As the field shows it; `hidden`: what is said instead."""

    @property
    def field(self) -> str:
        """Its name in the form."""
        return f"{_PREFIX}{self.name}"


def argument_fields(
    kwargs: Mapping[str, Any], sensitive: Collection[str]
) -> tuple[ArgumentField, ...]:
    """A field for each of the job's arguments, in their order."""
    return tuple(_field(name, value, sensitive) for name, value in kwargs.items())


def read_arguments(
    kwargs: Mapping[str, Any], sensitive: Collection[str], form: Form
) -> dict[str, Any]:
    """What the run is given over the job's own. Raises UsageError that names the argument."""
    given = {}
    for field in argument_fields(kwargs, sensitive):
        if not any(name == field.field for name, _ in form.fields):
            continue
        value = _read(field, form.text(field.field))
        if value is not _AS_IT_IS and _differs(value, kwargs[field.name]):
            given[field.name] = value
    return {**given, **_further(form.text(FURTHER))}


_AS_IT_IS = object()


def _field(name: str, value: Any, sensitive: Collection[str]) -> ArgumentField:
    if name in sensitive or sealed_parts(value) is not None or has_reference(value):
        return ArgumentField(name, "hidden", in_words(value) or "(sensitive)")
    match value:
        case bool():
            return ArgumentField(name, "yes_no", "true" if value else "false")
        case int():
            return ArgumentField(name, "whole", str(value))
        case float():
            return ArgumentField(name, "number", json.dumps(value))
        case str():
            is_long = len(value) > _SHORT_CHARACTERS or "\n" in value
            return ArgumentField(name, "long_text" if is_long else "text", value)
        case _:
            return ArgumentField(name, "json", _as_json(value))


def _as_json(value: Any) -> str:
    """On one line while it is short."""
    line = json.dumps(value, ensure_ascii=False)
    is_short = len(line) <= _SHORT_CHARACTERS
    return line if is_short else json.dumps(value, ensure_ascii=False, indent=1)


def _read(field: ArgumentField, written: str) -> Any:
    match field.kind:
        case "hidden":
            return written or _AS_IT_IS
        case "text":
            return written
        case "long_text":  # a browser sends the ends of lines as CR LF
            return written.replace("\r\n", "\n")
        case "yes_no":
            return written == "true"
        case "whole" | "number":
            return _number(field, written.strip())
        case "json":
            return _json(field.name, written)


def _number(field: ArgumentField, written: str) -> int | float:
    try:
        return int(written) if field.kind == "whole" else _finite(written)
    except ValueError as error:
        kind = "whole number" if field.kind == "whole" else "number"
        raise UsageError(
            f"{field.name} is '{written}', which is no {kind}.",
            hint="Write digits, with a point before decimals.",
        ) from error


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError(written)
    return number


def _json(name: str, written: str) -> Any:
    try:
        return json.loads(written)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{name} is no JSON: {error}.", hint='Write for example ["a", "b"] or {"a": 1}.'
        ) from error


def _differs(value: Any, own: Any) -> bool:
    """`1`, `1.0` and `true` are three things to a callable."""
    return bool(json.dumps(value) != json.dumps(own))


def _further(written: str) -> dict[str, Any]:
    if not written.strip():
        return {}
    value = _json("Further arguments", written)
    if not isinstance(value, dict):
        raise UsageError(
            "Further arguments are a JSON object: names and values.", hint='For example {"a": 1}.'
        )
    return value
