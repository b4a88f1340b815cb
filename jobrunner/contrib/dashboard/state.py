"""`status/`, `workers/`, `queues/` and `health_check/`: how the whole is doing."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from jobrunner.access.caller import Caller, Permission
from jobrunner.db.engine import transaction
from jobrunner.db.overview import Overview, read_overview
from jobrunner.db.processes import read_processes
from jobrunner.db.queues import Queue, read_queues
from jobrunner.db.workers import SeenWorker, read_workers
from jobrunner.web.api.record import Moment, Record
from jobrunner.web.context import HasWeb, Web
from jobrunner.web.etags import answer
from jobrunner.web.security import Reader
from jobrunner.web.visible import seen_in_hand

router = APIRouter()

_DUE_TOO_LATE = timedelta(seconds=30)
_GOOD, _BAD = frozenset({"succeeded"}), frozenset({"failed", "lost"})


class StatusRecord(Record):
    """`status/`."""

    status: Literal["healthy", "warning", "error"]
    message: str
    worker_count: int
    active_tasks: int | None = Field(description="null for a caller who sees only his own runs.")
    success_rate: float | None = Field(
        description="In percent, of the runs of the last 24 hours; null: there was none, or it is "
        "not for the caller."
    )
    timestamp: Moment


@router.get("/status/", response_model=StatusRecord)
def status(request: Request, web: HasWeb, caller: Reader) -> Response:
    """In one line. `error`: nothing runs. `warning`: something will not."""
    with transaction(web.engine) as connection:
        overview = read_overview(connection)
        workers = _living(read_workers(connection))
        queues = read_queues(connection)
        has_beat = any(one.is_alive for one in read_processes(connection, kind="beat"))
    told = _told(workers, queues, has_beat=has_beat)
    active = None if caller.own_runs_only else overview.running
    rate = None if caller.own_runs_only else _success_rate(overview.ended)
    found = (*told, len(workers), active, rate)
    return _answer(
        request,
        found,
        StatusRecord(
            status=told[0],
            message=told[1],
            worker_count=len(workers),
            active_tasks=active,
            success_rate=rate,
            timestamp=web.now(),
        ),
    )


def _living(workers: Sequence[SeenWorker]) -> list[SeenWorker]:
    return [worker for worker in workers if worker.state != "dead"]


def _told(
    workers: Sequence[SeenWorker], queues: Sequence[Queue], *, has_beat: bool
) -> tuple[Literal["healthy", "warning", "error"], str]:
    deserted = [queue.name for queue in queues if queue.is_deserted]
    stuck = [worker.name for worker in workers if worker.state == "stuck"]
    if not workers:
        return "error", "No worker is online."
    if not has_beat:
        return "error", "No beat is online, so nothing is started."
    if deserted:
        return "warning", f"Runs wait in queues that no worker serves: {', '.join(deserted)}."
    if stuck:
        return "warning", f"These workers take nothing any more: {', '.join(stuck)}."
    return "healthy", "Workers and beat are online."


def _success_rate(ended: Mapping[str, int]) -> float | None:
    good = sum(ended.get(state, 0) for state in _GOOD)
    judged = good + sum(ended.get(state, 0) for state in _BAD)
    return None if judged == 0 else round(100 * good / judged, 2)


class TaskInHandRecord(Record):
    """What a worker runs now."""

    name: str
    id: str


class Workers(Record):
    """Those that are online."""

    count: int
    details: dict[str, tuple[TaskInHandRecord, ...]] = Field(
        description="By worker, what it runs of what the caller sees."
    )


class PoolRecord(Record):
    """A worker's processes."""

    model_config = ConfigDict(serialize_by_alias=True)

    max_concurrency: int = Field(serialization_alias="max-concurrency")
    processes: tuple[int, ...] = Field(description="Their ids.")


class WorkerStatsRecord(Record):
    """A worker."""

    total: dict[str, int] = Field(
        description="By job, how many runs it has taken since its start, of what the caller sees."
    )
    pool: PoolRecord


