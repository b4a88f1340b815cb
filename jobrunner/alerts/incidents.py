"""One incident for a job and a kind of trouble, however many of its runs go wrong.

What went wrong is compared with the newest incident of its job and kind: it opens one, or it is one
time more of an open one. A run that was told of is never told of again.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal

Kind = Literal["failure", "missed", "late", "too_long"]
Key = tuple[uuid.UUID, Kind]
"""A job and what is wrong with it."""

KIND_OF_STATE: Mapping[str, Kind] = {
    "failed": "failure",
    "lost": "failure",
    "missed": "missed",
    "expired": "missed",
}
"""What the end of a run is: of a time that came to nothing, or of a try that did."""
_MEASURED = frozenset({"late", "too_long"})
"""Seen as long as they go on, and not once."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that went wrong with a run."""

    job_id: uuid.UUID
    kind: Kind
    run_id: uuid.UUID
    at: datetime
    """Its end; of a run that is late or goes on too long the moment from which it is."""
    scheduled_for: datetime
    to: frozenset[str]
    """The notifiers that its job names for it; none: nobody asks."""
    times: int = 1
    """How many times that were due it stands for."""

    @property
    def key(self) -> Key:
        """What its incident is found by."""
        return self.job_id, self.kind


@dataclass(frozen=True, slots=True)
class Incident:
    """The newest one of a job and a kind."""

    id: int
    job_id: uuid.UUID
    kind: Kind
    last_run_id: uuid.UUID | None
    last_at: datetime
    is_open: bool
    told: frozenset[str]
    """The notifiers that were told that it opened, or will be."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new incident."""

    first: Wrong
    last: Wrong
    occurred: int
    to: frozenset[str]


@dataclass(frozen=True, slots=True)
class Again:
    """An open incident goes on; `last` None: nothing new, but somebody waits longer than others."""

    incident_id: int
    seen: Wrong
    last: Wrong | None
    occurred: int
    to: frozenset[str]
    """Who has not been told of it yet."""


def decide(wrongs: Iterable[Wrong], newest: Mapping[Key, Incident]) -> tuple[Opened | Again, ...]:
    """What becomes of what went wrong; `newest` are the newest incidents of these jobs."""
    in_order = sorted(wrongs, key=lambda one: (one.job_id, one.kind, one.at))
    groups = ((key, list(group)) for key, group in groupby(in_order, key=lambda one: one.key))
    return tuple(
        decided
        for key, group in groups
        for decided in _decide_one([one for one in group if one.to], newest.get(key))
    )


def _decide_one(wrongs: Sequence[Wrong], known: Incident | None) -> Iterator[Opened | Again]:
    if not wrongs:
        return
    to = frozenset[str]().union(*(one.to for one in wrongs))
    fresh = [one for one in wrongs if known is None or _is_news(one, known)]
    occurred = sum({one.run_id: one.times for one in fresh}.values())
    if known is not None and known.is_open:
        if fresh or to - known.told:
            last = fresh[-1] if fresh else None
            yield Again(known.id, wrongs[-1], last, occurred, to - known.told)
    elif fresh:
        to = frozenset[str]().union(*(one.to for one in fresh))
        yield Opened(fresh[0], fresh[-1], occurred, to)


def _is_news(wrong: Wrong, known: Incident) -> bool:
    """Of an end always: it is looked at once."""
    if wrong.kind not in _MEASURED:
        return True
    return wrong.run_id != known.last_run_id and wrong.at > known.last_at
