"""Runs in a process of its own: loads a Celery app, as its beat does, and tells its schedule as JSON.

`python -m jobrunner.importing.celery_child acme.celery:app 4711`, which is the process that asks. What
the app prints goes to stderr; what it has started ends before this process does.
"""

import inspect
import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from celery import Celery
from celery.app.utils import find_app
from celery.beat import ScheduleEntry
from celery.schedules import crontab, schedule, solar

from jobrunner.process_tree import adopt_orphans, die_with, kill_descendants

_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_CLEAN_UP_SECONDS = 12 * 3600
"""How long beat lets the message of its own entry wait (`Scheduler.install_default_entries`)."""


def main() -> None:
    """Write what was found to the stdout that this process was given."""
    die_with(int(sys.argv[2]))
    adopt_orphans()
    try:
        _tell()
    finally:
        kill_descendants()


def _tell() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)
    app = find_app(sys.argv[1])
    app.loader.init_worker()
    app.finalize()
    told = {
        "app": _path_of(app, sys.argv[1]),
        "timezone": _zone(app.timezone),
        "broker": _broker(app),
        "entries": [*_entries(app)],
        "tasks": [*_tasks(app)],
    }
    with os.fdopen(answers, "w", encoding="utf-8") as opened:
        json.dump(told, opened)


def _tasks(app: Celery) -> Iterator[Mapping[str, Any]]:
    """The app's own; whether one can be called without arguments."""
    for name in sorted(app.tasks):
        if name.startswith("celery."):
            continue
        try:
            inspect.signature(app.tasks[name].run).bind()
        except (TypeError, ValueError):
            yield {"name": name, "needs_arguments": True}
        else:
            yield {"name": name, "needs_arguments": False}


def _path_of(app: Celery, given: str) -> str:
    """As the project file names it: `celery -A` also takes the module alone."""
    module = given.partition(":")[0]
    for name in (module, f"{module}.celery"):
        found = [one for one, value in vars(sys.modules.get(name, object)).items() if value is app]
        if found:
            return f"{name}:{found[0]}"
    return given


def _zone(zone: tzinfo) -> str | None:
    """None: the machine's."""
    return "UTC" if zone is UTC else getattr(zone, "key", None)


def _broker(app: Celery) -> str:
    try:
        return str(app.connection_for_write().transport.driver_type)
    except Exception:  # noqa: BLE001  whatever its transport raises, nobody knows then
        return ""


def _entries(app: Celery) -> Iterator[Mapping[str, Any]]:
    schedule_of_app = dict(app.conf.beat_schedule or {})
    if _cleans_up(app):
        schedule_of_app.setdefault(
            "celery.backend_cleanup",
            {
                "task": "celery.backend_cleanup",
                "schedule": crontab("0", "4", "*"),
                "options": {"expires": _CLEAN_UP_SECONDS},
            },
        )
    for name, given in schedule_of_app.items():
        try:
            entry = given if isinstance(given, ScheduleEntry) else _made(app, name, given)
            yield {"name": str(name), **_told(app, entry)}
        except Exception as error:  # noqa: BLE001  an entry is the user's code
            yield {"name": str(name), "mistake": f"beat itself cannot read it: {error!r}"}


def _cleans_up(app: Celery) -> bool:
    """Whether beat adds an entry of its own."""
    try:
        return bool(app.conf.result_expires and not app.backend.supports_autoexpire)
    except Exception:  # noqa: BLE001  a back end that cannot be made is not cleaned up, either
        return False


def _made(app: Celery, name: str, given: Mapping[str, Any]) -> ScheduleEntry:
    return ScheduleEntry(**{**given, "name": name, "app": app})


def _told(app: Celery, entry: ScheduleEntry) -> Mapping[str, Any]:
    options, unsaid = _options(entry.options or {})
    told = {
        "task": entry.task,
        "schedule": _schedule(entry.schedule),
        "options": options,
        "unsaid": unsaid,
        "path": _path(app, entry.task),
        "timezone": _zone_of(entry.schedule, app),
        "own_clock": isinstance(entry.schedule, crontab)
        and getattr(entry.schedule, "nowfun", None) is not None,
    }
    if entry.schedule is None:
        return {**told, "mistake": "it has no schedule"}
    try:
        arguments = [list(entry.args or ()), dict(entry.kwargs or {})]
        json.dumps(arguments, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return {**told, "mistake": f"its arguments cannot be said in JSON: {error}"}
    return {**told, "args": arguments[0], "kwargs": arguments[1]}


def _schedule(found: Any) -> Mapping[str, Any]:
    if isinstance(found, crontab):
        given = {name: getattr(found, f"_orig_{name}") for name in _FIELDS}
        return {"kind": "crontab"} | {
            name: value if isinstance(value, str | int) else sorted(value)
            for name, value in given.items()
        }
    if type(found) is schedule:
        every: Any = vars(found)
        seconds = every["run_every"].total_seconds()
        return {"kind": "interval", "seconds": seconds, "relative": bool(every["relative"])}
    if isinstance(found, solar):
        place = {"latitude": float(found.lat), "longitude": float(found.lon)}
        return {"kind": "solar", "event": found.event, **place}
    return {"kind": "other", "text": repr(found)}


def _zone_of(found: Any, app: Celery) -> str | None:
    """A crontab may have a zone of its own, as django-celery-beat's has."""
    return _zone(getattr(found, "tz", None) or app.timezone)


def _options(options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """What JSON can say, moments as mappings; and the rest as Python shows it."""
    said: dict[str, Any] = {}
    unsaid: dict[str, str] = {}
    for name, value in options.items():
        if isinstance(value, datetime):
            said[name] = {
                "moment": (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
            }
            continue
        try:
            json.dumps(value, allow_nan=False)
            said[name] = value
        except (TypeError, ValueError, RecursionError):
            unsaid[name] = repr(value)
    return said, unsaid


def _path(app: Celery, name: str | None) -> str | None:
    """Where a task of the app can be imported from."""
    task = app.tasks.get(name or "")
    module, attribute = getattr(task, "__module__", ""), getattr(task, "__name__", "")
    is_there = hasattr(sys.modules.get(module), attribute)
    return f"{module}.{attribute}" if is_there and module.partition(".")[0] != "celery" else None


if __name__ == "__main__":
    main()