class WorkersRecord(Record):
    """`workers/`."""

    workers: Workers
    stats: dict[str, WorkerStatsRecord]
    timestamp: Moment


@router.get("/workers/", response_model=WorkersRecord)
def workers(request: Request, web: HasWeb, caller: Reader) -> Response:
    """Who is online, and at what."""
    with transaction(web.engine) as connection:
        found = _living(read_workers(connection))
        seen = seen_in_hand(connection, caller, found)
    details = {worker.name: _in_hand(worker, seen) for worker in found}
    stats = {worker.name: _stats(worker, caller) for worker in found}
    return _answer(
        request,
        (details, stats),
        WorkersRecord(
            workers=Workers(count=len(found), details=details), stats=stats, timestamp=web.now()
        ),
    )


def _in_hand(worker: SeenWorker, seen: frozenset[str]) -> tuple[TaskInHandRecord, ...]:
    return tuple(
        TaskInHandRecord(name=run.address, id=run.run_id)
        for run in worker.runs
        if run.run_id in seen
    )


def _stats(worker: SeenWorker, caller: Caller) -> WorkerStatsRecord:
    total = {
        address: number
        for address, number in worker.taken.items()
        if not caller.own_runs_only and caller.may(Permission.READ, address.partition("/")[0])
    }
    pool = PoolRecord(max_concurrency=worker.concurrency, processes=worker.processes)
    return WorkerStatsRecord(total=total, pool=pool)


class QueueRecord(Record):
    """A queue."""

    name: str
    workers: tuple[str, ...] = Field(description="Those that serve it.")
    count: int = Field(description="Runs that could start now and have not.")


class QueuesRecord(Record):
    """`queues/`."""

    queues: dict[str, QueueRecord]
    total_queues: int
    timestamp: Moment


@router.get("/queues/", response_model=QueuesRecord)
def queues(request: Request, web: HasWeb, _: Reader) -> Response:
    """What waits in each, and who serves it. The figures are of all namespaces together."""
    with transaction(web.engine) as connection:
        found = {queue.name: _queue(queue) for queue in read_queues(connection)}
    record = QueuesRecord(queues=found, total_queues=len(found), timestamp=web.now())
    return _answer(request, found, record)


def _queue(queue: Queue) -> QueueRecord:
    return QueueRecord(name=queue.name, workers=queue.workers, count=queue.waiting)


def _answer(request: Request, found: object, record: BaseModel) -> Response:
    """`found` is all of the record but its timestamp: what has not changed is not sent again."""
    return answer(request, found, lambda: record)


class HealthRecord(Record):
    """`health_check/`."""

    status: Literal["healthy", "unhealthy"]
    checks: dict[str, bool] = Field(
        description="`database`: it answers. `scheduler`: a beat is online and nothing is overdue. "
        "`broker`: runs get to it. `workers`: one is online, and none is stuck."
    )
    timestamp: Moment


@router.post("/health_check/", responses={503: {"model": HealthRecord}})
def health_check(web: HasWeb, _: Reader) -> Response:
    """Each part by itself; 503 when one of them is not well."""
    checks = _checks(web)
    is_healthy = all(checks.values())
    record = HealthRecord(
        status="healthy" if is_healthy else "unhealthy", checks=checks, timestamp=web.now()
    )
    return Response(
        record.model_dump_json(),
        status_code=200 if is_healthy else 503,
        media_type="application/json",
    )


def _checks(web: Web) -> dict[str, bool]:
    with transaction(web.engine) as connection:
        overview = read_overview(connection)
        workers = _living(read_workers(connection))
        has_beat = any(one.is_alive for one in read_processes(connection, kind="beat"))
    return {
        "database": True,
        "scheduler": has_beat and not _is_overdue(overview, overview.now),
        "broker": overview.unsent == 0,
        "workers": bool(workers) and all(worker.state != "stuck" for worker in workers),
    }


def _is_overdue(overview: Overview, now: datetime) -> bool:
    return overview.oldest_due_at is not None and overview.oldest_due_at < now - _DUE_TOO_LATE
