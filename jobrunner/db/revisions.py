"""Revisions: one row an apply that changed something; never changed, never deleted."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from jobrunner.db.projects import Project

_INSERT = text("""
    INSERT INTO jobrunner.revisions
           (project_id, number, author, git_commit, git_dirty, digest, changes)
    VALUES (:project_id, :number, :author, :git_commit, :git_dirty, :digest, CAST(:changes AS jsonb))
""")


def insert_revision(
    connection: Connection,
    project: Project,
    *,
    author: str,
    git_commit: str | None,
    git_dirty: bool,
    digest: str,
    changes: Sequence[dict[str, Any]],
) -> None:
    """Who applied what: `changes` is the plan's JSON form of them."""
    connection.execute(
        _INSERT,
        {
            "project_id": project.id,
            "number": project.revision,
            "author": author,
            "git_commit": git_commit,
            "git_dirty": git_dirty,
            "digest": digest,
            "changes": json.dumps(list(changes)),
        },
    )
