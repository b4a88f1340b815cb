"""Jobs: the list by the page, one job, its next times; run it now, pause, resume, backfill."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy import Connection

from jobrunner.coming import coming_times, words_of
from jobrunner.db.engine import transaction
from jobrunner.db.job_pages import JobOnPage, JobState, JobsWanted, page_of_jobs
from jobrunner.db.overview import ListedJob, ListedSchedule, get_job, schedules_of
from jobrunner.db.pauses import pauses_in_force
from jobrunner.db.run_pages import RunsWanted, page_of_runs
from jobrunner.db.runs import Run
from jobrunner.plan.pause import PauseInForce
from jobrunner.web import acts
from jobrunner.web.api.job_records import (
    JobDetailRecord,
    JobPage,
    PauseBody,
    PauseRecord,
    job_detail_record,
    job_record,
)
from jobrunner.web.api.record import (
    Cursor,
    JobInPath,
    Limit,
    LineFilter,
    Moment,
    NamespaceFilter,
    NamespaceInPath,
    QueueFilter,
    Record,
)
from jobrunner.web.api.triggered import TriggeredRecord, triggered_answer
from jobrunner.web.context import HasWeb
from jobrunner.web.cursors import cursor_of, parts_of
from jobrunner.web.etags import answer
from jobrunner.web.idempotency import HasOnce
from jobrunner.web.security import Operator, Reader
from jobrunner.web.visible import check_sees_job

router = APIRouter(prefix="/jobs", tags=["jobs"])
_JOB = "/{namespace}/{name}"


@router.get("", summary="The jobs in force", response_model=JobPage)
def list_jobs(
    request: Request,
    web: HasWeb,
    caller: Reader,
    *,
    namespace: NamespaceFilter = None,
    tag: LineFilter = None,
    queue: QueueFilter = None,
    owner: LineFilter = None,
    state: Annotated[
        JobState | None,
        Query(description="`running` and `failing` (failed or lost) are of its newest run."),
    ] = None,
    text: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """By namespace and name. `text` is looked for in address, owner and tags."""
    wanted = JobsWanted(namespace, tag, queue, owner, state, text or "")
    after = None if cursor is None else parts_of(cursor, 1)[0]
    with transaction(web.engine) as connection:
        found = page_of_jobs(connection, caller, wanted, after=after, limit=limit + 1)
    return answer(request, found, lambda: _page(found, limit))


def _page(found: Sequence[JobOnPage], limit: int) -> JobPage:
    last = found[limit - 1] if len(found) > limit else None
    return JobPage(
        items=tuple(map(job_record, found[:limit])),
        next_cursor=None if last is None else cursor_of(last.address),
    )


@router.get(_JOB, name="api_job", summary="One job", response_model=JobDetailRecord)
def one_job(
    request: Request, web: HasWeb, caller: Reader, namespace: NamespaceInPath, name: JobInPath
) -> Response:
    """With its definition in force, its schedules and the pauses that hold it back."""
    address = check_sees_job(caller, namespace, name)
    with transaction(web.engine) as connection:
        job = get_job(connection, address)
        schedules = schedules_of(connection, address)
        pauses = _pauses_of(job, pauses_in_force(connection))
        runs = page_of_runs(connection, caller, RunsWanted(job=address), limit=1)
    found = (job, schedules, pauses, runs)
    return answer(request, found, lambda: _detail(job, schedules, pauses, runs))


def _pauses_of(job: ListedJob, pauses: Sequence[PauseInForce]) -> tuple[PauseInForce, ...]:
    return tuple(
        one for one in pauses if one.covers(job.address, queues=(job.queue,), tags=job.tags)
    )


def _detail(
    job: ListedJob,
    schedules: Sequence[ListedSchedule],
    pauses: tuple[PauseInForce, ...],
    runs: Sequence[Run],
) -> JobDetailRecord:
    told = [(schedule, words_of(job.address, schedule)) for schedule in schedules]
    return job_detail_record(job, told, pauses, runs[0] if runs else None)


class ComingRecord(Record):
    """A time at which a job is due."""

    at: Moment
    schedule: str
    timezone: str = Field(description="In which the schedule is written.")


class Coming(Record):
    """The next times of a job, in order."""

    items: tuple[ComingRecord, ...]


@router.get(f"{_JOB}/next", summary="When a job runs next")
def next_times(
    web: HasWeb,
    caller: Reader,
    namespace: NamespaceInPath,
    name: JobInPath,
    *,
    count: Annotated[int, Query(ge=1, le=100, description="So many at most.")] = 5,
    after: Annotated[Moment | None, Query(description="[default: now]")] = None,
) -> Coming:
    """By its schedules in force; a pause is not looked at, and jitter not counted in."""
    address = check_sees_job(caller, namespace, name)
    with transaction(web.engine) as connection:
        get_job(connection, address)
        schedules = schedules_of(connection, address)
    found = coming_times(address, schedules, after=after or web.now(), count=count)
    return Coming(items=tuple(ComingRecord.model_validate(one) for one in found))


class TriggerBody(Record):
    """A run that is asked for."""

    kwargs: dict[str, Any] | None = Field(
        default=None, description="Laid over the job's own.", examples=[{"day": "2026-11-21"}]
    )
    request_id: str | None = Field(
        default=None,
        pattern=r"^[!-~]{1,200}$",
        description="The same again by the same caller is the same run.",
    )
    force: bool = Field(default=False, description="Start even though `overlap` says no.")


_AS_IT_IS = TriggerBody()


@router.post(
    f"{_JOB}/trigger", summary="Run a job now", status_code=202, response_model=TriggeredRecord
)
def trigger(
    request: Request,
    web: HasWeb,
    caller: Operator,
    once: HasOnce,
    *,
    namespace: NamespaceInPath,
    name: JobInPath,
    body: TriggerBody = _AS_IT_IS,
) -> Response:
    """With its own queue, priority, expiry and limits, as `overlap` has it. `Location` is the run."""
    wanted = acts.Trigger(body.kwargs, body.request_id, body.force)
    return once.answer(
        lambda connection: triggered_answer(
            request,
            acts.trigger(
                connection, caller, web.keyring, namespace=namespace, name=name, wanted=wanted
            ),
        )
    )


_UNTIL_RESUMED = PauseBody()


@router.post(f"{_JOB}/pause", summary="Pause a job", response_model=PauseRecord)
def pause(
    web: HasWeb,
    caller: Operator,
    once: HasOnce,
    *,
    namespace: NamespaceInPath,
    name: JobInPath,
    body: PauseBody = _UNTIL_RESUMED,
) -> Response:
    """Its schedules start nothing; what runs goes on, and a run by hand is possible."""

    def act(connection: Connection) -> Response:
        made = acts.pause(
            connection,
            caller,
            namespace=namespace,
            name=name,
            reason=body.reason,
            until=body.until,
            now=web.now(),
        )
        record = PauseRecord.model_validate(made)
        return Response(record.model_dump_json(), media_type="application/json")

    return once.answer(act)


class Resumed(Record):
    """A job whose pause has ended."""

    address: str


@router.post(f"{_JOB}/resume", summary="Resume a job", response_model=Resumed)
def resume(
    caller: Operator, once: HasOnce, namespace: NamespaceInPath, name: JobInPath
) -> Response:
    """Its next times fire again; what passed meanwhile stays passed. 409 for one that is not paused."""

    def act(connection: Connection) -> Response:
        acts.resume(connection, caller, namespace=namespace, name=name)
        return JSONResponse({"address": f"{namespace}/{name}"})

    return once.answer(act)
