"""Queues and workers: what waits, since when, and who is at work on what."""

from fastapi import APIRouter, Request, Response
from pydantic import Field

from jobrunner.db.engine import transaction
from jobrunner.db.queues import Queue, read_queues
from jobrunner.db.workers import RunInHand, SeenWorker, WorkerState, read_workers
from jobrunner.web.api.record import Moment, Record
from jobrunner.web.context import HasWeb
from jobrunner.web.etags import answer
from jobrunner.web.security import Reader
from jobrunner.web.visible import seen_in_hand

router = APIRouter(tags=["queues and workers"])


class QueueRecord(Record):
    """A queue that a job in force names, a run waits in, or a worker serves."""

    name: str
    waiting: int = Field(description="Runs that may start now; of each priority 100,001 at most.")
    waiting_by_priority: dict[str, int] = Field(description="0: none was given.")
    oldest_waiting_at: Moment | None
    unsent: int = Field(description="Those that have waited for 2 s to be sent.")
    later: int = Field(description="Runs that wait for the time of their next attempt.")
    held: int = Field(description="Runs that wait for other runs.")
    running: int
    clean_ups: int = Field(description="Runs whose `on_end` is to be called now.")
    paused: bool
    workers: tuple[str, ...] = Field(description="Living ones that serve it.")
    is_deserted: bool = Field(description="Runs wait, and nobody will start them.")


class QueueList(Record):
    """All queues, by name."""

    items: tuple[QueueRecord, ...]


@router.get("/queues", summary="What waits in each queue", response_model=QueueList)
def list_queues(request: Request, web: HasWeb, _: Reader) -> Response:
    """Numbers of all namespaces together: a queue belongs to none."""
    with transaction(web.engine) as connection:
        found = QueueList(items=tuple(map(_queue, read_queues(connection))))
    return answer(request, found, lambda: found)


def _queue(queue: Queue) -> QueueRecord:
    by_priority = {str(key or 0): number for key, number in queue.waiting_by_priority.items()}
    same = {
        name: getattr(queue, name)
        for name in QueueRecord.model_fields
        if name != "waiting_by_priority"
    }
    return QueueRecord(**same, waiting_by_priority=by_priority)


class RunInHandRecord(Record):
    """What a worker runs now."""

    run_id: str
    job: str
    attempt: int
    started_at: Moment
    progress: object


class WorkerRecord(Record):
    """A worker that has not said good-bye, or that died within the last hour."""

    name: str
    state: WorkerState = Field(
        description="`stuck`: it lives, and has consumed nothing for 30 s. `dead`: it went silently."
    )
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    concurrency: int
    busy: int = Field(description="How many runs it has in hand.")
    started_at: Moment
    last_seen_at: Moment
    silent_seconds: float
    runs: tuple[RunInHandRecord, ...] = Field(description="Those of them that the caller sees.")


class WorkerList(Record):
    """All workers, by name."""

    items: tuple[WorkerRecord, ...]


@router.get("/workers", summary="Who is at work", response_model=WorkerList)
def list_workers(request: Request, web: HasWeb, caller: Reader) -> Response:
    """Each with its runs, as far as the caller sees them."""
    with transaction(web.engine) as connection:
        found = read_workers(connection)
        seen = seen_in_hand(connection, caller, found)
    listed = WorkerList(items=tuple(_worker(one, seen) for one in found))
    return answer(request, listed, lambda: listed)


def _worker(worker: SeenWorker, seen: frozenset[str]) -> WorkerRecord:
    same = {
        name: getattr(worker, name)
        for name in WorkerRecord.model_fields
        if name not in {"busy", "runs"}
    }
    runs = tuple(_run(run) for run in worker.runs if run.run_id in seen)
    return WorkerRecord(**same, busy=len(worker.runs), runs=runs)


def _run(run: RunInHand) -> RunInHandRecord:
    return RunInHandRecord(
        run_id=run.run_id,
        job=run.address,
        attempt=run.attempt,
        started_at=run.started_at,
        progress=run.progress,
    )
