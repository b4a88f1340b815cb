"""From what was read to what is shown: names, comparisons, the text of the file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from jobrunner.importing.compare import compare
from jobrunner.importing.entries import Import, Job, Left, Names, Remark
from jobrunner.importing.write import Written, written_text
from jobrunner.schedule import ScheduleError
from jobrunner.spec.parse import parse_project
from jobrunner.spec.yaml import SourceFile

_PROJECT = SourceFile("jobrunner.yaml", b"version: 1\nallow: {commands: true}\n")
_FILE = "import.yaml"
_AS_THEY_ARE: Mapping[str, Any] = {"args": [], "kwargs": {}, "command": None}
"""Keys whose values are the user's own, and what they are where they are not given."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the command writes and reports."""

    text: str
    """The job file."""
    jobs: tuple[Written, ...]
    left: tuple[Left, ...]


def make_result(imported: Import, now: datetime) -> Result:
    """Every entry as a job with its comparison, or with the reason why it is none."""
    names = Names()
    entries = [
        _written(entry, names, imported, now) if isinstance(entry, Job) else entry
        for entry in imported.entries
    ]
    return Result(
        text=written_text(imported, entries, now=now),
        jobs=tuple(entry for entry in entries if isinstance(entry, Written)),
        left=tuple(entry for entry in entries if isinstance(entry, Left)),
    )


def _written(job: Job, names: Names, imported: Import, now: datetime) -> Written | Left | Remark:
    name = names.give(job.wanted_name)
    try:
        found = compare(job, f"{imported.namespace}/{name}", imported.scheduler, now)
    except ScheduleError as error:
        return Left(job.where, job.original, error.message)
    except ValidationError as error:
        return Left(job.where, job.original, error.errors()[0]["msg"])
    written = Written(job, name, found)
    mistake = _mistake(written, written_text(imported, [written], now=now))
    return Left(job.where, job.original, mistake) if mistake else written


def _mistake(written: Written, text: str) -> str:
    """Why the job would not be read as it is meant: a number too large, a key that means something."""
    parsed = parse_project(_PROJECT, [SourceFile(_FILE, text.encode("utf-8", "surrogatepass"))])
    errors = [one for one in parsed.diagnostics if one.severity == "error"]
    if errors:
        return f"it cannot be said in YAML: {errors[0].message}"
    (job,) = parsed.jobs
    read = job.spec.model_dump(mode="json", include={*_AS_THEY_ARE})
    meant = {name: written.job.keys.get(name, _AS_THEY_ARE[name]) for name in _AS_THEY_ARE}
    is_same = json.dumps(read, sort_keys=True) == json.dumps(meant, sort_keys=True)
    return "" if is_same else "it cannot be said in YAML: its arguments would be read otherwise"
