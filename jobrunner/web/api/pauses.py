"""Pauses: those that hold now, and those of all jobs of a tag, a queue or a namespace."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import JSONResponse

from jobrunner.db.engine import transaction
from jobrunner.db.pauses import pauses_in_force
from jobrunner.web import acts
from jobrunner.web.api.job_records import PauseBody, PauseRecord
from jobrunner.web.api.record import Record
from jobrunner.web.context import HasWeb
from jobrunner.web.etags import answer
from jobrunner.web.idempotency import HasOnce
from jobrunner.web.security import Operator, Reader
from jobrunner.web.visible import sees_pause

router = APIRouter(prefix="/pauses", tags=["pauses"])

Scope = Literal["tag", "queue", "namespace"]
_NAMED: dict[str, Any] = {
    "min_length": 1,
    "max_length": 100,
    "pattern": r"^[^\x00]*$",
    "description": "Its name.",
}


class PauseList(Record):
    """Those that hold now, by scope and target."""

    items: tuple[PauseRecord, ...]


@router.get("", summary="What is paused", response_model=PauseList)
def list_pauses(request: Request, web: HasWeb, caller: Reader) -> Response:
    """Of jobs and namespaces those that the caller sees; tags and queues belong to nobody."""
    with transaction(web.engine) as connection:
        found = map(PauseRecord.model_validate, pauses_in_force(connection))
        seen = PauseList(items=tuple(one for one in found if sees_pause(caller, one.model_dump())))
    return answer(request, seen, lambda: seen)


class ManyPausedBody(PauseBody):
    """What is paused, why, and until when."""

    scope: Scope
    target: Annotated[str, Field(**_NAMED)]


@router.post("", summary="Pause many jobs", response_model=PauseRecord)
def pause_many(web: HasWeb, caller: Operator, once: HasOnce, body: ManyPausedBody) -> Response:
    """All jobs of a tag, a queue or a namespace: their schedules start nothing, what runs goes on.

    404 where there is no such job. Of a tag or a queue, which have jobs of any namespace, for who is
    limited to none. A pause that holds gets the new reason and end.
    """

    def act(connection: Connection) -> Response:
        made = acts.pause_many(
            connection,
            caller,
            scope=body.scope,
            target=body.target,
            reason=body.reason,
            until=body.until,
            now=web.now(),
        )
        record = PauseRecord.model_validate(made)
        return Response(record.model_dump_json(), media_type="application/json")

    return once.answer(act)


class PauseEnded(Record):
    """A pause that holds no more."""

    scope: Scope
    target: str


@router.delete("", summary="Resume many jobs", response_model=PauseEnded)
def resume_many(
    caller: Operator, once: HasOnce, scope: Scope, target: Annotated[str, Query(**_NAMED)]
) -> Response:
    """Pauses of the jobs themselves hold on. 409 where there is none of this."""

    def act(connection: Connection) -> Response:
        acts.resume_many(connection, caller, scope=scope, target=target)
        return JSONResponse({"scope": scope, "target": target})

    return once.answer(act)
