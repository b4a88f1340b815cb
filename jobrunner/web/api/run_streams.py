"""What a run does and what it writes: all at once, or as it comes."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from jobrunner.db.engine import transaction
from jobrunner.db.run_logs import read_pieces
from jobrunner.run import RunState
from jobrunner.web.api.record import Moment, Record
from jobrunner.web.api.runs import LOOK_AGAIN_SECONDS, RunId
from jobrunner.web.context import HasWeb
from jobrunner.web.events import BEGINNING, position_of, stream_events, stream_output
from jobrunner.web.security import Reader
from jobrunner.web.visible import visible_run

router = APIRouter(prefix="/runs", tags=["runs"])

_EVENT_STREAM = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
_TOO_MANY = {"description": "The caller has too many streams open."}


@router.get(
    "/{run_id}/events",
    summary="A run as it goes on",
    response_class=Response,
    responses={200: {"description": "Server-sent events.", **_EVENT_STREAM}, 429: _TOO_MANY},
)
def events(request: Request, web: HasWeb, caller: Reader, run_id: RunId) -> Response:
    """Server-sent events: `state` and `progress` when they change, `end` when the run is over.

    Send `Last-Event-ID` to be told nothing twice.
    """
    with transaction(web.engine) as connection:
        visible_run(connection, caller, run_id)
    return stream_events(request, run_id)


class PieceRecord(Record):
    """A piece of what an attempt has printed and logged."""

    attempt: int = Field(description="Beyond 30,000: of its clean-up.")
    sequence: int = Field(description="A gap is a part that was cut.")
    written_at: Moment
    text: str


class PieceList(Record):
    """Pieces in order."""

    items: tuple[PieceRecord, ...]
    next_after: str | None = Field(
        description="`after` for what follows; null: nothing was written."
    )
    is_over: bool = Field(description="The run is, so no attempt will write more.")


@router.get(
    "/{run_id}/logs",
    summary="What a run has written",
    response_model=PieceList,
    responses={200: _EVENT_STREAM, 429: _TOO_MANY},
)
def logs(
    request: Request,
    web: HasWeb,
    caller: Reader,
    run_id: RunId,
    *,
    after: Annotated[
        str | None,
        Query(pattern=r"^[0-9]{1,5}-[0-9]{1,9}$", description="Only what comes after, as `1-12`."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="So many pieces at most.")] = 200,
    follow: Annotated[
        bool, Query(description="As server-sent events `output`, then `end` when it is over.")
    ] = False,
) -> Response:
    """Escape sequences of terminals are as they were written."""
    position = position_of(after or "") or BEGINNING
    with transaction(web.engine) as connection:
        # The state first: what was written before the end is read after it.
        is_over = RunState(visible_run(connection, caller, run_id).run.state).is_final
        if follow:
            return stream_output(request, run_id, after=position)
        found = read_pieces(connection, run_id, after=position, limit=limit)
    last = found[-1] if found else None
    record = PieceList(
        items=tuple(PieceRecord.model_validate(one) for one in found),
        next_after=after if last is None else f"{last.attempt}-{last.sequence}",
        is_over=is_over,
    )
    headers = {} if is_over else {"Retry-After": str(LOOK_AGAIN_SECONDS)}
    return Response(record.model_dump_json(), media_type="application/json", headers=headers)
