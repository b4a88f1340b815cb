"""The calendar: what was to do and what will be, by hour and queue."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from jobrunner.db.engine import transaction
from jobrunner.db.past_load import PastHour, past_load
from jobrunner.web.api.record import Moment, NamespaceFilter, QueueFilter, Record
from jobrunner.web.context import HasWeb
from jobrunner.web.etags import answer
from jobrunner.web.planned_load import HourlyLoad, planned_load
from jobrunner.web.security import Reader

router = APIRouter(prefix="/calendar", tags=["calendar"])
_HOUR = timedelta(hours=1)
Hours = Annotated[int, Query(ge=0, le=168, description="So many whole hours of UTC.")]


class PastRecord(Record):
    """The runs of a queue whose time was in that hour."""

    hour: Moment = Field(description="Its beginning.")
    queue: str
    runs: int
    busy_slots: float = Field(description="That they would have kept busy for the whole hour.")


class PlannedRecord(Record):
    """What the schedules of a queue's jobs start in that hour."""

    hour: Moment = Field(description="Its beginning.")
    queue: str
    starts: int = Field(description="Without jitter, pauses and overlap.")
    busy_slots: float = Field(
        description="That they keep busy on average, by how long their jobs usually take."
    )


class Calendar(Record):
    """Both, by hour and queue; where there is nothing, nothing is told."""

    past: tuple[PastRecord, ...]
    planned: tuple[PlannedRecord, ...] = Field(description="From the beginning of this hour on.")


@router.get("", summary="Load by the hour", response_model=Calendar)
def calendar(
    request: Request,
    web: HasWeb,
    caller: Reader,
    *,
    past_hours: Hours = 24,
    planned_hours: Hours = 24,
    namespace: NamespaceFilter = None,
    queue: QueueFilter = None,
) -> Response:
    """What was to do in the last hours, and what is planned for the next ones, of what he sees."""
    now = web.now()
    start = now.replace(minute=0, second=0, microsecond=0)
    with transaction(web.engine) as connection:
        past = past_load(
            connection,
            caller,
            start=start - past_hours * _HOUR,
            end=now,
            namespace=namespace,
            queue=queue,
        )
        planned = planned_load(
            connection,
            caller,
            web.usual_durations,
            start=start,
            end=start + planned_hours * _HOUR,
            by="queue",
            namespace=namespace,
            queue=queue,
        )
    record = Calendar(past=tuple(map(_past, past)), planned=tuple(_planned(planned, start)))
    return answer(request, record, lambda: record)


def _past(found: PastHour) -> PastRecord:
    return PastRecord(
        hour=found.hour,
        queue=found.queue,
        runs=found.runs,
        busy_slots=found.seconds / _HOUR.total_seconds(),
    )


def _planned(loads: Mapping[str, HourlyLoad], start: datetime) -> Iterator[PlannedRecord]:
    hours = max((len(load.starts) for load in loads.values()), default=0)
    for index in range(hours):
        for queue, load in sorted(loads.items()):
            if load.starts[index] or load.busy[index]:
                yield PlannedRecord(
                    hour=start + index * _HOUR,
                    queue=queue,
                    starts=load.starts[index],
                    busy_slots=load.busy[index],
                )
