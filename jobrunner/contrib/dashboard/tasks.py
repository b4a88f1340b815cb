"""`tasks/`: the runs in Celery's words, and one that is asked for."""

import uuid
from collections.abc import Sequence
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from jobrunner.access.caller import Caller, Permission
from jobrunner.db.engine import single_statement, transaction
from jobrunner.db.job_names import jobs_that_call
from jobrunner.db.jobs import no_such_job
from jobrunner.db.overview import get_job
from jobrunner.db.run_pages import RunsWanted, page_of_runs, version_of_runs
from jobrunner.db.runs import Run, RunDetail
from jobrunner.errors import Conflict, UsageError
from jobrunner.results import celery_state
from jobrunner.run import RunState
from jobrunner.source.tasks import Described, TaskSources
from jobrunner.spec.secrets import shown
from jobrunner.web import acts
from jobrunner.web.api.record import Moment, Record
from jobrunner.web.context import HasWeb
from jobrunner.web.etags import answer, answer_asked
from jobrunner.web.idempotency import HasOnce
from jobrunner.web.security import Operator, Reader
from jobrunner.web.visible import check_sees_job, visible_run

router = APIRouter()

LOOK_AGAIN_SECONDS = 2
"""What `Retry-After` tells who waits for the end of a run."""

CeleryState = Literal["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]


class TaskRecord(Record):
    """A run in a list."""

    task_id: uuid.UUID
    name: str = Field(description="The job's address, `namespace/job`.")
    status: CeleryState
    duration: float | None = Field(description="Seconds, of the newest attempt once it has ended.")
    started_at: Moment | None
    completed_at: Moment | None


class TasksRecord(Record):
    """`tasks/`."""

    tasks: tuple[TaskRecord, ...]
    count: int = Field(description="Of those in the list.")


@router.get("/tasks/", response_model=TasksRecord)
def list_tasks(
    request: Request, web: HasWeb, caller: Reader, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> Response:
    """The newest runs that the caller sees."""
    wanted = RunsWanted()

    def make() -> TasksRecord:
        with transaction(web.engine) as connection:
            found = page_of_runs(connection, caller, wanted, limit=limit)
        return TasksRecord(
            tasks=tuple(TaskRecord(**_fields(run)) for run in found), count=len(found)
        )

    def ask_version() -> str:
        with single_statement(web.engine) as connection:
            return version_of_runs(connection, caller, wanted, limit=limit)

    return answer_asked(request, ask_version, make)


def _fields(run: Run) -> dict[str, Any]:
    return {
        "task_id": run.id,
        "name": run.address,
        "status": celery_state(run),
        "duration": None if run.duration is None else run.duration.total_seconds(),
        "started_at": run.started_at,
        "completed_at": run.finished_at,
    }


class TaskDetailRecord(TaskRecord):
    """`tasks/{id}/`."""

    queue: str
    worker: str | None
    retries: int
    kwargs: Any = Field(description="Given at the trigger; sensitive ones are masked.")
    result: Any
    error: str | None
    traceback: str | None


@router.get("/tasks/{task_id}/", name="task", response_model=TaskDetailRecord)
def one_task(request: Request, web: HasWeb, caller: Reader, task_id: uuid.UUID) -> Response:
    """One run. While it is not over, `Retry-After` says when to look again."""
    with transaction(web.engine) as connection:
        detail = visible_run(connection, caller, task_id)
    is_over = RunState(detail.run.state).is_final
    headers = {} if is_over else {"Retry-After": str(LOOK_AGAIN_SECONDS)}
    return answer(request, detail, lambda: _detail(detail), headers=headers)


def _detail(detail: RunDetail) -> TaskDetailRecord:
    newest = detail.attempts[-1] if detail.attempts else None
    return TaskDetailRecord(
        **_fields(detail.run),
        queue=detail.run.queue,
        worker=detail.run.worker,
        retries=max(detail.run.attempt - 1, 0),
        kwargs=shown(detail.kwargs),
        result=detail.result,
        error=detail.run.error,
        traceback=None if newest is None else newest.traceback,
    )


class ExecuteBody(Record):
    """What the run is given."""

    args: tuple[Any, ...] = Field(default=(), description="In the order of the callable.")
    kwargs: dict[str, Any] = Field(default_factory=dict, description="Laid over the job's own.")
    user: str | None = Field(
        default=None,
        pattern=r"^[^\x00-\x1f\x7f]{1,200}$",
        description="Whose run it is; null: the caller's. Who sees only his own runs names nobody else.",
    )


_AS_IT_IS = ExecuteBody()


class ExecutedRecord(Record):
    """A run that was asked for."""

    task_id: uuid.UUID
    name: str
    status: CeleryState = Field(
        description="`REVOKED`: another run of the job is not over, so this one never starts."
    )


@router.post("/tasks/{name:path}/execute/", status_code=202, response_model=ExecutedRecord)
def execute(
    request: Request,
    web: HasWeb,
    caller: Operator,
    once: HasOnce,
    *,
    name: str,
    body: ExecuteBody = _AS_IT_IS,
) -> Response:
    """Run it now: by the address of a job, or by the task of the only job that calls it."""

    def act(connection: Connection) -> Response:
        address = _address_of(connection, caller, name)
        wanted = acts.Trigger(
            kwargs={**_by_name(connection, address, body.args), **body.kwargs} or None,
            created_by=body.user,
        )
        namespace, _, job = address.partition("/")
        triggered = acts.trigger(
            connection, caller, web.keyring, namespace=namespace, name=job, wanted=wanted
        )
        record = ExecutedRecord(
            task_id=triggered.run_id,
            name=address,
            status="REVOKED" if triggered.start == "skip" else "PENDING",
        )
        where = request.app.url_path_for("task", task_id=str(triggered.run_id))
        return Response(
            record.model_dump_json(),
            status_code=202,
            media_type="application/json",
            headers={"Location": request.scope.get("root_path", "") + where},
        )

    return once.answer(act)


def _address_of(connection: Connection, caller: Caller, name: str) -> str:
    """Raises NotFound, and Conflict for a task that several jobs call."""
    namespace, slash, job = name.partition("/")
    if slash:
        return check_sees_job(caller, namespace, job)
    found = [
        address
        for address in jobs_that_call(connection, name)
        if caller.may(Permission.READ, address.partition("/")[0])
    ]
    if not found:
        raise no_such_job(name)
    if len(found) > 1:
        raise Conflict(
            f"Several jobs call {name}: {', '.join(found)}.", hint="Name one of them instead."
        )
    return found[0]


def _by_name(connection: Connection, address: str, args: Sequence[Any]) -> dict[str, Any]:
    """Raises UsageError where nobody can tell what they are for, or where there are too many."""
    if not args:
        return {}
    calls = get_job(connection, address).definition.get("task")
    found = None if calls is None else TaskSources(Path.cwd()).look_up(calls)
    if not isinstance(found, Described):
        raise UsageError(
            f"What the arguments of {address} are called is not known here.",
            hint="Give them in `kwargs`.",
        )
    names = [
        one.given.arg for one in found.parameters if one.kind is Parameter.POSITIONAL_OR_KEYWORD
    ]
    if len(args) > len(names):
        raise UsageError(f"{address} takes {len(names)} arguments, and there are {len(args)}.")
    return dict(zip(names, args, strict=False))
