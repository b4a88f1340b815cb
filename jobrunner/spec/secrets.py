"""Arguments that nobody is to read: references to secrets, and values that are sealed.

A reference is `{secret: "env:NAME"}` in the files, and stays one everywhere until the call. A sealed
value is what is stored in place of an argument that the job names as `sensitive`; `sealing` makes
and opens it, and here is only its shape.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from jobrunner.spec.guesses import did_you_mean
from jobrunner.spec.keys import shortened
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Mapping, Node, Scalar, kind, walk

PROVIDERS = ("env", "file")
"""Where a secret may lie: a variable of the worker's environment, or a file on its machine."""
SENSITIVE = "(sensitive)"
"""What is shown of a sealed value."""

_KEY = "secret"
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
"""Surely the name of one, and not a secret itself."""
_NEVER_IN = {"env": re.compile(r"[\s=\x00]"), "file": re.compile(r"\x00")}
_NEVER_IN_WORDS = {
    "env": "it has no blank, no line break and no '='",
    "file": "it has no NUL character",
}
_SEALED = "sealed"
_SEALED_KEYS = frozenset({"key", "digest", "token"})


def reference_of(value: Any) -> tuple[str, str] | None:
    """(provider, name) of `{"secret": "env:NAME"}`; None for any other value."""
    if not (isinstance(value, dict) and value.keys() == {_KEY} and isinstance(value[_KEY], str)):
        return None
    provider, _, name = value[_KEY].partition(":")
    return (provider, name) if provider in PROVIDERS and name else None


def has_reference(value: Any) -> bool:
    """Whether a reference stands anywhere in a JSON value."""
    if reference_of(value) is not None:
        return True
    items = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict | list | tuple) and any(map(has_reference, items))


def may_have_reference(value: Any) -> bool:
    """The same, also for one that has a slip in it: it is told of by itself."""
    if isinstance(value, dict) and _KEY in value:
        return True
    items = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict | list | tuple) and any(map(may_have_reference, items))


def sealed_value(*, key: str, digest: str, token: str) -> dict[str, Any]:
    """What is stored in place of a sensitive argument.

    `key` names the key that sealed it, `digest` is the same for the same value under that key, and
    only `token` holds the value.
    """
    return {_SEALED: {"key": key, "digest": digest, "token": token}}


def sealed_parts(value: Any) -> dict[str, str] | None:
    """`key`, `digest` and `token` of a sealed value; None for any other value."""
    if not (isinstance(value, dict) and value.keys() == {_SEALED}):
        return None
    parts = value[_SEALED]
    return parts if isinstance(parts, dict) and parts.keys() == _SEALED_KEYS else None


def without_tokens(value: Any) -> Any:
    """A JSON value in which equal values that were sealed twice are equal."""
    match value:
        case dict():
            parts = sealed_parts(value)
            if parts is not None:
                return {_SEALED: {"key": parts["key"], "digest": parts["digest"]}}
            return {name: without_tokens(item) for name, item in value.items()}
        case list() | tuple():
            return [without_tokens(item) for item in value]
        case _:
            return value


def shown(value: Any) -> Any:
    """A JSON value as anybody may see it: what is sealed is `(sensitive)`."""
    match value:
        case dict():
            if sealed_parts(value) is not None:
                return SENSITIVE
            return {name: shown(item) for name, item in value.items()}
        case list() | tuple():
            return [shown(item) for item in value]
        case _:
            return value


def hidden(path: Sequence[str], value: Any, names: Collection[str]) -> Any:
    """What is shown of a field of a job, in which the arguments of these names are sensitive, sealed
    or not: those of yesterday's definition were stored as they are.
    """
    if value is None or not (names or isinstance(value, (dict, list, tuple))):
        return value
    match path:
        case ["kwargs", name, *_] | ["schedules", _, "kwargs", name, *_]:
            return SENSITIVE if name in names else shown(value)
        case ["kwargs"] | ["schedules", _, "kwargs"] if isinstance(value, dict):
            return {name: hidden(("kwargs", name), item, names) for name, item in value.items()}
        case ["schedules", schedule] if isinstance(value, dict):
            below = ("schedules", schedule)
            return {name: hidden((*below, name), item, names) for name, item in value.items()}
        case _:
            return shown(value)


