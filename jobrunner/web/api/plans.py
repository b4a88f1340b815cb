"""What is not as the files have it: plans that wait for a person, and drift."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from sqlalchemy import Connection

from jobrunner.access.caller import Caller
from jobrunner.db.engine import transaction
from jobrunner.db.pending import PendingPlan, read_pending
from jobrunner.db.projects import find_project, project_names
from jobrunner.errors import NotFound, UsageError
from jobrunner.plan.changes import changes_as_json
from jobrunner.plan.notifiers import NotifierChange
from jobrunner.web.api.record import LineFilter, Moment, Record
from jobrunner.web.comparisons import Comparison, compare
from jobrunner.web.context import HasWeb, Web
from jobrunner.web.etags import answer
from jobrunner.web.security import Reader
from jobrunner.web.visible import visible_changes, visible_notifiers, visible_reason

_COMPARED_WITHIN_SECONDS = 10.0

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
    notifiers: tuple[Any, ...] = Field(description="For who sees all namespaces.")
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
    own = {"reason", "notifiers", "changes"}
    return PendingRecord(
        **{name: getattr(one, name) for name in PendingRecord.model_fields if name not in own},
        reason=visible_reason(caller, one.reason),
        notifiers=_as_json(visible_notifiers(caller, one.notifiers)),
        changes=changes,
    )


def _as_json(notifiers: Iterable[NotifierChange]) -> tuple[dict[str, Any], ...]:
    return tuple(one.as_json() for one in notifiers)


class DriftRecord(Record):
    """What somebody has changed in the database since the last apply."""

    project: str
    revision: int
    compared_at: Moment = Field(description="What was changed since may not be in it.")
    drift: bool
    notifiers: tuple[Any, ...] = Field(description="For who sees all namespaces.")
    changes: tuple[Any, ...] = Field(description="What would put it right.")
    edited: tuple[str, ...] = Field(
        description="Jobs whose stored definition is not the one that was applied."
    )


@router.get("/drift", summary="What somebody has changed in the database")
async def drift(web: HasWeb, caller: Reader, project: LineFilter = None) -> DriftRecord:
    """Compared with the last apply; a pause is no drift. Needed where there are several: `project`.

    One comparison of a project is made at a time, for all who ask meanwhile. One that takes longer than
    ten seconds is answered with what the last one has found, or with 503 while there is none.
    """
    name = await run_in_threadpool(_applied_project, web, project)
    found = await web.comparisons.wait(
        name,
        partial(compare, web.engine, name, web.now),
        timeout_seconds=_COMPARED_WITHIN_SECONDS,
    )
    if found is None:
        raise HTTPException(503, "The comparison goes on; ask again.", {"Retry-After": "5"})
    return await run_in_threadpool(_drift_record, caller, found)


def _drift_record(caller: Caller, found: Comparison) -> DriftRecord:
    plan = found.drift.plan
    changes = visible_changes(caller, changes_as_json(plan.changes))
    notifiers = visible_notifiers(caller, plan.notifiers)
    edited = tuple(one for one in found.drift.edited if _sees(caller, one))
    return DriftRecord(
        project=plan.project,
        revision=plan.base_revision,
        compared_at=found.at,
        drift=bool(notifiers or changes or edited),
        notifiers=_as_json(notifiers),
        changes=changes,
        edited=edited,
    )


def _applied_project(web: Web, given: str | None) -> str:
    with transaction(web.engine) as connection:
        name = given or _only_project(connection)
        if find_project(connection, name) is None:
            raise NotFound(
                f"Project {name} was never applied to this database.",
                hint="GET /api/v1/status names those that were.",
            )
    return name


def _only_project(connection: Connection) -> str:
    names = project_names(connection)
    if not names:
        raise NotFound("Nothing was ever applied to this database.")
    if len(names) > 1:
        raise UsageError("There are several projects.", hint=f"Choose one: {', '.join(names)}.")
    return names[0]


def _sees(caller: Caller, address: str) -> bool:
    return bool(visible_changes(caller, [{"address": address}]))
