"""Runs: the history by the page, one run with its attempts, cancel and retry."""

import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, TypeAdapter

from jobrunner.db.engine import single_statement, transaction
from jobrunner.db.run_pages import RunPosition, RunsWanted, page_of_runs, version_of_runs
from jobrunner.db.runs import Run
from jobrunner.errors import JobrunnerError
from jobrunner.run import RunState
from jobrunner.spec.models import NAME_PATTERN
from jobrunner.web import acts
from jobrunner.web.api.record import Cursor, Limit, Moment, NamespaceFilter, QueueFilter, Record
from jobrunner.web.api.run_records import (
    RunDetailRecord,
    RunPage,
    TriggerKind,
    run_detail_record,
    run_record,
)
from jobrunner.web.api.triggered import TriggeredRecord, triggered_answer
from jobrunner.web.context import HasWeb
from jobrunner.web.cursors import cursor_of, parts_of, unknown_cursor
from jobrunner.web.etags import answer, answer_asked
from jobrunner.web.idempotency import HasOnce
from jobrunner.web.problems import status_of
from jobrunner.web.security import Operator, Reader
from jobrunner.web.visible import visible_run

router = APIRouter(prefix="/runs", tags=["runs"])

LOOK_AGAIN_SECONDS = 2
"""What `Retry-After` tells who waits for the end of a run."""
_TOGETHER = 100
_MOMENT: TypeAdapter[Moment] = TypeAdapter(Moment)

RunId = Annotated[uuid.UUID, Path(description="Of the run.")]
_JOB_OR_SCHEDULE = rf"^{NAME_PATTERN[1:-1]}/{NAME_PATTERN[1:-1]}(#{NAME_PATTERN[1:-1]})?$"


