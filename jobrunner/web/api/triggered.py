"""The answer to who has asked for a run."""

import uuid
from typing import Literal

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from jobrunner.run import Start
from jobrunner.triggers import TriggeredRun
from jobrunner.web.api.record import Record

_OUTCOMES = {Start.SKIP: "skipped", Start.HOLD: "held", Start.REPLACE_AND_HOLD: "held"}


class TriggeredRecord(Record):
    """A run that was asked for."""

    run_id: uuid.UUID
    outcome: Literal["queued", "held", "skipped"] = Field(
        description="`held`: it waits for another run of the job. `skipped`: another one is not over, "
        "so it never starts."
    )
    is_new: bool = Field(
        description="False: an earlier request with the same `request_id` made it."
    )


def triggered_answer(request: Request, triggered: TriggeredRun) -> Response:
    """202, and where to look."""
    record = TriggeredRecord(
        run_id=triggered.run_id,
        outcome=_OUTCOMES.get(triggered.start, "queued"),
        is_new=triggered.is_new,
    )
    where = request.app.url_path_for("api_run", run_id=str(triggered.run_id))
    return Response(
        record.model_dump_json(),
        status_code=202,
        media_type="application/json",
        headers={"Location": request.scope.get("root_path", "") + where},
    )
