"""Runs as the API shows them."""

import uuid
from typing import Any, Literal

from pydantic import Field

from jobrunner.db.runs import Run, RunDetail
from jobrunner.run import RunState
from jobrunner.spec.secrets import shown
from jobrunner.web.api.record import Moment, Record

TriggerKind = Literal["schedule", "catch_up", "manual", "backfill"]


class RunRecord(Record):
    """A run."""

    id: uuid.UUID
    job: str = Field(description="`namespace/job`.", examples=["reports/daily"])
    schedule: str | None = Field(description="Which started it; null: none did.")
    trigger: TriggerKind
    scheduled_for: Moment = Field(description="The time owed.")
    state: RunState
    held: bool = Field(description="It waits for another run.")
    attempt: int = Field(description="How many attempts have started.")
    queue: str
    priority: int | None
    available_at: Moment = Field(description="It does not start before.")
    sent_at: Moment | None
    started_at: Moment | None = Field(description="Of the newest attempt.")
    finished_at: Moment | None
    duration_seconds: float | None = Field(description="Of the newest attempt, once it has ended.")
    worker: str | None
    error: str | None
    missed_count: int | None = Field(description="`missed`: so many times this run stands for.")
    cancel_requested_at: Moment | None
    created_by: str | None = Field(description="Who has triggered it.")
    request_key: str | None
    created_at: Moment


class RunPage(Record):
    """A page of runs, the newest first."""

    items: tuple[RunRecord, ...]
    next_cursor: str | None = Field(description="For the next page; null: this is the last one.")


class AttemptRecord(Record):
    """One try of a run."""

    number: int
    state: str
    worker: str
    pid: int
    started_at: Moment
    finished_at: Moment | None
    error_type: str | None
    error: str | None
    traceback: str | None
    memory_peak_bytes: int | None


class OnEndRecord(Record):
    """How its clean-up went."""

    error: str | None
    tries: int
    is_due: bool = Field(description="It is still to be called, or to be tried again.")


class RunDetailRecord(RunRecord):
    """All there is to say of one run."""

    kwargs: Any = Field(description="Given at the trigger; sensitive ones are masked.")
    on_end: OnEndRecord
    result: Any
    progress: Any = Field(description="What the newest attempt says of itself.")
    revision: int | None = Field(description="Which brought what it ran.")
    git_commit: str | None
    file: str | None
    line: int | None
    definition: Any = Field(description="What it ran, as of its dispatch.")
    attempts: tuple[AttemptRecord, ...]


def run_record(run: Run) -> RunRecord:
    """The run as a body."""
    return RunRecord(**_fields(run))


def run_detail_record(detail: RunDetail) -> RunDetailRecord:
    """The run with all there is to say of it."""
    return RunDetailRecord(
        **_fields(detail.run),
        kwargs=shown(detail.kwargs),
        on_end=OnEndRecord(
            error=detail.on_end_error, tries=detail.on_end_tries, is_due=detail.on_end_is_due
        ),
        result=detail.result,
        progress=detail.progress,
        revision=detail.revision,
        git_commit=detail.git_commit,
        file=detail.file,
        line=detail.line,
        definition=shown(detail.definition),
        attempts=tuple(AttemptRecord.model_validate(one) for one in detail.attempts),
    )


def _fields(run: Run) -> dict[str, Any]:
    duration = run.duration
    given = {name: getattr(run, name) for name in _SAME}
    return {
        **given,
        "job": run.address,
        "duration_seconds": None if duration is None else duration.total_seconds(),
    }


_SAME = [name for name in RunRecord.model_fields if name not in {"job", "duration_seconds"}]