@router.get("", summary="The runs, the newest first", response_model=RunPage)
def list_runs(
    request: Request,
    web: HasWeb,
    caller: Reader,
    *,
    job: Annotated[
        str | None,
        Query(
            pattern=_JOB_OR_SCHEDULE,
            description="Only of this job, or of `namespace/job#schedule`.",
            examples=["reports/daily"],
        ),
    ] = None,
    namespace: NamespaceFilter = None,
    queue: QueueFilter = None,
    state: Annotated[list[RunState] | None, Query(max_length=10, description="May repeat.")] = None,
    trigger: Annotated[
        list[TriggerKind] | None, Query(max_length=4, description="May repeat.")
    ] = None,
    since: Annotated[Moment | None, Query(description="Scheduled for then or later.")] = None,
    until: Annotated[Moment | None, Query(description="Scheduled for an earlier time.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Runs of the jobs that the caller sees; for who sees his own alone, those he has triggered."""
    wanted = RunsWanted(job, namespace, queue, state or (), trigger or (), since, until)
    after = None if cursor is None else _position(cursor)

    def make() -> RunPage:
        with transaction(web.engine) as connection:
            found = page_of_runs(connection, caller, wanted, after=after, limit=limit + 1)
        return _page(found, limit)

    def ask_version() -> str:
        with single_statement(web.engine) as connection:
            return version_of_runs(connection, caller, wanted, after=after, limit=limit + 1)

    # Asked before it is made: what changes in between is a newer page under an older version, and told
    # again.
    return answer_asked(request, ask_version, make)


def _position(cursor: str) -> RunPosition:
    at, run_id = parts_of(cursor, 2)
    try:
        return RunPosition(_MOMENT.validate_python(at), uuid.UUID(run_id))
    except ValueError as error:
        raise unknown_cursor() from error


def _page(found: Sequence[Run], limit: int) -> RunPage:
    last = found[limit - 1] if len(found) > limit else None
    return RunPage(
        items=tuple(map(run_record, found[:limit])),
        next_cursor=None
        if last is None
        else cursor_of(last.scheduled_for.isoformat(), str(last.id)),
    )


@router.get("/{run_id}", name="api_run", summary="One run", response_model=RunDetailRecord)
def get_run(request: Request, web: HasWeb, caller: Reader, run_id: RunId) -> Response:
    """With its attempts. While it is not over, `Retry-After` says when to look again."""
    with transaction(web.engine) as connection:
        detail = visible_run(connection, caller, run_id)
    is_over = RunState(detail.run.state).is_final
    headers = {} if is_over else {"Retry-After": str(LOOK_AGAIN_SECONDS)}
    return answer(request, detail, lambda: run_detail_record(detail), headers=headers)


class CancelledRecord(Record):
    """What came of a cancel."""

    id: uuid.UUID
    state: Literal["cancelled", "running"] = Field(
        description="`cancelled`: it never starts. `running`: it was told to end."
    )


@router.post("/{run_id}/cancel", summary="Cancel a run", response_model=CancelledRecord)
def cancel(caller: Operator, once: HasOnce, run_id: RunId) -> Response:
    """A queued run never starts, a running one is told to end. 409 for one that is over."""
    return once.answer(
        lambda connection: JSONResponse(
            {"id": str(run_id), "state": acts.cancel(connection, caller, run_id)}
        )
    )


@router.post(
    "/{run_id}/retry", summary="Run again", status_code=202, response_model=TriggeredRecord
)
def retry(
    request: Request, web: HasWeb, caller: Operator, once: HasOnce, run_id: RunId
) -> Response:
    """A new run now, with the same arguments and the definition in force. 409 for one that goes on."""
    return once.answer(
        lambda connection: triggered_answer(
            request, acts.retry(connection, caller, web.keyring, run_id)
        )
    )


class Several(Record):
    """Runs by their ids."""

    ids: tuple[uuid.UUID, ...] = Field(min_length=1, max_length=_TOGETHER)


class DoneRecord(Record):
    """What came of one of several runs: `state` or `new_run`, or else what is wrong."""

    id: uuid.UUID
    status: int = Field(description="That of the same request for this run alone.")
    state: str | None = None
    new_run: uuid.UUID | None = None
    problem: str | None = None


class DonePage(Record):
    """What came of each of them, in the order given."""

    items: tuple[DoneRecord, ...]


@router.post("/cancel", summary="Cancel several runs")
def cancel_several(web: HasWeb, caller: Operator, several: Several) -> DonePage:
    """One by one: what is wrong with one of them keeps none of the others."""

    def one(run_id: uuid.UUID) -> DoneRecord:
        with transaction(web.engine) as connection:
            state = acts.cancel(connection, caller, run_id)
        return DoneRecord(id=run_id, status=200, state=state)

    return DonePage(items=tuple(_each(several, one)))


@router.post("/retry", summary="Run several again")
def retry_several(
    web: HasWeb,
    caller: Operator,
    several: Several,
    idempotency_key: Annotated[str | None, Header(pattern=r"^[!-~]{1,200}$")] = None,
) -> DonePage:
    """One by one: what is wrong with one of them keeps none of the others.

    With an `Idempotency-Key`, the same key never runs one of them a second time.
    """

    def one(run_id: uuid.UUID) -> DoneRecord:
        key = None if idempotency_key is None else f"{idempotency_key} {run_id}"
        with transaction(web.engine) as connection:
            made = acts.retry(connection, caller, web.keyring, run_id, request_key=key)
        return DoneRecord(id=run_id, status=202, new_run=made.run_id)

    return DonePage(items=tuple(_each(several, one)))


def _each(several: Several, act: Callable[[uuid.UUID], DoneRecord]) -> list[DoneRecord]:
    return [_done(run_id, act) for run_id in dict.fromkeys(several.ids)]


def _done(run_id: uuid.UUID, act: Callable[[uuid.UUID], DoneRecord]) -> DoneRecord:
    try:
        return act(run_id)
    except JobrunnerError as error:
        return DoneRecord(id=run_id, status=status_of(error), problem=error.message)
