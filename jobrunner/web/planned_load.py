"""How much work is planned for which hour: starts, and the slots that they keep busy.

What does not change from one request to the next is remembered: what a schedule's text means, its starts
of a day (`plan.hours`), and for a while how long each job usually takes.
"""

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from pydantic import ValidationError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.access.caller import Caller, Role
from jobrunner.db.durations import usual_seconds
from jobrunner.db.engine import transaction
from jobrunner.db.planned import PlannedSchedule, planned_schedules
from jobrunner.errors import DatabaseUnavailable
from jobrunner.plan.forecast import timing_in_force
from jobrunner.plan.hours import hour_of, starts_by_hour
from jobrunner.schedule import Timing
from jobrunner.spec.models import ScheduleSpec

_USUAL_KEPT_SECONDS = 300.0
_HOUR_SECONDS = 3600.0
_WEEK = timedelta(days=7)
_EVERYBODY = Caller(subject="", role=Role.VIEWER, via="open")


@dataclass(slots=True)
class HourlyLoad:
    """Planned for each of the hours that were asked for."""

    starts: list[int]
    busy: list[float]
    """Slots that are busy on average; a job that has never succeeded counts with its starts alone."""
    unknown: set[str] = field(default_factory=set)
    """Jobs of which nobody knows how long they take."""


class UsualDurations:
    """How long each job takes, asked for every five minutes at most. One for the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, float] = {}
        self._read_at: float | None = None

    def read(self, connection: Connection) -> Mapping[str, float]:
        """Seconds by address."""
        with self._lock:  # one asks, the others wait for his answer
            now = time.monotonic()
            if self._read_at is None or now - self._read_at > _USUAL_KEPT_SECONDS:
                self._known, self._read_at = usual_seconds(connection), now
            return self._known


def planned_load(
    connection: Connection,
    caller: Caller,
    usual: UsualDurations,
    *,
    start: datetime,
    end: datetime,
    by: str,
    namespace: str | None = None,
    queue: str | None = None,
) -> dict[str, HourlyLoad]:
    """For whole hours of UTC, by `queue`, `namespace` or `job`: what the caller sees of it."""
    schedules = planned_schedules(connection, caller, namespace=namespace, queue=queue)
    return load_of(schedules, usual.read(connection), start=start, end=end, by=by)


def look_ahead(engine: Engine, usual: UsualDurations, *, start: datetime) -> None:
    """Remember what the first reader of a week's calendar would wait for: seconds at 5,000 jobs."""
    with suppress(DatabaseUnavailable, DBAPIError), transaction(engine) as connection:
        planned_load(connection, _EVERYBODY, usual, start=start, end=start + _WEEK, by="queue")


def load_of(
    schedules: Iterable[PlannedSchedule],
    usual: Mapping[str, float],
    *,
    start: datetime,
    end: datetime,
    by: str,
) -> dict[str, HourlyLoad]:
    """The same of given schedules and durations in seconds. No jitter, pause or overlap is counted in."""
    first, hours = hour_of(start), hour_of(end) - hour_of(start)
    found: dict[str, HourlyLoad] = {}
    for schedule in schedules:
        timing = _timing_of(schedule.spec_json, schedule.address)
        if timing is None:
            continue
        load = found.setdefault(_key(schedule, by), HourlyLoad([0] * hours, [0.0] * hours))
        seconds = usual.get(schedule.address)
        if seconds is None:
            load.unknown.add(schedule.address)
        for hour, starts, minute in starts_by_hour(timing, start, end):
            load.starts[hour - first] += starts
            if seconds:
                _spread(load.busy, hour - first, starts, minute * 60, seconds)
    return found


def total_of(loads: Sequence[HourlyLoad], hours: int) -> HourlyLoad:
    """All of them together."""
    total = HourlyLoad([0] * hours, [0.0] * hours)
    for load in loads:
        total.starts = [a + b for a, b in zip(total.starts, load.starts, strict=True)]
        total.busy = [a + b for a, b in zip(total.busy, load.busy, strict=True)]
        total.unknown |= load.unknown
    return total


def _key(schedule: PlannedSchedule, by: str) -> str:
    match by:
        case "queue":
            return schedule.queue
        case "namespace":
            return schedule.address.partition("/")[0]
        case _:
            return schedule.address


def _spread(busy: list[float], index: int, starts: int, from_second: float, seconds: float) -> None:
    """A run that is longer than the rest of its hour keeps its slot in the next ones, too."""
    left = seconds
    room = _HOUR_SECONDS - from_second
    while left > 0 and index < len(busy):
        part = min(left, room)
        busy[index] += starts * part / _HOUR_SECONDS
        left, room, index = left - part, _HOUR_SECONDS, index + 1


@lru_cache(maxsize=16_384)
def _timing_of(spec_json: str, address: str) -> Timing | None:
    """None for one that is off, or that this version cannot read."""
    try:
        spec = ScheduleSpec.model_validate(json.loads(spec_json))
    except ValidationError:
        return None
    return timing_in_force(spec, address)
