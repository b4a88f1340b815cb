"""What stands in the files, for completion: it has to be there before a finger is off the key.

The reader of the files proper loads the models, which alone takes longer than the whole of this. Here
only names are looked for; whatever cannot be read has none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import yaml

_Loader: type[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_PROJECT_FILE = "jobrunner.yaml"
_INCLUDE = ("jobs.d/**/*.yaml", "jobs.d/**/*.yml")
_MOST_COMBINATIONS = 1_000


@dataclass(slots=True)
class KnownNames:
    """By what they are names of."""

    addresses: set[str] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    environments: set[str] = field(default_factory=set)


def read_known_names(config: Path | None, working_directory: Path) -> KnownNames:
    """Of the project there. `config` is its file; None: it is looked for upwards. Raises nothing."""
    known = KnownNames()
    file = config or _find_upwards(working_directory)
    documents = [] if file is None else list(_documents(file))
    project = documents[0] if documents else {}
    known.queues |= set(_mapping(project, "queues"))
    known.environments |= set(_mapping(project, "environments"))
    _add(known, project)
    include = project.get("include")
    patterns = include if isinstance(include, list) else _INCLUDE
    root = working_directory if file is None else file.parent
    for job_file in {found for pattern in patterns for found in _matching(root, pattern)}:
        for document in _documents(job_file):
            _add(known, document)
    return known


def _find_upwards(folder: Path) -> Path | None:
    candidates = (one / _PROJECT_FILE for one in (folder, *folder.parents))
    return next((one for one in candidates if one.is_file()), None)


def _matching(root: Path, pattern: object) -> Iterator[Path]:
    try:
        yield from root.glob(str(pattern))
    except (ValueError, NotImplementedError, OSError):  # no pattern at all, or one that is absolute
        return


def _documents(file: Path) -> Iterator[dict[str, Any]]:
    """Those before a mistake, as texts, mappings and lists: nothing is made of what is not needed."""
    try:
        for document in yaml.load_all(file.read_bytes(), Loader=_Loader):
            if isinstance(document, dict):
                yield document
    except (yaml.YAMLError, OSError, ValueError, RecursionError):
        return


def _add(known: KnownNames, document: Mapping[str, Any]) -> None:
    namespace = str(document.get("namespace") or "default")
    jobs = _mapping(document, "jobs")
    if jobs:
        known.namespaces.add(namespace)
    for name, job in jobs.items():
        known.addresses |= {f"{namespace}/{one}" for one in _job_names(name, _mapping(jobs, name))}
        _add_labels(known, job)
    _add_labels(known, document.get("defaults"))


def _add_labels(known: KnownNames, job: object) -> None:
    if not isinstance(job, dict):
        return
    for names, value in ((known.queues, job.get("queue")), (known.owners, job.get("owner"))):
        if isinstance(value, str) and value:
            names.add(value)
    tags = job.get("tags")
    if isinstance(tags, list):
        known.tags |= {tag for tag in tags if isinstance(tag, str)}


def _job_names(name: str, job: Mapping[str, Any]) -> Iterator[str]:
    """One, or that of each combination of a matrix."""
    axes = [values for axis, values in sorted(_mapping(job, "matrix").items()) if axis != "exclude"]
    if not axes:
        yield name
        return
    lists = [values for values in axes if isinstance(values, list)]
    for number, values in enumerate(product(*lists)):
        if number == _MOST_COMBINATIONS:
            return
        yield "-".join([name, *(str(value).lower() for value in values)])


def _mapping(within: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = within.get(key)
    return found if isinstance(found, dict) else {}
