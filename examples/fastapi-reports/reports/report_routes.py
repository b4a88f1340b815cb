"""Ask for a report, see how far it is, fetch its file."""

import asyncio
import uuid
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from jobrunner.access.caller import Permission
from jobrunner.contrib.fastapi import HasTrigger, KnownCaller
from jobrunner.errors import NotFound
from reports.access import OwnOrganization
from reports.celery_app import app as celery_app
from reports.database import HasSession
from reports.settings import settings
from reports.tables import RequestedReport

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])


class Wanted(BaseModel):
    """What the report is to be of."""

    days: int = Field(default=30, ge=1, le=366)
    kind: Literal["csv", "pdf"] = "csv"


class Asked(BaseModel):
    """The run that makes the report."""

    run_id: uuid.UUID


class Status(BaseModel):
    """How far it is, in Celery's words."""

    status: str = Field(examples=["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED"])
    result: Any = None
    error: str | None = None


@router.post("/{organization_id}/sales-report", status_code=202)  # noqa: FAST003  for OwnOrganization
async def ask_for_sales_report(
    organization: OwnOrganization,
    wanted: Wanted,
    *,
    request: Request,
    response: Response,
    caller: KnownCaller,
    session: HasSession,
    trigger: HasTrigger,
) -> Asked:
    """The report and its run exist from the same moment on, or neither does."""
    run = await trigger(
        "reports/sales",
        {"organization_id": organization.id, **wanted.model_dump()},
        session=session,
        created_by=caller.subject,
    )
    if run.is_new:
        session.add(
            RequestedReport(
                run_id=run.run_id, organization_id=organization.id, requested_by=caller.subject
            )
        )
    response.headers["Location"] = request.url_for("status", run_id=run.run_id).path
    return Asked(run_id=run.run_id)


@router.get("/tasks/{run_id}/status")
async def status(run_id: uuid.UUID, caller: KnownCaller, session: HasSession) -> Status:
    """Of a report that the caller has asked for."""
    report = await session.get(RequestedReport, run_id)
    is_own = report is not None and report.requested_by == caller.subject
    if not (is_own or caller.has(Permission.ADMINISTER)):
        raise NotFound("There is no such report.")
    return await asyncio.to_thread(_status, run_id)


@router.get("/tasks/{run_id}/file")
async def file(run_id: uuid.UUID, caller: KnownCaller, session: HasSession) -> FileResponse:
    """The report itself, once it is there."""
    told = await status(run_id, caller, session)
    # An administrator may name a run of another job.
    name = told.result.get("file") if isinstance(told.result, dict) else None
    if name is None or not (settings().folder / name).is_file():
        raise NotFound("The report is not there, or not yet.")
    return FileResponse(settings().folder / name)


def _status(run_id: uuid.UUID) -> Status:
    found = celery_app.AsyncResult(str(run_id))
    match found.state:
        case "SUCCESS":
            return Status(status="SUCCESS", result=found.result)
        case "FAILURE" | "RETRY" | "REVOKED" as state:
            return Status(status=state, error=str(found.result))
        case state:
            return Status(status=state)
