"""Queues and workers: what waits since when, who serves it, and what each worker has in hand."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from jobrunner.access.caller import Caller, Permission
from jobrunner.db.engine import transaction
from jobrunner.db.job_filters import job_filters
from jobrunner.db.queues import RATE_MINUTES, Queue, read_queues, runs_ended_lately
from jobrunner.db.refused import RefusedMessage, read_refused
from jobrunner.db.workers import RunInHand, SeenWorker, WorkerState, read_workers
from jobrunner.web.context import HasWeb
from jobrunner.web.pages.rendering import page
from jobrunner.web.security import Reader
from jobrunner.wording.states import Role

_REFUSED_SHOWN = 20
_STATES: Mapping[WorkerState, tuple[str, Role]] = {
    "alive": ("●", "good"),
    "stopping": ("○", "warn"),
    "stuck": ("✕", "bad"),
    "dead": ("✕", "bad"),
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker, and what of its runs the caller sees."""

    worker: SeenWorker
    runs: tuple[RunInHand, ...]
    others: int
    """Runs that are not for him."""


@router.get("/queues")
def queues(request: Request, web: HasWeb, caller: Reader) -> Response:
    """Who is limited to namespaces sees the queues of their jobs, and no message that was refused."""
    with transaction(web.engine) as connection:
        shown = _queues(connection, caller)
        rates = runs_ended_lately(connection)
        workers = read_workers(connection)
        refused = _refused(connection, caller)
    return page(
        request,
        caller,
        "queues.html",
        queues=shown,
        rates=rates,
        rate_minutes=RATE_MINUTES,
        workers=[_row(caller, worker) for worker in workers],
        marks=_STATES,
        refused=refused[:_REFUSED_SHOWN],
        refused_count=len(refused),
    )


def _queues(connection: Connection, caller: Caller) -> tuple[Queue, ...]:
    found = read_queues(connection)
    if caller.namespaces is None:
        return found
    named = set(job_filters(connection, caller).queues)
    return tuple(queue for queue in found if queue.name in named)


def _refused(connection: Connection, caller: Caller) -> tuple[RefusedMessage, ...]:
    """A message says whose it is in no way that could be trusted."""
    sees_all = caller.namespaces is None and not caller.own_runs_only
    return read_refused(connection) if sees_all else ()


def _row(caller: Caller, worker: SeenWorker) -> WorkerRow:
    seen = tuple(run for run in worker.runs if _sees(caller, run))
    return WorkerRow(worker, seen, len(worker.runs) - len(seen))


def _sees(caller: Caller, run: RunInHand) -> bool:
    # Who started it is not known here: who sees his own runs alone finds them among the runs.
    namespace = run.address.partition("/")[0]
    return caller.may(Permission.READ, namespace) and not caller.own_runs_only
