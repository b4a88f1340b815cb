"""A plan or a revision as a diff: what becomes of each job, with the signs of `jobrunner plan`."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobrunner.alerts.shown_address import address_words
from jobrunner.plan.notifiers import NotifierChange
from jobrunner.spec.durations import DURATION_PATTERN
from jobrunner.spec.secrets import in_words, shown
from jobrunner.wording.foreign_text import one_line
from jobrunner.wording.places import place
from jobrunner.wording.states import Role

CHANGES_SHOWN = 200
"""Of a large plan; the command line shows all of it."""
_VALUE_LENGTH = 400
_DURATION = re.compile(DURATION_PATTERN)
_SIGNS: Mapping[str, tuple[str, Role]] = {
    "create": ("+", "good"),
    "update": ("~", "warn"),
    "move": (">", "busy"),
    "delete": ("−", "bad"),  # noqa: RUF001  the sign of what goes is a minus
}
_ACTIONS = {"added": "create", "changed": "update", "removed": "delete"}


@dataclass(frozen=True, slots=True)
class NotifierRow:
    """What becomes of one notifier; addresses in words, None where there is none."""

    sign: str
    role: Role
    name: str
    before: str | None
    after: str | None
    place: str


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field that differs; values are as in YAML, None where there is none."""

    path: str
    before: str | None
    after: str | None
    place: str
    """`:8` in the job's own file, `jobrunner.yaml:3` where it is inherited; '' where nothing gives it."""
    is_drift: bool


@dataclass(frozen=True, slots=True)
class NextRow:
    """What the change does to the next run of a schedule."""

    schedule: str
    before: datetime | None
    after: datetime | None
    never: str
    skipped: Sequence[datetime]
    doubled: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """What becomes of one job."""

    sign: str
    role: Role
    action: str
    address: str
    place: str
    owner: str
    notes: Sequence[str]
    fields: Sequence[FieldRow]
    coming: Sequence[NextRow]


def change_rows(changes: Sequence[Mapping[str, Any]]) -> tuple[ChangeRow, ...]:
    """The first CHANGES_SHOWN of the changes in a plan's JSON form."""
    return tuple(_change_row(change) for change in changes[:CHANGES_SHOWN])


def notifier_rows(changes: Iterable[NotifierChange]) -> tuple[NotifierRow, ...]:
    """All of them: no project has many."""
    return tuple(_notifier_row(change) for change in changes)


def counts_of(changes: Iterable[Mapping[str, Any]]) -> Mapping[str, int]:
    """How many jobs by action."""
    counts: dict[str, int] = {}
    for change in changes:
        counts[change["action"]] = counts.get(change["action"], 0) + 1
    return counts


def signed_counts(counts: Mapping[str, int]) -> list[tuple[str, Role, int, str]]:
    """(sign, colour, number, action) of each action that there is any of."""
    return [(*_SIGNS[action], counts[action], action) for action in _SIGNS if counts.get(action)]


def _notifier_row(change: NotifierChange) -> NotifierRow:
    sign, role = _SIGNS[_ACTIONS[change.kind]]
    before, after = (
        None if side is None else one_line(address_words(side)) for side in (change.old, change.new)
    )
    at = change.location
    return NotifierRow(
        sign, role, change.name, before, after, "" if at is None else place(at.file, at.line)
    )


def _change_row(change: Mapping[str, Any]) -> ChangeRow:
    sign, role = _SIGNS[change["action"]]
    is_create = change["action"] == "create"
    return ChangeRow(
        sign=sign,
        role=role,
        action=change["action"],
        address=change["address"],
        place=place(change["file"], change["line"]),
        owner=change.get("owner") or "",
        notes=tuple(_notes(change)),
        fields=tuple(_field_row(one, is_create=is_create) for one in change.get("fields", ())),
        coming=tuple(_next_rows(change)),
    )


def _field_row(field: Mapping[str, Any], *, is_create: bool) -> FieldRow:
    kind = "added" if is_create else field["kind"]
    return FieldRow(
        path=field["path"],
        before=None if kind == "added" else _value(field["old"]),
        after=None if kind == "removed" else _value(field["new"]),
        place="" if field["line"] is None else f"{field.get('file') or ''}:{field['line']}",
        is_drift=bool(field.get("drift")),
    )


def _value(value: Any) -> str:
    """`"eu"`, `25m`, `[1, 2]`, `(secret env:KEY)`; a very long one is cut."""
    if isinstance(value, str) and _DURATION.match(value):
        return value
    text = one_line(in_words(value) or json.dumps(shown(value), ensure_ascii=False, default=str))
    return text if len(text) <= _VALUE_LENGTH else text[:_VALUE_LENGTH] + "…"


def _notes(change: Mapping[str, Any]) -> Iterable[str]:
    if change.get("moved_from"):
        yield f"from {change['moved_from']}; history and last run kept"
    if change.get("replaces"):
        yield f"replaced as a whole: {change['replaces']}"
    if change.get("deleted_in") is not None:
        yield f"returns with its history (deleted in revision {change['deleted_in']})"
    if change.get("looks_renamed_from"):
        yield f"looks like a rename of {change['looks_renamed_from']}; `moved` keeps its history"
    if change.get("active_runs"):
        runs = change["active_runs"]
        yield f"{runs} {'run' if runs == 1 else 'runs'} in progress (will finish)"
    yield from _pause_notes(change)


def _pause_notes(change: Mapping[str, Any]) -> Iterable[str]:
    for pause in change.get("pauses", ()):
        yield f"{_paused(pause)}; {'will be' if pause.get('new') else 'stays'} paused"
    for pause in change.get("pauses_left", ()):
        yield f"{_paused(pause)}; leaves it"


def _paused(pause: Mapping[str, Any]) -> str:
    whose = "" if pause["scope"] == "job" else f"{pause['scope']} {pause['target']} "
    return f"{whose}is paused by {pause['paused_by']}"


def _next_rows(change: Mapping[str, Any]) -> Iterable[NextRow]:
    """Of schedules whose next run is another one; what is gone has none to tell of."""
    for one in change.get("schedules", ()):
        before, after = _moment(one["next_before"]), _moment(one["next_after"])
        skipped, doubled = _moments(one["skipped"]), _moments(one["doubled"])
        if change["action"] != "delete" and (before != after or skipped or doubled):
            yield NextRow(one["name"], before, after, one["never"], skipped, doubled)


def _moments(told: Sequence[str]) -> tuple[datetime, ...]:
    return tuple(datetime.fromisoformat(one) for one in told)


def _moment(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)
