"""What is not as the files have it: plans that wait for a person, and drift."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from jobrunner.access.caller import Caller
from jobrunner.db.engine import transaction
from jobrunner.db.pending import PendingPlan, read_pending
from jobrunner.db.projects import project_names
from jobrunner.errors import NotFound, UsageError
from jobrunner.plan.changes import changes_as_json
from jobrunner.reconcile import find_drift, reading
from jobrunner.web.api.record import LineFilter, Moment, Record
from jobrunner.web.context import HasWeb
from jobrunner.web.etags import answer
from jobrunner.web.security import Reader
from jobrunner.web.visible import visible_changes, visible_reason

router = APIRouter(prefix="/plan", tags=["changes"])


class PendingRecord(Record):
    """A plan that waits for a person."""

    project: str
    digest: str
    reason: str = Field(description="Why it waits.")
    made_by: str
    made_at: Moment
    approved_by: str | None
    approved_at: Moment | None
    changes: tuple[Any, ...] = Field(description="Of jobs that the caller sees.")


class PendingPage(Record):
    """All that wait, by project."""

    items: tuple[PendingRecord, ...]


@router.get("", summary="Plans that wait for a person", response_model=PendingPage)
def pending_plans(request: Request, web: HasWeb, caller: Reader) -> Response:
    """What the files would change and a watch does not apply by itself."""
    with transaction(web.engine) as connection:
        found = read_pending(connection)
    told = [(one, visible_changes(caller, one.plan.get("changes", ()))) for one in found]
    seen = [each for each in told if each[1] or caller.namespaces is None]
    return answer(
        request, seen, lambda: PendingPage(items=tuple(_pending(caller, *each) for each in seen))
    )


def _pending(caller: Caller, one: PendingPlan, changes: tuple[Any, ...]) -> PendingRecord:
    same = {name: getattr(one, name) for name in PendingRecord.model_fields if name != "changes"}
    return PendingRecord(**{**same, "reason": visible_reason(caller, one.reason)}, changes=changes)


class DriftRecord(Record):
    """What somebody has changed in the database since the last apply."""

    project: str
    revision: int
    drift: bool
    changes: tuple[Any, ...] = Field(description="What would put it right.")
    edited: tuple[str, ...] = Field(
        description="Jobs whose stored definition is not the one that was applied."
    )


@router.get("/drift", summary="What somebody has changed in the database")
def drift(web: HasWeb, caller: Reader, project: LineFilter = None) -> DriftRecord:
    """Compared with the last apply; a pause is no drift. Needed where there are several: `project`."""
    with reading(web.engine) as connection:
        found = find_drift(connection, project or _only_project(connection))
    changes = visible_changes(caller, changes_as_json(found.plan.changes))
    edited = tuple(one for one in found.edited if _sees(caller, one))
    return DriftRecord(
        project=found.plan.project,
        revision=found.plan.base_revision,
        drift=bool(changes or edited),
        changes=changes,
        edited=edited,
    )


def _only_project(connection: Connection) -> str:
    names = project_names(connection)
    if not names:
        raise NotFound("Nothing was ever applied to this database.")
    if len(names) > 1:
        raise UsageError("There are several projects.", hint=f"Choose one: {', '.join(names)}.")
    return names[0]


def _sees(caller: Caller, address: str) -> bool:
    return bool(visible_changes(caller, [{"address": address}]))
