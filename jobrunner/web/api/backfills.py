"""Backfill: the times of a schedule that have passed run again, or for the first time."""

import uuid

from fastapi import APIRouter
from pydantic import Field

from jobrunner.backfill import plan_backfill, start_backfill
from jobrunner.db.engine import transaction
from jobrunner.spec.models import NAME_PATTERN
from jobrunner.web.api.record import JobInPath, Moment, NamespaceInPath, Record, WallTime
from jobrunner.web.context import HasWeb
from jobrunner.web.security import Operator
from jobrunner.web.visible import check_sees_job

router = APIRouter(prefix="/jobs", tags=["jobs"])


class BackfillBody(Record):
    """The span, and how fast."""

    schedule: str | None = Field(
        default=None, pattern=NAME_PATTERN, description="Where the job has several."
    )
    start: WallTime = Field(
        description="The first moment; without an offset on the clock of the schedule's zone."
    )
    end: WallTime = Field(description="The first moment after the span.")
    max_active: int = Field(default=1, ge=1, le=1_000, description="So many of its runs at once.")
    request_id: str = Field(
        default="", pattern=r"^[!-~]{0,200}$", description="Another one runs the times again."
    )
    dry_run: bool = Field(default=False, description="Only say which times.")


class BackfillRecord(Record):
    """What came of it."""

    backfill: uuid.UUID | None = Field(description="null: it was a dry run.")
    times: int
    first: Moment | None
    last: Moment | None
    created: int
    existed: int = Field(description="Times that had their run already.")


@router.post("/{namespace}/{name}/backfill", summary="Run times that have passed", status_code=202)
def backfill(
    web: HasWeb, caller: Operator, namespace: NamespaceInPath, name: JobInPath, body: BackfillBody
) -> BackfillRecord:
    """Each time gets one run, however often this is repeated; so it needs no `Idempotency-Key`.

    At most 100,000 times. They start in order, beside what the schedule itself starts.
    """
    address = check_sees_job(caller, namespace, name)
    address += f"#{body.schedule}" if body.schedule else ""
    with transaction(web.engine) as connection:
        planned = plan_backfill(
            connection,
            address,
            start=body.start,
            end=body.end,
            # One subject's key is not another's.
            request_key=f"web:{caller.subject} {body.request_id}" if body.request_id else "",
        )
    made = None
    if not body.dry_run:
        made = start_backfill(
            web.engine, planned, max_active=body.max_active, created_by=caller.subject
        )
    return BackfillRecord(
        backfill=None if made is None else made.id,
        times=len(planned.times),
        first=planned.times[0] if planned.times else None,
        last=planned.times[-1] if planned.times else None,
        created=0 if made is None else made.created,
        existed=planned.existing if made is None else made.existed,
    )
