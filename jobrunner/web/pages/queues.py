"""Queues and workers: what waits since when, who serves it, and what each worker has in hand."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from jobrunner.access.caller import Caller
from jobrunner.db.engine import transaction
from jobrunner.db.queues import RATE_MINUTES, read_queues, runs_ended_lately
from jobrunner.db.refused import RefusedMessage, read_refused
from jobrunner.db.workers import RunInHand, SeenWorker, WorkerState, read_workers
from jobrunner.web.context import HasWeb
from jobrunner.web.pages.rendering import page
from jobrunner.web.security import Reader
from jobrunner.web.visible import seen_in_hand
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
    """Numbers of all namespaces together, since a queue belongs to none; the runs as far as he sees them."""
    with transaction(web.engine) as connection:
        found = read_queues(connection)
        rates = runs_ended_lately(connection)
        workers = read_workers(connection)
        seen = seen_in_hand(connection, caller, workers)
        refused = _refused(connection, caller)
    return page(
        request,
        caller,
        "queues.html",
        queues=found,
        rates=rates,
        rate_minutes=RATE_MINUTES,
        workers=[_row(worker, seen) for worker in workers],
        marks=_STATES,
        refused=refused[:_REFUSED_SHOWN],
        refused_count=len(refused),
    )


def _refused(connection: Connection, caller: Caller) -> tuple[RefusedMessage, ...]:
    """A message says whose it is in no way that could be trusted."""
    sees_all = caller.namespaces is None and not caller.own_runs_only
    return read_refused(connection) if sees_all else ()


def _row(worker: SeenWorker, seen: frozenset[str]) -> WorkerRow:
    runs = tuple(run for run in worker.runs if run.run_id in seen)
    return WorkerRow(worker, runs, len(worker.runs) - len(runs))
