"""Jobs of the API as it shows them."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from jobrunner.coming import words_of
from jobrunner.db.api_schedules import StoredJob
from jobrunner.db.projects import API_OWNER
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.json_definition import written_definition
from jobrunner.web.api.job_records import ScheduleRecord, schedule_record
from jobrunner.web.api.record import Moment, Record


class WarningRecord(Record):
    """What is taken, and perhaps not meant."""

    code: str
    message: str
    help: str


class ApiJobRecord(Record):
    """A job and its schedules."""

    address: str = Field(examples=["crm/reminder"])
    definition: Any = Field(
        description="Without what is built in; sensitive arguments are masked. null: this version "
        "cannot read it."
    )
    digest: str = Field(description="Of the definition; in quotes it is the `ETag`.")
    enabled: bool
    is_read_only: bool = Field(description="A file defines it: edit that one.")
    project: str | None = Field(description="Whose file; null: it is the API's.")
    file: str | None
    line: int | None
    revision: int | None = Field(description="Which brought the definition.")
    changed_at: Moment | None
    changed_by: str | None
    schedules: tuple[ScheduleRecord, ...]
    warnings: tuple[WarningRecord, ...] = Field(default=(), description="Of a change alone.")


class ApiJobPage(Record):
    """A page of jobs, by namespace and name."""

    items: tuple[ApiJobRecord, ...]
    next_cursor: str | None = Field(description="For the next page; null: this is the last one.")


def api_job_record(job: StoredJob, warnings: Sequence[Diagnostic] = ()) -> ApiJobRecord:
    """A job as a body."""
    is_of_files = job.project != API_OWNER
    same = ("address", "digest", "enabled", "revision", "changed_at", "changed_by")
    return ApiJobRecord(
        **{name: getattr(job, name) for name in same},
        definition=written_definition(job.definition),
        is_read_only=is_of_files,
        project=job.project if is_of_files else None,
        file=job.file if is_of_files else None,
        line=job.line if is_of_files else None,
        schedules=tuple(schedule_record(one, words_of(job.address, one)) for one in job.schedules),
        warnings=tuple(WarningRecord.model_validate(one) for one in warnings),
    )
