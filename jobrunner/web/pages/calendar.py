"""What is planned for which hour, against the slots of the workers: a day, a week, and the day that was."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from jobrunner.db.engine import transaction
from jobrunner.db.past_load import PastHour, past_load
from jobrunner.db.processes import SeenProcess, read_processes
from jobrunner.web.charts.heat import EMPTY, Cell, cells_of
from jobrunner.web.context import HasWeb
from jobrunner.web.pages.rendering import page, zone_of
from jobrunner.web.planned_load import HourlyLoad, planned_load, total_of
from jobrunner.web.security import Reader

_HOUR = timedelta(hours=1)
_ROWS_SHOWN = 40
_DAY_HOURS, _WEEK_HOURS = 24, 168

router = APIRouter(include_in_schema=False)

Short = Annotated[str, Query(max_length=200)]


@router.get("/calendar")
def calendar(
    request: Request,
    web: HasWeb,
    caller: Reader,
    *,
    span: Literal["day", "week", "past"] = "day",
    by: Literal["queue", "namespace", "job"] = "queue",
    queue: Short = "",
    namespace: Short = "",
) -> Response:
    """The hours from this one on, or those up to this one, in the reader's zone."""
    zone = zone_of(request)
    now = web.now().replace(minute=0, second=0, microsecond=0)
    hours = _WEEK_HOURS if span == "week" else _DAY_HOURS
    start = now - (hours - 1) * _HOUR if span == "past" else now
    end = start + hours * _HOUR
    rows_by = by if span == "day" else "queue"
    only = {"namespace": namespace or None, "queue": queue or None}
    with transaction(web.engine) as connection:
        if span == "past":
            past = past_load(connection, caller, start=start, end=end, **only)
            loads = _past_loads(past, start, hours)
        else:
            usual = web.usual_durations
            loads = planned_load(
                connection, caller, usual, start=start, end=end, by=rows_by, **only
            )
        slots = _slots_of(read_processes(connection, kind="worker"))
    total = total_of(list(loads.values()), hours)
    heat = _Heat(slots, queue, total)
    return page(
        request,
        caller,
        "calendar.html",
        span=span,
        by=rows_by,
        queue=queue,
        namespace=namespace,
        heads=_week_heads() if span == "week" else _day_heads(start, zone),
        rows=heat.days(start, zone) if span == "week" else heat.rows(loads, rows_by),
        left_out=0 if span == "week" else max(len(loads) - _ROWS_SHOWN, 0),
        busiest=heat.busiest(loads, start),
        slots=heat.all_slots,
        is_by_starts=heat.is_by_starts,
        starts=sum(total.starts),
        unknown=len(total.unknown),
    )


def _past_loads(past: Iterable[PastHour], start: datetime, hours: int) -> dict[str, HourlyLoad]:
    """A run counts for the hour of its time, however long it took."""
    loads: dict[str, HourlyLoad] = {}
    for one in past:
        load = loads.setdefault(one.queue, HourlyLoad([0] * hours, [0.0] * hours))
        index = (one.hour - start) // _HOUR
        load.starts[index] += one.runs
        load.busy[index] += one.seconds / _HOUR.total_seconds()
    return loads


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A queue, a namespace, a job or a day."""

    name: str
    cells: list[Cell]
    slots: int | None
    """Of the workers that serve it, where it is a queue."""


@dataclass(frozen=True, slots=True)
class Busiest:
    """The hour with the most work."""

    at: datetime
    cell: Cell
    mostly: str
    """Which of several rows has more than half of it; '': none."""


class _Heat:
    """What fills a cell: slots where it is known how long runs take, else the number of starts."""

    def __init__(self, slots: Mapping[str, int], queue: str, total: HourlyLoad) -> None:
        self._slots = slots
        self._total = total
        self.all_slots = slots.get(queue, 0) if queue else slots.get("", 0)
        self.is_by_starts = not any(total.busy)

    def rows(self, loads: Mapping[str, HourlyLoad], by: str) -> list[HeatRow]:
        """The busiest first; the sum above them where there are several."""
        ordered = sorted(
            loads.items(), key=lambda one: (-sum(one[1].busy), -sum(one[1].starts), one[0])
        )
        found = [self._row(name, load, by) for name, load in ordered[:_ROWS_SHOWN]]
        sum_of_all = HeatRow("", self._cells(self._total, None), None)
        return [sum_of_all, *found] if len(found) > 1 else found

    def days(self, start: datetime, zone: ZoneInfo) -> list[HeatRow]:
        """A row a day. An hour that the clock shows twice is both together."""
        cells = self._cells(self._total, None)
        days: dict[date, list[Cell]] = {}
        for index, cell in enumerate(cells):
            local = (start + index * _HOUR).astimezone(zone)
            row = days.setdefault(local.date(), [EMPTY] * 24)
            row[local.hour] = cell if row[local.hour] is EMPTY else _heavier(row[local.hour], cell)
        return [HeatRow(f"{day:%a} {day.day} {day:%b}", row, None) for day, row in days.items()]

    def busiest(self, loads: Mapping[str, HourlyLoad], start: datetime) -> Busiest | None:
        """None where nothing is planned."""
        measured = self._measured(self._total)
        if not any(measured):
            return None
        index = measured.index(max(measured))
        shares = {name: self._measured(load)[index] / max(measured) for name, load in loads.items()}
        mostly = next((name for name, share in shares.items() if share > 0.5), "")
        cell = self._cells(self._total, None)[index]
        return Busiest(start + index * _HOUR, cell, mostly if len(loads) > 1 else "")

    def _row(self, name: str, load: HourlyLoad, by: str) -> HeatRow:
        slots = self._slots.get(name, 0) if by == "queue" else None
        return HeatRow(name, self._cells(load, slots), slots)

    def _cells(self, load: HourlyLoad, slots: int | None) -> list[Cell]:
        most = max(self._measured(self._total), default=0.0)
        full = most if self.is_by_starts else (slots or self.all_slots or most)
        return cells_of(load.starts, load.busy, full=full, is_by_starts=self.is_by_starts)

    def _measured(self, load: HourlyLoad) -> list[float]:
        return [float(number) for number in load.starts] if self.is_by_starts else load.busy


def _heavier(one: Cell, other: Cell) -> Cell:
    return one if (one.busy, one.starts) >= (other.busy, other.starts) else other


def _slots_of(workers: Iterable[SeenProcess]) -> dict[str, int]:
    """By queue, of the living ones; '' is all of them."""
    slots: dict[str, int] = {}
    for seen in workers:
        if seen.is_alive:
            number = int(seen.process.details.get("concurrency", 0))
            for queue in {"", *seen.process.details.get("queues", ())}:
                slots[queue] = slots.get(queue, 0) + number
    return slots


def _week_heads() -> list[str]:
    return [f"{hour:02d}" for hour in range(24)]


def _day_heads(start: datetime, zone: ZoneInfo) -> list[str]:
    """`20`, or `20:30` in a zone whose hours are not those of UTC."""
    local = [(start + index * _HOUR).astimezone(zone) for index in range(_DAY_HOURS)]
    return [f"{one:%H:%M}" if one.minute else f"{one:%H}" for one in local]
