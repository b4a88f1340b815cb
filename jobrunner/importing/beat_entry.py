"""An entry of beat, wherever it is kept: its schedule and its options as a job's keys."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from jobrunner.importing.beat_schedule import NotTaken, iso, read_schedule
from jobrunner.importing.entries import Job, Left, Times
from jobrunner.spec.durations import format_duration
from jobrunner.spec.models import NAME_PATTERN

DEFAULTS: Mapping[str, Any] = {"overlap": "allow"}


def notes_of_beat(app: str, celery_version: str) -> tuple[str, ...]:
    """What holds for all entries of a beat. `app` is its dotted path, or … where nobody knows."""
    return (
        f'Write celery: {{app: "{app}"}} into the project file: its own workers get a celery_task.',
        "overlap: allow, as beat does it: nobody tells either of them when a celery_task ends.",
        f"beat's times are those of Celery {celery_version}, by its own classes.",
    )


@dataclass(frozen=True, slots=True)
class BeatEntry:
    """What the three sources tell."""

    where: str
    name: str
    task: str | None
    args: Any
    kwargs: Any
    options: Mapping[str, Any]
    schedule: Mapping[str, Any]
    """See `read_schedule`."""
    timezone: str
    path: str | None = None
    """Where the task's callable stands, for a job of ours that calls it."""
    description: str = ""
    enabled: bool = True
    schedule_keys: Mapping[str, Any] | None = None
    """Further ones: `start_at`, `end_at`, `max_runs`."""
    notes: Sequence[str] = ()
    broker: str = ""
    """`redis`, `amqp`; '' where nobody knows."""


def read_entry(entry: BeatEntry) -> Job | Left:
    """The job of an entry, or why there is none."""
    original = _original(entry)
    if not entry.task:
        return Left(entry.where, original, "it names no task")
    mistake = _argument_mistake(entry.args, entry.kwargs)
    if mistake:
        return Left(entry.where, original, mistake)
    try:
        read = read_schedule(entry.schedule, entry.timezone)
    except NotTaken as error:
        return Left(entry.where, original, f"{error}")
    keys: dict[str, Any] = {"description": entry.description} if entry.description else {}
    keys |= {"task": entry.path} if entry.path else {"celery_task": entry.task}
    keys |= {"args": list(entry.args)} if entry.args else {}
    keys |= {"kwargs": dict(entry.kwargs)} if entry.kwargs else {}
    schedule = dict(read.keys)
    further = dict(entry.schedule_keys or {})
    notes = [*read.notes, *entry.notes, *_take_options(entry, keys, further)]
    if not entry.enabled:
        notes.append("it is disabled there, too")
    return Job(
        where=entry.where,
        original=original,
        wanted_name=entry.name,
        keys=keys,
        schedule=schedule | further,
        notes=tuple(notes),
        old_times=_bounded(read.times, further),
        is_in_phase=read.is_in_phase,
    )


def _original(entry: BeatEntry) -> str:
    kind = entry.schedule.get("kind")
    rest = {name: value for name, value in entry.schedule.items() if name != "kind"}
    said = {name: value for name, value in rest.items() if value not in (None, False, "*")}
    told = ", ".join(f"{name}={_shown(value)}" for name, value in said.items())
    return f"{entry.name}: {entry.task} {kind}({told})"


def _shown(value: Any) -> str:
    match value:
        case datetime():
            return iso(value)
        case Decimal():
            return f"{value.normalize():f}"
        case Mapping():
            return f"{{{', '.join(f'{name}: …' for name in value)}}}"  # headers may hold a token
        case _:
            return repr(value)


def _argument_mistake(args: Any, kwargs: Any) -> str:
    if not isinstance(args or [], list | tuple):
        return "its args are no list"
    if not isinstance(kwargs or {}, Mapping):
        return "its kwargs are no mapping"
    try:
        json.dumps([args, kwargs], allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return f"its arguments cannot be said in JSON: {error}"
    return ""


def _take_options(
    entry: BeatEntry, keys: dict[str, Any], schedule: dict[str, Any]
) -> Iterator[str]:
    """Write what has a key of ours; yield a note for each that has none."""
    for name, value in sorted(entry.options.items()):
        if value is None or value in ({}, []):
            continue
        match name:
            case "queue" if isinstance(value, str) and re.fullmatch(NAME_PATTERN, value):
                keys["queue"] = value
            case "queue":
                yield f"queue {value!r} is no name of a queue here; the app's routes decide"
            case "priority":
                yield from _take_priority(value, entry.broker, keys)
            case "expires":
                yield from _take_expiry(value, keys, schedule)
            case "time_limit" if entry.path and _is_seconds(value):
                keys["timeout"] = _duration(value)
            case "soft_time_limit" if entry.path and _is_seconds(value):
                keys["soft_timeout"] = _duration(value)
            case _:
                yield f"option {name}={_shown(value)} has no key here and is not taken"


def _take_priority(value: Any, broker: str, keys: dict[str, Any]) -> Iterator[str]:
    if not isinstance(value, int) or not 0 <= value <= 9 or not broker:
        yield (
            f"priority {value!r} is not taken: 9 is the highest here, whatever the broker; "
            "on Redis Celery's highest is 0, on RabbitMQ the largest"
        )
    elif broker == "redis":
        keys["priority"] = 9 - value
        yield f"priority {value} on Redis is {9 - value} here: 9 is the highest on every broker"
    else:
        keys["priority"] = value


def _take_expiry(value: Any, keys: dict[str, Any], schedule: dict[str, Any]) -> Iterator[str]:
    if _is_seconds(value) and value > 0:
        keys["expires"] = _duration(value)
    elif isinstance(value, datetime):
        schedule["end_at"] = iso(value)
        yield "expires is a moment there, after which no message is obeyed: end_at here"
    else:
        yield f"option expires={value!r} is no time and is not taken"


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9


def _duration(seconds: float) -> str:
    return format_duration(timedelta(seconds=seconds))


def _bounded(times: Times | None, schedule: Mapping[str, Any]) -> Times | None:
    """Of a beat that keeps to the start, the end and the count of an entry."""
    if times is None or not schedule:
        return times
    first = datetime.fromisoformat(schedule.get("start_at", "1970-01-01T00:00:00Z"))
    last = datetime.fromisoformat(schedule.get("end_at", "9999-01-01T00:00:00Z"))

    def bounded(start: datetime, end: datetime) -> Iterator[datetime]:
        for count, found in enumerate(times(max(start, first), min(end, last))):
            if count == schedule.get("max_runs"):
                return
            yield found

    return bounded
