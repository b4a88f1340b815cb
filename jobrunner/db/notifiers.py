"""Where alerts of a project go, as applied; a secret stays a reference."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from jobrunner.plan.notifiers import NotifierChange
from jobrunner.spec.models import Location
from jobrunner.spec.project import DefinedNotifier

_WRITE = text("""
    WITH given AS (
        SELECT name, url FROM jsonb_to_recordset(CAST(:given AS jsonb)) AS each (name text, url jsonb)
    ), gone AS (
        DELETE FROM jobrunner.notifiers AS n USING given AS g
         WHERE n.project_id = :project_id AND n.name = g.name AND g.url IS NULL
    )
    INSERT INTO jobrunner.notifiers AS n (project_id, name, url)
    SELECT :project_id, name, url FROM given WHERE url IS NOT NULL
        ON CONFLICT (project_id, name) DO UPDATE SET url = excluded.url
""")


def write_notifiers(
    connection: Connection, project_id: int, changes: Sequence[NotifierChange]
) -> None:
    """What a plan changes of them; the others stay."""
    if changes:
        given = [{"name": change.name, "url": change.url} for change in changes]
        connection.execute(_WRITE, {"project_id": project_id, "given": json.dumps(given)})


_READ = text("""
    SELECT n.name, n.url FROM jobrunner.notifiers AS n
      JOIN jobrunner.projects AS p ON p.id = n.project_id
     WHERE p.name = :project ORDER BY n.name
""")


def read_notifiers(connection: Connection, project: str) -> Mapping[str, Any]:
    """Their addresses, or references to them, by name."""
    rows = connection.execute(_READ, {"project": project})
    return {row.name: row.url for row in rows}


_APPLIED = text("""
    SELECT DISTINCT ON (change ->> 'name') change AS newest
      FROM jobrunner.revisions AS r
      JOIN jobrunner.projects AS p ON p.id = r.project_id
     CROSS JOIN LATERAL jsonb_path_query(r.changes, '$[*] ? (@.action == "notifier")') AS change
     WHERE p.name = :project ORDER BY change ->> 'name', r.number DESC
""")


def applied_notifiers(connection: Connection, project: str) -> Mapping[str, DefinedNotifier | None]:
    """What the last applies have made of each that a revision names, with hidden addresses; None: it was
    removed. Revisions have not always named them.
    """
    rows = connection.execute(_APPLIED, {"project": project}).scalars()
    return {
        one["name"]: None
        if one["kind"] == "removed"
        else DefinedNotifier(one["new"], Location(one["file"], one["line"]))
        for one in rows
    }
