"""One job as JSON, as a program gives it: read by what reads YAML, and its mistakes by JSON pointer.

JSON is YAML, so there is one reader, one set of rules and one set of words for both. Each value is
written on a line of its own first, so that a line says which value it is.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from jobrunner.spec.builder import DEEPEST
from jobrunner.spec.characters import escaped
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.models import DefinedJob, JobSpec, Location, load_job
from jobrunner.spec.parse import parse_project
from jobrunner.spec.rendering import rendered
from jobrunner.spec.secrets import SENSITIVE
from jobrunner.spec.yaml import SourceFile
from jobrunner.wording.places import API_FILE

_NOT_TAKEN = ("extends", "matrix")
"""They need what stands in files, or make several jobs of one."""
_AROUND = 4
"""Levels that are ours."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a value."""

    pointer: str
    """RFC 6901, within the definition: `/schedule/cron`; '' is the whole."""
    code: str
    message: str
    help: str


def read_definition(
    namespace: str, name: str, definition: Mapping[str, Any]
) -> DefinedJob | tuple[Mistake, ...]:
    """The job, or what is wrong with it. `definition` has the keys of a job in a job file."""
    try:
        lines = list(_lines(definition))
    except ValueError as error:
        return (Mistake("", "E108", str(error), "write it otherwise, or as a text"),)
    refused = tuple(_not_taken(key) for key in _NOT_TAKEN if key in definition)
    if refused:
        return refused
    head = json.dumps({"version": 1, "namespace": namespace})[:-1]
    document = "\n".join(
        (f'{head}, "jobs": {{{json.dumps(name)}:', *(text for _, text in lines), "}}")
    )
    parsed = parse_project(None, [SourceFile(API_FILE, document.encode())])
    errors = [one for one in parsed.diagnostics if one.is_error]
    if errors:
        pointers = [pointer for pointer, _ in lines]
        return tuple(_mistake(one, pointers) for one in errors)
    (job,) = parsed.jobs
    return _masked(job.spec) or DefinedJob(job.spec, Location(API_FILE, 1))


def write_definition(spec: JobSpec) -> dict[str, Any]:
    """What `read_definition` reads as the same job, without what is built in; what a job names as
    `sensitive` is hidden.
    """
    (document,) = rendered([DefinedJob(spec, Location(API_FILE, 1))], with_defaults=False)
    definition: dict[str, Any] = document["jobs"][spec.name]
    schedules = definition.get("schedules", {})
    if schedules.keys() == {"default"}:
        del definition["schedules"]
        definition["schedule"] = schedules["default"]
    return definition


def written_definition(stored: Any) -> dict[str, Any] | None:
    """The same for a definition as the database has it; None for one that this version cannot read."""
    try:
        return write_definition(load_job(stored))
    except ValidationError:
        return None


def merge_patch(target: Any, patch: Any, *, room: int = DEEPEST) -> Any:
    """RFC 7396: mappings merge deeply, null removes, all else replaces. Deeper than `room` levels
    everything replaces, and is too deep for `read_definition`.
    """
    if not isinstance(patch, Mapping) or room == 0:
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value, room=room - 1)
    return merged


def _masked(spec: JobSpec) -> tuple[Mistake, ...]:
    """What `write_definition` hides, and was sent back as it was."""
    sent = [("/kwargs", spec.kwargs)]
    sent += [(f"/schedules/{one.name}/kwargs", one.kwargs or {}) for one in spec.schedules]
    return tuple(
        Mistake(
            f"{pointer}/{name}",
            "E203",
            f"'{name}' is sensitive, and this is what is shown in its place",
            "send its value",
        )
        for pointer, kwargs in sent
        for name in spec.sensitive
        if kwargs.get(name) == SENSITIVE
    )


def _not_taken(key: str) -> Mistake:
    return Mistake(f"/{key}", "E201", f"'{key}' is not taken here", "write out what it stands for")


def _lines(
    value: Any,
    pointer: str = "",
    before: str = "",
    after: str = "",
    *,
    room: int = DEEPEST - _AROUND,
) -> Iterator[tuple[str, str]]:
    """Each line of the text with the pointer of what stands there. Raises ValueError for a value that
    cannot be written so.
    """
    if room == 0:
        raise ValueError(f"it is nested deeper than {DEEPEST - _AROUND} levels")
    if not (isinstance(value, Mapping | list) and value):
        yield pointer, f"{before}{_text(value)}{after}"
        return
    is_mapping = isinstance(value, Mapping)
    yield pointer, before + ("{" if is_mapping else "[")
    last = len(value) - 1
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for number, (key, item) in enumerate(items):
        yield from _lines(
            item,
            f"{pointer}/{_escaped(str(key))}",
            f"{_text(key)}: " if is_mapping else "",
            "," if number < last else "",
            room=room - 1,
        )
    yield pointer, ("}" if is_mapping else "]") + after


def _text(value: Any) -> str:
    """As JSON in which YAML reads nothing else. Raises ValueError."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it has half a character, a lone surrogate") from None
    except ValueError:
        raise ValueError("it has a number that is none, or too large") from None
    return escaped(text)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _mistake(found: Diagnostic, pointers: list[str]) -> Mistake:
    # The first line is ours.
    at = found.location.line - 2
    pointer = pointers[at] if 0 <= at < len(pointers) else ""
    return Mistake(pointer, found.code, found.message, found.help)
