"""Revisions: one row an apply that changed something; never changed, never deleted."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy import Connection, text

from jobrunner.db.projects import Project
from jobrunner.plan.changes import Change, FieldChange, changes_as_json
from jobrunner.plan.guards import AppliedCommit, Commit
from jobrunner.plan.notifiers import NotifierChange, notifier_from_json

NOTIFIER = "notifier"
"""Stands for the action in a change that is of no job and has no address."""

_INSERT = text("""
    INSERT INTO jobrunner.revisions
           (project_id, number, author, git_commit, git_dirty, git_committed_at, rolled_back_to,
            digest, changes)
    VALUES (:project_id, :number, :author, :git_commit, :git_dirty, :git_committed_at,
            :rolled_back_to, :digest, CAST(:changes AS jsonb))
""")


def insert_revision(
    connection: Connection,
    project: Project,
    *,
    author: str,
    git_commit: str | None,
    git_dirty: bool,
    git_committed_at: datetime | None,
    rolled_back_to: int | None,
    digest: str,
    changes: str,
) -> None:
    """Who applied what; `changes` is what `kept_changes` has made of them.

    With `git_committed_at` the commit is what later ones are measured by; see `newest_commit`.
    """
    connection.execute(
        _INSERT,
        {
            "project_id": project.id,
            "number": project.revision,
            "author": author,
            "git_commit": git_commit,
            "git_dirty": git_dirty,
            "git_committed_at": git_committed_at,
            "rolled_back_to": rolled_back_to,
            "digest": digest,
            "changes": changes,
        },
    )


def kept_changes(changes: Sequence[Change], notifiers: Sequence[NotifierChange]) -> str:
    """The JSON of a plan's changes, of which each field is written as an array: with the names of its parts
    the first apply of ten thousand jobs has 18 MB in place of 10, and the server takes three times as long
    to read them.
    """
    # Notifiers come first: of many changes a page reads the beginning.
    kept = [
        *({"action": NOTIFIER, **notifier.as_json()} for notifier in notifiers),
        *changes_as_json(changes, field=_kept_field),
    ]
    try:
        return to_json(kept).decode()
    except PydanticSerializationError:  # half a surrogate pair, as the name of a file may hold
        return json.dumps(kept)


def whole_changes(stored: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The changes of jobs of a row, in the plan's JSON form."""
    return tuple(_whole_change(change) for change in stored if change["action"] != NOTIFIER)


def changed_notifiers(stored: Iterable[Mapping[str, Any]]) -> tuple[NotifierChange, ...]:
    """The changes of notifiers of a row."""
    return tuple(notifier_from_json(one) for one in stored if one["action"] == NOTIFIER)


def _kept_field(field: FieldChange) -> Sequence[Any]:
    """Mostly it is in the job's own file, and no drift."""
    return field if field.file is not None or field.is_drift else field[:_FIELD_PARTS_OFTEN]


_FIELD_PARTS_OFTEN = FieldChange._fields.index("file")
_SAYS_NOTHING: dict[str, Any] = {
    "old": None, "new": None, "line": None, "file": None, "drift": False,
}  # fmt: skip
"""Parts of a field that a row may leave out which names them, as rows of earlier versions do."""


def _whole_change(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A deletion has no fields."""
    if "fields" not in stored:
        return {**stored}
    return {**stored, "fields": [_whole_field(field) for field in stored["fields"]]}


def _whole_field(stored: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
    if isinstance(stored, Mapping):
        return {**_SAYS_NOTHING, **stored}
    return FieldChange(*stored).as_json()


_NEWEST_COMMIT = text("""
    SELECT r.number, r.author, r.git_commit, r.git_committed_at
      FROM jobrunner.revisions AS r JOIN jobrunner.projects AS p ON p.id = r.project_id
     WHERE p.name = :project AND r.git_committed_at IS NOT NULL
     ORDER BY r.number DESC LIMIT 1
""")


def newest_commit(connection: Connection, project: str) -> AppliedCommit | None:
    """The commit that an older one may not come after; None where git has never been.

    A rollback has none: the next apply of the files comes after what it went back from.
    """
    row = connection.execute(_NEWEST_COMMIT, {"project": project}).one_or_none()
    if row is None:
        return None
    return AppliedCommit(Commit(row.git_commit, row.git_committed_at), row.number, row.author)


_LATELY = text("""
    SELECT digest FROM jobrunner.revisions
     WHERE project_id = :project_id AND created_at > statement_timestamp() - interval '1 hour'
     ORDER BY number DESC LIMIT 4
""")


def is_flapping(connection: Connection, project: Project) -> bool:
    """Whether the last four revisions make the same changes and undo them, in turn, within an hour."""
    lately = connection.execute(_LATELY, {"project_id": project.id}).scalars().all()
    return lately[:2] == lately[2:] and len(set(lately)) > 1
