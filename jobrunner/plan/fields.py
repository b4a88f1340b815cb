"""Where two definitions differ, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from jobrunner.plan.digest import canonical_json
from jobrunner.spec.models import JobSpec, ScheduleSpec, dump_job
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
    return tuple(_compare((), _tree(old), _tree(new)))


def given_fields(spec: JobSpec) -> tuple[Difference, ...]:
    """What a new definition says beside the defaults."""
    return tuple(_compare((), _BARE, _tree(spec)))


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


def field_line(path: tuple[str, ...], field_lines: Mapping[str, int]) -> int | None:
    """The line that gives the field, or the nearest mapping around it; None when no line does."""
    for length in range(len(path), 0, -1):
        found = field_lines.get(".".join(path[:length]))
        if found is not None:
            return found
    return None


def _is_plain(part: str) -> bool:
    return part.replace("-", "_").isidentifier()


def _tree(spec: JobSpec) -> dict[str, Any]:
    tree = dump_job(spec)
    del tree["namespace"], tree["name"]
    tree["schedules"] = {schedule.pop("name"): schedule for schedule in tree["schedules"]}
    return tree


_BARE = _tree(JobSpec(namespace="default", name="bare", task="a.b")) | {"task": None}
"""Of a job that says nothing."""


def _compare(
    path: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in (*new, *(key for key in old if key not in new)):  # in the order of the file
        here = (*path, key)
        if key not in new:
            yield Difference(here, "removed", _shown(here, old[key]), None)
        elif key not in old:
            yield Difference(here, "added", None, _shown(here, new[key]))
        elif _is_mapping(old[key]) and _is_mapping(new[key]):
            yield from _compare(here, old[key], new[key])
        elif not _is_same(old[key], new[key]):
            yield Difference(here, "changed", old[key], new[key])


def _is_mapping(value: Any) -> bool:
    """What is compared key by key; a reference to a secret is one value, and what is sealed is."""
    if not isinstance(value, dict):
        return False
    return reference_of(value) is None and sealed_parts(value) is None


def _is_same(old: Any, new: Any) -> bool:
    if type(old) is type(new) and (isinstance(old, str | int | float | None) or not (old or new)):
        return bool(old == new)
    return canonical_json(old) == canonical_json(new)


def _shown(path: tuple[str, ...], value: Any) -> Any:
    """Of a whole schedule only what differs from the defaults."""
    if len(path) == 2 and path[0] == "schedules":
        return {key: item for key, item in value.items() if item != _DEFAULT_SCHEDULE[key]}
    return value
