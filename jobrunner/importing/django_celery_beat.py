"""The tables of django-celery-beat 2.9 as entries of beat."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from jobrunner.db.foreign_schedules import DjangoTask
from jobrunner.importing.beat_entry import BeatEntry, read_entry
from jobrunner.importing.beat_schedule import iso
from jobrunner.importing.entries import Entry, Left

NOTES = (
    (
        "A crontab's own time zone is followed, as django-celery-beat does unless "
        "DJANGO_CELERY_BEAT_TZ_AWARE=False, with which the app's zone holds for all of them."
    ),
    (
        "After an outage its beat may make up for a fixed hour's run up to two hours before that hour of the "
        "next day; here catch_up: latest makes up for it as soon as a beat is back."
    ),
)
_PERIODS = {
    "days": timedelta(days=1),
    "hours": timedelta(hours=1),
    "minutes": timedelta(minutes=1),
    "seconds": timedelta(seconds=1),
    "microseconds": timedelta(microseconds=1),
}


class _Unreadable(Exception):
    """Why a row cannot be taken."""


def django_entries(tasks: Sequence[DjangoTask]) -> Iterator[Entry]:
    """Every row of django_celery_beat_periodictask."""
    for task in tasks:
        where = f"django_celery_beat_periodictask {task.id}"
        try:
            yield read_entry(_entry(task, where))
        except _Unreadable as error:
            yield Left(where, f"{task.name}: {task.task}", f"{error}")


def _entry(task: DjangoTask, where: str) -> BeatEntry:
    schedule, zone = _schedule(task)
    options: dict[str, Any] = {
        "queue": task.queue,
        "exchange": task.exchange,
        "routing_key": task.routing_key,
        "priority": task.priority,
        "headers": _json(task.headers or "{}", "headers"),
        "expires": task.expire_seconds,
    }
    return BeatEntry(
        where=where,
        name=task.name,
        task=task.task,
        args=_json(task.args or "[]", "args"),
        kwargs=_json(task.kwargs or "{}", "kwargs"),
        options=options,
        schedule=schedule,
        timezone=zone,
        description=task.description,
        enabled=task.enabled,
        schedule_keys=_bounds(task),
        notes=tuple(_notes(task)),
    )


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _Unreadable(f"its {name} are no JSON, and its beat disables it: {error}") from error


def _schedule(task: DjangoTask) -> tuple[dict[str, Any], str]:
    """What `read_schedule` takes, and the zone."""
    if task.interval_every is not None and task.interval_period in _PERIODS:
        interval = task.interval_every * _PERIODS[task.interval_period]
        return {"kind": "interval", "seconds": interval.total_seconds()}, "UTC"
    if task.minute is not None:
        fields = {
            "minute": task.minute,
            "hour": task.hour,
            "day_of_month": task.day_of_month,
            "month_of_year": task.month_of_year,
            "day_of_week": task.day_of_week,
        }
        return {"kind": "crontab", **fields}, task.timezone or "UTC"
    if task.solar_event is not None:
        place = {"latitude": task.latitude, "longitude": task.longitude}
        return {"kind": "solar", "event": task.solar_event, **place}, "UTC"
    if task.clocked_time is not None:
        return {"kind": "clocked", "at": task.clocked_time}, "UTC"
    raise _Unreadable("it has no schedule")


def _bounds(task: DjangoTask) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    if task.start_time is not None:
        bounds["start_at"] = iso(task.start_time)
    if task.expires is not None:
        bounds["end_at"] = iso(task.expires)
    if task.one_off and task.clocked_time is None:
        bounds["max_runs"] = 1
    return bounds


def _notes(task: DjangoTask) -> Iterator[str]:
    if task.expires is not None:
        yield "expires ends the entry there, and is end_at here"
    if task.one_off and task.clocked_time is None:
        yield "one_off: its next run is its only one, and max_runs: 1 here"
    if task.last_run_at is not None and task.interval_every is not None:
        yield f'it last ran at {iso(task.last_run_at)}; anchor: "{iso(task.last_run_at)}" keeps its phase'
