"""What all bodies of the API have in common, and the parameters that several routes take."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict

from jobrunner.spec.models import NAME_PATTERN

_FIRST_YEAR, _LAST_YEAR = 1900, 9998


class Record(BaseModel):
    """A body, or a part of one. A key that it does not have is refused, an `id` beside that of the
    path as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


def _usual_year(moment: datetime) -> datetime:
    """Both PostgreSQL and the arithmetic of time zones need some days on either side."""
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"a year between {_FIRST_YEAR} and {_LAST_YEAR} is needed")
    return moment


def _as_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


WallTime = Annotated[datetime, AfterValidator(_usual_year)]
"""ISO 8601; without an offset on the clock of a schedule's time zone."""
Moment = Annotated[AwareDatetime, AfterValidator(_usual_year), AfterValidator(_as_utc)]
"""ISO 8601 with an offset."""

_ONE_LINE = r"^[^\x00-\x1f\x7f]{1,200}$"

NamespaceInPath = Annotated[
    str, Path(pattern=NAME_PATTERN, description="Of the job.", examples=["reports"])
]
JobInPath = Annotated[
    str, Path(pattern=NAME_PATTERN, description="Of the job in its namespace.", examples=["daily"])
]
NamespaceFilter = Annotated[
    str | None, Query(pattern=NAME_PATTERN, description="Only of jobs of this namespace.")
]
QueueFilter = Annotated[str | None, Query(pattern=NAME_PATTERN, description="Only of this queue.")]
LineFilter = Annotated[
    str | None, Query(pattern=_ONE_LINE, description="One line of text, as it stands there.")
]
Limit = Annotated[int, Query(ge=1, le=500, description="So many at most.")]
Cursor = Annotated[
    str | None,
    Query(pattern=r"^[A-Za-z0-9_-]{1,1000}$", description="`next_cursor` of the page before."),
]
