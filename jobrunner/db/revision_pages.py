"""Revisions of all projects by the page, the newest first, as far as a caller sees what they changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from jobrunner.access.caller import Caller


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
    """How many jobs that the caller sees, by action."""


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
