"""A revision as text: its line, and below it what it has changed, as the plan of that day had it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import fields_lines, text
from jobrunner.cli.notifier_text import notifier_lines
from jobrunner.cli.style import pad, style
from jobrunner.cli.value_text import difference_text, value_text
from jobrunner.db.history import Revision
from jobrunner.db.revisions import NOTIFIER
from jobrunner.plan.changes import FieldChange
from jobrunner.wording.states import Role
from jobrunner.wording.times import distance, exact

_INDENT = "      "
_SHORT_COMMIT = 7
_MARKS: Mapping[str, tuple[str, Role]] = {
    "create": ("+", "good"),
    "update": ("~", "warn"),
    "move": (">", "warn"),
    "delete": ("-", "bad"),
}


def counts_text(counts: Mapping[str, int]) -> str:
    """`+1 ~2 >1 -1, 1 notifier`; nothing for what there is none of."""
    told = [
        style(f"{mark}{counts[action]:,}", role)
        for action, (mark, role) in _MARKS.items()
        if counts.get(action)
    ]
    notifiers = counts.get(NOTIFIER, 0)
    parts = [" ".join(told), count(notifiers, "notifier") if notifiers else ""]
    return ", ".join(filter(None, parts))


def git_text(revision: Revision) -> str:
    """`4f2c9e1`, `4f2c9e1 dirty`, or nothing."""
    if revision.git_commit is None:
        return ""
    return revision.git_commit[:_SHORT_COMMIT] + (" dirty" if revision.git_dirty else "")


def flapping_words(revision: int) -> tuple[str, str]:
    """What to say when revisions undo each other, and what to type next."""
    return (
        f"Revisions {revision - 3} to {revision} make the same changes and undo them, in turn.",
        "If that was no person, two watchers have different files: `jobrunner history` names them.",
    )


def revision_lines(revision: Revision, now: datetime) -> list[str]:
    """When and by whom, and those of its changes that were read."""
    at = f"{exact(revision.created_at)} ({distance(revision.created_at, now)})"
    parts = [style(f"revision {revision.number}", "strong"), at, f"by {text(revision.author)}"]
    if revision.git_commit is not None:
        parts.append(f"git {git_text(revision)}")
    if revision.rolled_back_to is not None:
        parts.append(style(f"rollback to {revision.rolled_back_to}", "warn"))
    width = max((len(change["address"]) for change in revision.changes), default=0)
    lines = ["  ".join(parts), *notifier_lines(revision.notifiers)]
    for change in revision.changes:
        lines += _change_lines(change, revision.number, width)
    return lines


def _change_lines(change: Mapping[str, Any], revision: int, width: int) -> Iterator[str]:
    mark, role = _MARKS[change["action"]]
    address = pad(style(text(change["address"]), "strong"), width)
    owner = f"  owner {text(change['owner'])}" if change["owner"] else ""
    place = f"{text(change['file'])}:{change['line']}"
    yield f"  {style(mark, role)} {address}  {change['action']:<7} {place}{owner}"
    if change["action"] == "delete":
        back = f"jobrunner rollback {revision - 1} --target {text(change['address'])}"
        yield f"{_INDENT}restore: {back}"
        return
    if change.get("moved_from"):
        yield f"{_INDENT}from {text(change['moved_from'])}"
    rows = [_row(FieldChange(**_as_field(field)), change["action"]) for field in change["fields"]]
    yield from fields_lines(rows, indent=_INDENT)


def _as_field(stored: Mapping[str, Any]) -> dict[str, Any]:
    names = ("path", "kind", "old", "new", "line", "file")
    return {**{name: stored.get(name) for name in names}, "is_drift": stored["drift"]}


def _row(field: FieldChange, action: str) -> tuple[str, str]:
    if action == "create":
        return text(field.path), value_text(field.new, field.path)
    drift = style("  (was changed in the database)", "warn") if field.is_drift else ""
    given = "" if field.line is None else f"{text(field.file or '')}:{field.line}"
    line = f"  {style(given, 'quiet')}" if given else ""
    return text(field.path), f"{difference_text(field)}{line}{drift}"
