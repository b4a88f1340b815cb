"""Where two definitions differ, field by field."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from jobrunner.plan.digest import canonical_json
from jobrunner.spec.models import DefinedJob, JobSpec, ScheduleSpec, dump_job
from jobrunner.spec.secrets import reference_of, sealed_parts

_DEFAULT_SCHEDULE = ScheduleSpec().model_dump(mode="json", by_alias=True)

Kind = Literal["added", "removed", "changed"]


class Difference(NamedTuple):
    """One field that differs. Values are JSON; what is not there is None."""

    path: tuple[str, ...]
    """`("schedules", "default", "cron")`."""
    kind: Kind
    old: Any
    new: Any


def differences(old: JobSpec, new: JobSpec) -> tuple[Difference, ...]:
    """Every field whose meaning differs, each once, in the order of the format.

    Mappings are compared key by key, schedules by name, lists as a whole. A schedule that is new or
    gone is one field, whose value holds what it says beside the defaults.
    """
    return tuple(_compare((), _tree(dump_job(old)), _tree(dump_job(new))))


def given_fields(spec: JobSpec, told: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What a new definition says beside the defaults; `told` is what `dump_job` makes of it."""
    named = spec.model_fields_set  # nothing else can be anything but a default
    given = {key: value for key, value in _tree(told).items() if key in named}
    bare = {key: value for key, value in _BARE.items() if key in given}
    return tuple(_compare((), bare, given))


@lru_cache(maxsize=4096)  # the jobs of a project give the same few fields
def field_label(path: tuple[str, ...]) -> str:
    """`schedule.cron`, `schedules.night.every`, `kwargs."a.b"`: as a person would point at it."""
    match path:
        case ("schedules", "default", *rest):
            parts = ["schedule", *rest]
        case ("schedules", name, *rest):
            parts = ["schedules", name, *rest]
        case _:
            parts = [part if _is_plain(part) else canonical_json(part) for part in path]
    return ".".join(parts)


def field_place(path: tuple[str, ...], job: DefinedJob) -> tuple[int | None, str | None]:
    """The line that gives the field, or the nearest mapping around it, and its file where it is not the
    job's own; None when nothing gives it.
    """
    written = job.written(_and_around(path))
    if written is None:
        return None, None
    return job.field_lines[written], job.field_files.get(written)


@lru_cache(maxsize=4096)
def _and_around(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(".".join(path[:length]) for length in range(len(path), 0, -1))


def _is_plain(part: str) -> bool:
    return part.replace("-", "_").isidentifier()


def _tree(told: Mapping[str, Any]) -> dict[str, Any]:
    tree = dict(told)
    del tree["namespace"], tree["name"]
    schedules = {schedule["name"]: dict(schedule) for schedule in told["schedules"]}
    for schedule in schedules.values():
        del schedule["name"]
    tree["schedules"] = schedules
    return tree


_BARE = _tree(dump_job(JobSpec(namespace="default", name="bare", task="a.b"))) | {"task": None}
"""Of a job that says nothing."""


def _compare(
    path: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[Difference]:
    found: list[Difference] = []
    for key, after in new.items():  # in the order of the file
        if key not in old:
            here = (*path, key)
            found.append(Difference(here, "added", None, _shown(here, after)))
            continue
        before = old[key]
        if after is before or (after.__class__ is str is before.__class__ and after == before):
            continue  # most fields of most jobs: no value at all, or the same text
        if _is_mapping(before) and _is_mapping(after):
            found += _compare((*path, key), before, after)
        elif not _is_same(before, after):
            found.append(Difference((*path, key), "changed", before, after))
    for key, before in old.items():
        if key not in new:
            here = (*path, key)
            found.append(Difference(here, "removed", _shown(here, before), None))
    return found


def _is_mapping(value: Any) -> bool:
    """What is compared key by key; a reference to a secret is one value, and what is sealed is."""
    return isinstance(value, dict) and not (reference_of(value) or sealed_parts(value))


def _is_same(old: Any, new: Any) -> bool:
    """`1` and `true` differ, and so do `1` and `1.0`; some numbers have two texts."""
    if type(old) is type(new) and type(old) not in _OF_MANY_TEXTS:
        return bool(old == new)
    if old and new:
        return canonical_json(old) == canonical_json(new)
    return type(old) is type(new) and bool(old == new)


_OF_MANY_TEXTS = (dict, list)


def _shown(path: tuple[str, ...], value: Any) -> Any:
    """Of a whole schedule only what differs from the defaults."""
    if len(path) == 2 and path[0] == "schedules":
        return {key: item for key, item in value.items() if item != _DEFAULT_SCHEDULE[key]}
    return value
