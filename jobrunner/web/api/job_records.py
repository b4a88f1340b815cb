"""Jobs as the API shows them."""

from typing import Any

from pydantic import Field

from jobrunner.db.job_pages import JobOnPage
from jobrunner.db.overview import ListedJob, ListedSchedule
from jobrunner.db.runs import Run
from jobrunner.plan.pause import PauseInForce, Scope
from jobrunner.run import RunState
from jobrunner.spec.secrets import shown
from jobrunner.web.api.record import Moment, Record


class LastRunRecord(Record):
    """The newest run of a job that the caller sees."""

    state: RunState
    held: bool
    scheduled_for: Moment
    started_at: Moment | None
    finished_at: Moment | None
    error: str | None


class JobRecord(Record):
    """A job in force, with what a person needs next."""

    address: str = Field(description="`namespace/job`.", examples=["reports/daily"])
    project: str
    description: str
    enabled: bool
    paused: bool
    queue: str
    tags: tuple[str, ...]
    owner: str
    file: str = Field(
        description="Where it stands; `api`: a program has made it.",
        examples=["jobs.d/reports.yaml"],
    )
    line: int
    revision: int | None = Field(description="Which brought its definition.")
    git_commit: str | None
    schedules: int = Field(description="How many it has.")
    next_run_at: Moment | None = Field(description="The first of all its schedules.")
    schedule_error: str | None = Field(description="Why a schedule of it has no next time.")
    last_run: LastRunRecord | None


class JobPage(Record):
    """A page of jobs, by namespace and name."""

    items: tuple[JobRecord, ...]
    next_cursor: str | None = Field(description="For the next page; null: this is the last one.")


class PauseBody(Record):
    """Why, and until when."""

    reason: str = Field(default="", max_length=1_000, pattern=r"^[^\x00]*$")
    until: Moment | None = Field(default=None, description="null: until somebody resumes.")


class PauseRecord(Record):
    """A pause that holds now."""

    scope: Scope
    target: str = Field(description="The address, tag, queue or namespace.")
    reason: str
    paused_by: str
    started_at: Moment
    until: Moment | None = Field(description="null: until somebody resumes.")


class ScheduleRecord(Record):
    """A schedule in force."""

    name: str
    in_words: str | None = Field(description="null for one that this version cannot read.")
    spec: Any
    next_scheduled_for: Moment | None
    next_run_at: Moment | None = Field(description="The same plus its jitter.")
    last_run_at: Moment | None
    total_run_count: int
    error: str | None


class JobDetailRecord(Record):
    """All there is to say of one job."""

    address: str
    project: str
    enabled: bool
    paused: bool
    pauses: tuple[PauseRecord, ...]
    queue: str
    tags: tuple[str, ...]
    owner: str
    file: str
    line: int
    revision: int | None
    git_commit: str | None
    next_run_at: Moment | None
    schedule_error: str | None
    last_run: LastRunRecord | None
    definition: Any = Field(description="As applied; sensitive arguments are masked.")
    schedules: tuple[ScheduleRecord, ...]


def job_record(job: JobOnPage) -> JobRecord:
    """A job of a page as a body."""
    return JobRecord.model_validate(job)


def job_detail_record(
    job: ListedJob,
    schedules: list[tuple[ListedSchedule, str | None]],
    pauses: tuple[PauseInForce, ...],
    last_run: Run | None,
) -> JobDetailRecord:
    """One job as a body; each schedule comes with its words, if it can be read."""
    last = None if last_run is None else LastRunRecord.model_validate(last_run)
    same = {name: getattr(job, name) for name in _SAME}
    return JobDetailRecord(
        **same,
        paused=bool(pauses),
        pauses=tuple(PauseRecord.model_validate(one) for one in pauses),
        last_run=last,
        definition=shown(job.definition),
        schedules=tuple(schedule_record(one, words) for one, words in schedules),
    )


def schedule_record(schedule: ListedSchedule, words: str | None) -> ScheduleRecord:
    """A schedule as a body, with its words if it can be read."""
    return ScheduleRecord(
        name=schedule.name,
        in_words=words,
        spec=shown(schedule.spec),
        next_scheduled_for=schedule.next_scheduled_for,
        next_run_at=schedule.next_run_at,
        last_run_at=schedule.last_run_at,
        total_run_count=schedule.total_run_count,
        error=schedule.error,
    )


_SAME = (
    "address", "project", "enabled", "queue", "tags", "owner", "file", "line", "revision",
    "git_commit", "next_run_at", "schedule_error",
)  # fmt: skip
