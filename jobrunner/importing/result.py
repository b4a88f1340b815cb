"""From what was read to what is shown: names, comparisons, the text of the file."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from jobrunner.importing.compare import compare
from jobrunner.importing.entries import Import, Job, Left, Names, Remark
from jobrunner.importing.write import Written, written_text
from jobrunner.schedule import ScheduleError


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
    return Written(job, name, found)
