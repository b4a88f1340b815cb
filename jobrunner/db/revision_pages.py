"""Revisions of all projects by the page, the newest first, as far as a caller sees what they changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from jobrunner.access.caller import Caller
from jobrunner.db.history import no_such_revision
from jobrunner.db.revisions import changed_notifiers, whole_changes
from jobrunner.plan.notifiers import NotifierChange


@dataclass(frozen=True, slots=True)
class RevisionOnPage:
    """An apply that has changed something."""

    project: str
    number: int
    created_at: datetime
    author: str
    git_commit: str | None
    git_dirty: bool
    rolled_back_to: int | None
    digest: str
    counts: Mapping[str, int]
    """How many jobs that the caller sees, by action; for who sees all, of `notifier` how many."""


_PAGE = text("""
    SELECT p.name AS project, r.number, r.created_at, r.author, r.git_commit, r.git_dirty,
           r.rolled_back_to, r.digest, counted.counts
      FROM jobrunner.revisions AS r
      JOIN jobrunner.projects AS p ON p.id = r.project_id
     CROSS JOIN LATERAL (
           SELECT coalesce(jsonb_object_agg(action, number), '{}') AS counts
             FROM (SELECT change ->> 'action' AS action, count(*) AS number
                     FROM jsonb_array_elements(r.changes) AS change
                    WHERE CAST(:namespaces AS text[]) IS NULL
                       OR split_part(change ->> 'address', '/', 1)
                          = ANY(CAST(:namespaces AS text[]))
                    GROUP BY 1) AS by_action
           ) AS counted
     WHERE (CAST(:project AS text) IS NULL OR p.name = :project)
       AND (CAST(:namespaces AS text[]) IS NULL OR counted.counts <> '{}')
       AND (CAST(:after_project AS text) IS NULL OR (r.created_at, p.name, r.number)
            < (CAST(:after_at AS timestamptz), :after_project, CAST(:after_number AS bigint)))
     ORDER BY r.created_at DESC, p.name DESC, r.number DESC
     LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class RevisionPosition:
    """A page begins after that revision."""

    created_at: datetime
    project: str
    number: int


def page_of_revisions(
    connection: Connection,
    caller: Caller,
    *,
    project: str | None = None,
    after: RevisionPosition | None = None,
    limit: int,
) -> tuple[RevisionOnPage, ...]:
    """Those in which something has changed that exists for the caller."""
    values = {
        "namespaces": None if caller.namespaces is None else sorted(caller.namespaces),
        "project": project,
        "after_at": None if after is None else after.created_at,
        "after_project": None if after is None else after.project,
        "after_number": None if after is None else after.number,
        "limit": limit,
    }
    rows = connection.execute(_PAGE, values).mappings()
    return tuple(RevisionOnPage(**row) for row in rows)


@dataclass(frozen=True, slots=True)
class RevisionWithChanges(RevisionOnPage):
    """One revision, and the beginning of what it has changed that exists for the caller."""

    changes: tuple[Mapping[str, Any], ...]
    """In the form of `plan.changes.changes_as_json`."""
    notifiers: tuple[NotifierChange, ...]


_ONE = text("""
      WITH seen AS MATERIALIZED (
           SELECT change, change ->> 'action' AS action, row_number() OVER (ORDER BY place) AS place
             FROM jobrunner.revisions AS r
             JOIN jobrunner.projects AS p ON p.id = r.project_id
            CROSS JOIN jsonb_array_elements(r.changes) WITH ORDINALITY AS each (change, place)
            WHERE p.name = :project AND r.number = :number
              AND (CAST(:namespaces AS text[]) IS NULL OR split_part(change ->> 'address', '/', 1)
                                                          = ANY(CAST(:namespaces AS text[])))
           )
    SELECT p.name AS project, r.number, r.created_at, r.author, r.git_commit, r.git_dirty,
           r.rolled_back_to, r.digest,
           (SELECT coalesce(jsonb_object_agg(action, number), '{}')
              FROM (SELECT action, count(*) AS number FROM seen GROUP BY 1) AS by_action) AS counts,
           (SELECT coalesce(jsonb_agg(change ORDER BY place), '[]')
              FROM seen WHERE place <= :limit) AS changes
      FROM jobrunner.revisions AS r JOIN jobrunner.projects AS p ON p.id = r.project_id
     WHERE p.name = :project AND r.number = :number
""")


def get_seen_revision(
    connection: Connection, caller: Caller, project: str, number: int, *, limit: int
) -> RevisionWithChanges:
    """It with so many of its changes at most. Raises NotFound for one that has touched nothing of his."""
    values = {
        "namespaces": None if caller.namespaces is None else sorted(caller.namespaces),
        "project": project,
        "number": number,
        "limit": limit,
    }
    row = connection.execute(_ONE, values).mappings().one_or_none()
    if row is None or (caller.namespaces is not None and not row["counts"]):
        raise no_such_revision(project, number)
    stored = row["changes"]
    told = {"changes": whole_changes(stored), "notifiers": changed_notifiers(stored)}
    return RevisionWithChanges(**{**row, **told})