def in_words(value: Any) -> str | None:
    """`(sensitive)` or `(secret env:NAME)`, for a person; None for a value that is neither."""
    if value == SENSITIVE or sealed_parts(value) is not None:
        return SENSITIVE
    reference = reference_of(value)
    return None if reference is None else f"(secret {':'.join(reference)})"


def check_references(holder: Mapping, report: Report) -> bool:
    """Whether each `{secret: …}` within `args` and `kwargs` of a job or a schedule is a reference."""
    sound = [check_reference(node, report) for node in _mappings_with_secret(holder)]
    return all(sound)


def check_reference(reference: Mapping, report: Report) -> bool:
    """Whether a mapping is `{secret: …}` and nothing else."""
    others = [entry.key for name, entry in reference.entries.items() if name != _KEY]
    if others and _KEY in reference.entries:
        report.at(
            others[0], "E219", f"'{shortened(str(others[0].value))}' stands beside 'secret'",
            help="a reference has that key alone; data needs another name than 'secret'",
            shows_line=False,
        )  # fmt: skip
        return False
    if _KEY not in reference.entries:
        report.at(reference, "E219", "'secret' is missing", help='write {secret: "env:NAME"}')
        return False
    node = reference.entries[_KEY].value
    problem = _problem(node)
    if problem:
        # Where a reference should stand, the secret itself may.
        report.at(node, "E219", problem[0], help=problem[1], shows_line=False)
    return not problem


def refuse_references(holder: Mapping, message: str, advice: str, report: Report) -> bool:
    """Whether there are none, where a secret would have to be stored or sent."""
    found = list(_mappings_with_secret(holder))
    for node in found:
        report.at(node.entries[_KEY].key, "E212", message, help=advice)
    return not found


def _mappings_with_secret(holder: Mapping) -> Iterator[Mapping]:
    kwargs, args = holder.get("kwargs"), holder.get("args")
    # Of `kwargs` itself the keys are names of arguments, and `secret` is a good one.
    values = (
        [entry.value for entry in kwargs.entries.values()] if isinstance(kwargs, Mapping) else []
    )
    for value in [*values, *([] if args is None else [args])]:
        if isinstance(value, Scalar):
            continue
        for node in walk(value):
            if isinstance(node, Mapping) and _KEY in node.entries:
                yield node


def _problem(node: Node) -> tuple[str, str] | None:
    """(what is wrong, what to write) of the text of a reference."""
    example = 'write for example {secret: "env:REPORTS_API_KEY"}'
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        return f"'secret' takes text, not {kind(node)}", example
    provider, colon, name = node.value.partition(":")
    if not colon:
        meant = (
            f'write {{secret: "env:{node.value}"}}' if _VARIABLE.fullmatch(node.value) else example
        )
        return "'secret' names no provider", f"{meant}, or file:/run/secrets/name"
    if provider not in PROVIDERS:
        guess = did_you_mean(provider, PROVIDERS)
        listed = f"providers are: {', '.join(PROVIDERS)}"
        if not guess:
            return "there is no such provider of secrets", listed
        message = f"no provider of secrets is named '{shortened(provider)}'"
        return message, f"did you mean '{guess}'? {listed}"
    if not name:
        return f"'{shortened(node.value)}' names no secret", example
    if _NEVER_IN[provider].search(name):
        # Told without the text: a secret may have been written in its place.
        what = "environment variable" if provider == "env" else "file"
        return f"no {what} has such a name", f"{_NEVER_IN_WORDS[provider]}; {example}"
    if provider == "file" and (not name.startswith("/") or ".." in name.split("/")):
        message = f"'{shortened(name)}' is no absolute path without '..'"
        return message, "write for example file:/run/secrets/name"
    return None
