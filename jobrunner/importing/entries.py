"""What an importer has read, as values: each entry is a job to be, or a reason why it is none."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Times = Callable[[datetime, datetime], Iterator[datetime]]
"""(start, end), both UTC → the instants at which the other scheduler fires, in order."""

_NO_NAME = re.compile(r"[^a-z0-9._-]+")
_NAME_LENGTH = 80
"""Short of what a name may have: a number may have to follow."""


@dataclass(frozen=True, slots=True)
class Job:
    """An entry that becomes a job."""

    where: str
    """`/etc/cron.d/php:14`."""
    original: str
    """The entry as it stands there, in one line."""
    wanted_name: str
    """What the job would be called, were the name free; any text."""
    keys: Mapping[str, Any]
    """Of the job, in the order of writing, but for `enabled` and `schedule`."""
    schedule: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    """What will be different, and what was not taken."""
    old_times: Times | None = None
    """None where nobody can tell."""
    is_in_phase: bool = True
    """False: when it last ran decides when it runs next, so that only distances can be compared."""
    repeats_skipped: bool = False
    """Times that the clock skips are made up for one by one."""


@dataclass(frozen=True, slots=True)
class Left:
    """An entry that becomes none."""

    where: str
    original: str
    reason: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What the source says beside its entries: copied as a comment."""

    text: str


Entry = Job | Left | Remark


@dataclass(frozen=True, slots=True)
class Import:
    """All that one call has read."""

    command: str
    """What was typed: `jobrunner import crontab /etc/crontab`."""
    scheduler: str
    """`cron`, `Celery`: a word for what runs these entries today."""
    namespace: str
    defaults: Mapping[str, Any]
    """For the file's `defaults:`."""
    notes: tuple[str, ...]
    """What concerns all of them."""
    entries: tuple[Entry, ...]


@dataclass(slots=True)
class Names:
    """Names of jobs, each given once: the same entries in the same order get the same names."""

    _given: set[str] = field(default_factory=set)

    def give(self, wanted: str) -> str:
        """A free name that is as near to the wanted one as names may be."""
        name = _NO_NAME.sub("-", wanted.lower()).strip("-._")[:_NAME_LENGTH].rstrip("-._") or "job"
        free, number = name, 1
        while free in self._given:
            number += 1
            free = f"{name}-{number}"
        self._given.add(free)
        return free
