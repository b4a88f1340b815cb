"""Short names for what a definition or a plan says; equal exactly when they say the same."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from jobrunner.spec.models import JobSpec, dump_job
from jobrunner.spec.secrets import without_tokens

_SPEC_DIGITS = 16
_PLAN_DIGITS = 12
_EXPONENT_FROM = 1e16


def spec_digest(spec: JobSpec) -> str:
    """Of a definition: the same for the same meaning, however YAML or the database writes it."""
    return written(dump_job(spec)).digest


class Written(NamedTuple):
    """A definition as it is stored."""

    text: str
    """Its canonical JSON."""
    digest: str


def written(told: Mapping[str, Any]) -> Written:
    """The text and the digest of what `dump_job` has told."""
    text = canonical_json(told)
    seen = canonical_json(without_tokens(told)) if told.get("sensitive") else text
    return Written(text, _hash(seen, _SPEC_DIGITS))


def plan_digest(
    project: str, environment: str, changes: Iterable[tuple[str, str, str, str]]
) -> str:
    """Of a plan, from (action, address, digest before, digest after) of each change.

    The revision is no part of it: a plan goes stale when something it touches has changed, and not
    when something else has.
    """
    return _hash(canonical_json([project, environment, sorted(changes)]), _PLAN_DIGITS)


def notified_digest(digest: str, notifiers: Iterable[tuple[str, str, str]]) -> str:
    """Of a plan that has `digest` for its jobs and changes these notifiers, as (name, address before,
    address after); without any it stays as it is.
    """
    named = sorted(notifiers)
    return _hash(canonical_json([digest, named]), _PLAN_DIGITS) if named else digest


def canonical_json(value: Any) -> str:
    """One text for one JSON value: `true`, `1` and `1.0` differ, the order of keys does not matter."""
    text = _dumped(value)
    return _dumped(_canonical(value)) if any(sign in text for sign in _UNLIKE_JSONB) else text


_UNLIKE_JSONB = ("-0.0", "e+")
"""What Python writes of a number that jsonb writes otherwise."""


_dumped = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def _canonical(value: Any) -> Any:
    match value:
        case dict():
            return {key: _canonical(item) for key, item in value.items()}
        case list() | tuple():
            return [_canonical(item) for item in value]
        case float() if value == 0:
            return 0.0  # jsonb has no negative zero
        case float() if value.is_integer() and abs(value) >= _EXPONENT_FROM:
            # Python writes 1e22, jsonb keeps all digits, and what is read is an integer.
            return int(Decimal(repr(value)))
        case _:
            return value


def _hash(text: str, digits: int) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
