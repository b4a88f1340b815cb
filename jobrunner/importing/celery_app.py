"""The `beat_schedule` of a Celery app, loaded in a process of its own: its code may do anything."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from jobrunner.errors import JobrunnerError
from jobrunner.importing.beat_entry import BeatEntry, read_entry
from jobrunner.importing.entries import Entry, Left
from jobrunner.process_tree import how_it_ended, kill_tree

TIME_LIMIT_SECONDS = 30.0
As = Literal["celery_task", "task"]


def load_beat_schedule(
    app: str, *, folder: Path, time_limit_seconds: float = TIME_LIMIT_SECONDS
) -> Mapping[str, Any]:
    """What the app's process tells, run in `folder`. Raises JobrunnerError: it cannot be loaded, it
    hangs, it ends the process.
    """
    with subprocess.Popen(  # noqa: S603  our own module
        (sys.executable, "-m", "jobrunner.importing.celery_child", app, str(os.getpid())),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        start_new_session=True,
    ) as process:
        try:
            told, said = process.communicate(timeout=time_limit_seconds)
        except subprocess.TimeoutExpired:
            raise JobrunnerError(
                f"The Celery app {app} was not loaded within {time_limit_seconds:g} seconds.",
                hint="Importing it must not wait for anything; `celery -A "
                f"{app} report` hangs at the same place.",
            ) from None
        finally:
            _end(process)
    if process.returncode or not told:
        raise JobrunnerError(
            f"The Celery app {app} cannot be loaded: {_last_line(said) or how_it_ended(process.returncode)}.",
            hint="Name it as for `celery -A`, and call this where its modules can be imported.",
        )
    found: Mapping[str, Any] = json.loads(told)
    return found


def _end(process: "subprocess.Popen[bytes]") -> None:
    """With all that the app has started. One that came to its end has done so itself."""
    if process.returncode is None:  # not waited for yet, so its number is nobody else's
        kill_tree(process.pid)
        process.wait()


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip().rstrip(".") if lines else ""


def celery_entries(
    told: Mapping[str, Any], app: str, *, write_as: As, machine: str
) -> Iterator[Entry]:
    """The entries of what `load_beat_schedule` told. `machine` is the zone where the app has none."""
    for entry in told["entries"]:
        where = f"{app} beat_schedule[{entry['name']!r}]"
        if "mistake" in entry:
            yield Left(where, f"{entry['name']}: {entry.get('task', '')}", entry["mistake"])
            continue
        yield read_entry(
            BeatEntry(
                where=where,
                name=entry["name"],
                task=entry["task"],
                args=entry["args"],
                kwargs=entry["kwargs"],
                options={name: _option(value) for name, value in entry["options"].items()},
                schedule=entry["schedule"],
                timezone=entry["timezone"] or told["timezone"] or machine,
                path=entry["path"] if write_as == "task" else None,
                notes=tuple(_notes(entry, write_as)),
                broker=told["broker"],
            )
        )


def _option(value: Any) -> Any:
    is_moment = isinstance(value, Mapping) and set(value) == {"moment"}
    return datetime.fromisoformat(value["moment"]) if is_moment else value


def _notes(entry: Mapping[str, Any], write_as: As) -> Iterator[str]:
    if entry["own_clock"]:
        yield "its nowfun is not taken: this version of Celery reads the fields in the zone below"
    if write_as == "task" and not entry["path"]:
        yield "the app has no task of that name that can be imported: it stays a celery_task"
    for name, value in entry["unsaid"].items():
        yield f"option {name}={value} has no key here and is not taken"
