"""The audit: who did what, to what, when."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from jobrunner.db.audit import page_of_acts
from jobrunner.db.engine import transaction
from jobrunner.web.api.record import Cursor, Limit, LineFilter, Moment, Record
from jobrunner.web.context import HasWeb
from jobrunner.web.cursors import cursor_of, parts_of, unknown_cursor
from jobrunner.web.etags import answer
from jobrunner.web.security import AdministratorOfAll

_ID_DIGITS_MAX = 18

router = APIRouter(prefix="/audit", tags=["audit"])


class ActRecord(Record):
    """What somebody did."""

    id: int
    at: Moment
    actor: str = Field(description="The subject of a token, a session or a JWT; who ran a command.")
    action: str = Field(examples=["run.cancel"])
    target: str = Field(description="What it was done to.")
    details: dict[str, Any]


class AuditPage(Record):
    """A page of acts, the newest first."""

    items: tuple[ActRecord, ...]
    next_cursor: str | None = Field(description="For the next page; null: this is the last one.")


@router.get("", summary="What was done, the newest first", response_model=AuditPage)
def list_acts(
    request: Request,
    web: HasWeb,
    _: AdministratorOfAll,
    *,
    actor: LineFilter = None,
    action: LineFilter = None,
    target: Annotated[
        str, Query(max_length=200, pattern=r"^[^\x00]*$", description="A part of it.")
    ] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """For administrators who are limited to no namespace."""
    before = None if cursor is None else _id_of(cursor)
    with transaction(web.engine) as connection:
        found = page_of_acts(
            connection, actor=actor, action=action, target=target, before=before, limit=limit + 1
        )

    def make() -> AuditPage:
        shown = found[:limit]
        return AuditPage(
            items=tuple(ActRecord.model_validate(act) for act in shown),
            next_cursor=cursor_of(str(shown[-1].id)) if len(found) > limit else None,
        )

    return answer(request, (found, limit), make)


def _id_of(cursor: str) -> int:
    (given,) = parts_of(cursor, 1)
    if not (given.isdigit() and len(given) <= _ID_DIGITS_MAX):
        raise unknown_cursor()
    return int(given)
