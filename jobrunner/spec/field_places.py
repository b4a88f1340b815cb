"""Where the fields of a job are given: of it, or of what it inherits."""

from functools import lru_cache
from typing import TypedDict

from jobrunner.spec.models import JobSpec
from jobrunner.spec.schedules import NamedSchedules
from jobrunner.spec.tree import Mapping, Node, Scalar, Source

FIELDS = frozenset(JobSpec.model_fields) - {"namespace", "name", "schedules", "celery"}
"""The keys of a job that are fields of the same name; its schedules have two keys."""


class Places(TypedDict):
    """As `DefinedJob` keeps them."""

    field_lines: dict[str, int]
    field_files: dict[str, str]


def field_places(job: Mapping, named: NamedSchedules, source: Source) -> Places:
    """`retry.delay` → its line, and its file unless that is the job's own."""
    places = Places(field_lines={}, field_files={})
    zone = job.entries.get("timezone")
    if zone is not None:
        for name in named:
            _add_place(places, f"schedules.{name}.timezone", zone.key, source)
    for key, entry in job.entries.items():
        if key in FIELDS:
            _add_places(places, key, entry.key, entry.value, source)
    for name, schedule in named.items():
        _add_places(places, _path_below("schedules", name), schedule.key, schedule.value, source)
    return places


def _add_places(places: Places, path: str, key: Scalar, value: Node, source: Source) -> None:
    _add_place(places, path, key, source)
    if isinstance(value, Mapping):
        for name, (below, item) in value.entries.items():
            _add_places(places, _path_below(path, name), below, item, source)


def _add_place(places: Places, path: str, key: Scalar, source: Source) -> None:
    places["field_lines"][path] = key.line
    if key.source is not source:
        places["field_files"][path] = key.source.path


@lru_cache(maxsize=4096)
def _path_below(path: str, name: str) -> str:
    """Many jobs have the same: one text for all of them."""
    return f"{path}.{name}"
