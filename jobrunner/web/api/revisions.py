"""Revisions: what was applied, when, by whom and from which commit."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field, TypeAdapter

from jobrunner.db.engine import transaction
from jobrunner.db.history import Revision, get_revision
from jobrunner.db.revision_pages import RevisionOnPage, RevisionPosition, page_of_revisions
from jobrunner.db.revisions import NOTIFIER
from jobrunner.errors import NotFound
from jobrunner.plan.notifiers import NotifierChange
from jobrunner.web.api.record import Cursor, Limit, LineFilter, Moment, Record
from jobrunner.web.context import HasWeb
from jobrunner.web.cursors import cursor_of, parts_of, unknown_cursor
from jobrunner.web.etags import answer
from jobrunner.web.security import Reader
from jobrunner.web.visible import visible_changes, visible_notifiers

router = APIRouter(prefix="/revisions", tags=["changes"])
_MOMENT: TypeAdapter[Moment] = TypeAdapter(Moment)
_NUMBER_MAX = 2**63 - 1


class RevisionRecord(Record):
    """An apply that has changed something."""

    project: str
    number: int
    created_at: Moment
    author: str
    git_commit: str | None
    git_dirty: bool
    rolled_back_to: int | None = Field(description="Whose definitions came back; null: the files'.")
    digest: str = Field(description="Of its plan.")
    counts: dict[str, int] = Field(
        description="Jobs by action, of those that the caller sees; `notifier`: how many notifiers."
    )


class RevisionPage(Record):
    """A page of revisions, the newest first."""

    items: tuple[RevisionRecord, ...]
    next_cursor: str | None = Field(description="For the next page; null: this is the last one.")


class RevisionDetailRecord(RevisionRecord):
    """A revision with its diff."""

    notifiers: tuple[Any, ...] = Field(
        description="As in the JSON form of a plan, for who sees all namespaces."
    )
    changes: tuple[Any, ...] = Field(description="As in the JSON form of a plan.")


@router.get("", summary="The revisions, the newest first", response_model=RevisionPage)
def list_revisions(
    request: Request,
    web: HasWeb,
    caller: Reader,
    *,
    project: LineFilter = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """Those that have touched a job which the caller sees."""
    after = None if cursor is None else _position(cursor)
    with transaction(web.engine) as connection:
        found = page_of_revisions(connection, caller, project=project, after=after, limit=limit + 1)
    return answer(request, found, lambda: _page(found, limit))


def _position(cursor: str) -> RevisionPosition:
    at, project, number = parts_of(cursor, 3)
    try:
        position = RevisionPosition(_MOMENT.validate_python(at), project, int(number))
    except ValueError as error:
        raise unknown_cursor() from error
    if not 0 <= position.number <= _NUMBER_MAX:
        raise unknown_cursor()
    return position


def _page(found: Sequence[RevisionOnPage], limit: int) -> RevisionPage:
    last = found[limit - 1] if len(found) > limit else None
    return RevisionPage(
        items=tuple(RevisionRecord.model_validate(one) for one in found[:limit]),
        next_cursor=None
        if last is None
        else cursor_of(last.created_at.isoformat(), last.project, str(last.number)),
    )


@router.get(
    "/{project}/{number}", summary="One revision with its diff", response_model=RevisionDetailRecord
)
def one_revision(
    request: Request,
    web: HasWeb,
    caller: Reader,
    project: Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")],
    number: Annotated[int, Path(ge=0, le=_NUMBER_MAX)],
) -> Response:
    """Its changes, of jobs that the caller sees."""
    with transaction(web.engine) as connection:
        revision = get_revision(connection, project, number)
    changes = visible_changes(caller, revision.changes)
    if not changes and caller.namespaces is not None:
        raise NotFound(
            f"Project {project} has no revision {number}.",
            hint="`jobrunner history` shows those that there are.",
        )
    notifiers = visible_notifiers(caller, revision.notifiers)
    return answer(
        request, (revision, changes), lambda: _detail(project, revision, notifiers, changes)
    )


def _detail(
    project: str,
    revision: Revision,
    notifiers: Sequence[NotifierChange],
    changes: Sequence[Mapping[str, Any]],
) -> RevisionDetailRecord:
    counts = {NOTIFIER: len(notifiers)} if notifiers else {}
    for change in changes:
        counts[change["action"]] = counts.get(change["action"], 0) + 1
    same = {
        name: getattr(revision, name)
        for name in RevisionRecord.model_fields
        if name not in {"project", "counts"}
    }
    return RevisionDetailRecord(
        project=project,
        counts=counts,
        notifiers=tuple(one.as_json() for one in notifiers),
        changes=tuple(changes),
        **same,
    )
