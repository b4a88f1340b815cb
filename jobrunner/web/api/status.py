"""The health of the whole, and of this process."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from jobrunner.access.caller import Caller
from jobrunner.db.engine import transaction
from jobrunner.db.migrate import REVISIONS, check_revision
from jobrunner.db.overview import HELD_COUNTED, Overview, read_overview
from jobrunner.db.pauses import pauses_in_force
from jobrunner.db.processes import SeenProcess, read_processes
from jobrunner.errors import JobrunnerError
from jobrunner.plan.pause import PauseInForce
from jobrunner.web.api.job_records import PauseRecord
from jobrunner.web.api.record import Moment, Record
from jobrunner.web.context import HasWeb
from jobrunner.web.etags import answer
from jobrunner.web.security import PUBLIC, Reader
from jobrunner.web.visible import sees_pause

router = APIRouter(tags=["status"])


class HealthRecord(Record):
    """Whether requests are answered."""

    status: Literal["ok", "unready"]


@router.get("/health", summary="Is the process alive?", dependencies=[PUBLIC])
def health() -> HealthRecord:
    """That it answers; nothing else is looked at."""
    return HealthRecord(status="ok")


@router.get(
    "/health/ready",
    summary="Can requests be answered?",
    dependencies=[PUBLIC],
    response_model=HealthRecord,
    responses={503: {"model": HealthRecord, "description": "Not now."}},
)
def ready(web: HasWeb) -> Response:
    """That the database answers, at a revision this version works with."""
    try:
        check_revision(web.engine)
    except JobrunnerError:  # where the database is and what is wrong with it is nobody's business
        return JSONResponse({"status": "unready"}, 503, {"Retry-After": "5"})
    return JSONResponse({"status": "ok"})


class ProjectRecord(Record):
    """A project and its newest revision."""

    name: str
    revision: int
    applied_at: Moment | None
    author: str | None
    git_commit: str | None


class ProcessRecord(Record):
    """A beat, a worker, a watch or a web process."""

    kind: str
    name: str
    host: str
    pid: int
    version: str
    alive: bool
    started_at: Moment
    last_seen_at: Moment
    stopped_at: Moment | None
    details: dict[str, Any] = Field(
        description="Empty for a caller who is limited to namespaces: files of all are named there."
    )


class RunFigures(Record):
    """All runs together."""

    running: int
    queued: int
    held: int = Field(description=f"Runs that wait for others; {HELD_COUNTED + 1:,} is 'more'.")
    unsent: int = Field(description="Queued, and not with the broker for 2 s.")
    oldest_queued_at: Moment | None
    ended_24h: dict[str, int] = Field(description="By state.")


class StatusRecord(Record):
    """The health of the whole."""

    database_revision: str
    projects: tuple[ProjectRecord, ...]
    jobs: int
    jobs_disabled: int
    schedules: int
    schedules_in_error: int
    oldest_due_at: Moment | None = Field(
        description="The earliest time that is owed and not dispatched; null: nothing is due."
    )
    runs: RunFigures | None = Field(description="null for a caller who sees only his own runs.")
    processes: tuple[ProcessRecord, ...]
    pauses: tuple[PauseRecord, ...] = Field(description="Those that hold now.")


@router.get("/status", summary="The health of the whole", response_model=StatusRecord)
def status(request: Request, web: HasWeb, caller: Reader) -> Response:
    """Is it ticking, how full is it, what is paused? The figures are of all namespaces together."""
    with transaction(web.engine) as connection:
        overview = read_overview(connection)
        processes = read_processes(connection)
        pauses = pauses_in_force(connection)
    record = _record(overview, processes, pauses, caller)
    return answer(request, record, lambda: record)


def _record(
    overview: Overview,
    processes: tuple[SeenProcess, ...],
    pauses: tuple[PauseInForce, ...],
    caller: Caller,
) -> StatusRecord:
    told = tuple(PauseRecord.model_validate(one) for one in pauses)
    return StatusRecord(
        database_revision=REVISIONS[-1],
        projects=tuple(ProjectRecord.model_validate(one) for one in overview.projects),
        jobs=overview.jobs,
        jobs_disabled=overview.jobs_disabled,
        schedules=overview.schedules,
        schedules_in_error=overview.schedules_in_error,
        oldest_due_at=overview.oldest_due_at,
        runs=None if caller.own_runs_only else _figures(overview),
        processes=tuple(_process(one, caller) for one in processes),
        pauses=tuple(one for one in told if sees_pause(caller, one.model_dump())),
    )


def _figures(overview: Overview) -> RunFigures:
    return RunFigures(
        running=overview.running,
        queued=overview.queued,
        held=overview.held,
        unsent=overview.unsent,
        oldest_queued_at=overview.oldest_queued_at,
        ended_24h=dict(overview.ended),
    )


def _process(seen: SeenProcess, caller: Caller) -> ProcessRecord:
    process = seen.process
    return ProcessRecord(
        kind=process.kind,
        name=process.name,
        host=process.host,
        pid=process.pid,
        version=process.version,
        alive=seen.is_alive,
        started_at=seen.started_at,
        last_seen_at=seen.last_seen_at,
        stopped_at=seen.stopped_at,
        details=dict(process.details) if caller.namespaces is None else {},
    )
