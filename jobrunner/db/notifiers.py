"""Where alerts of a project go, as applied; a secret stays a reference."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

_REPLACE = text("""
    WITH wanted AS (
        SELECT name, url FROM jsonb_each(CAST(:notifiers AS jsonb)) AS given (name, url)
    ), gone AS (
        DELETE FROM jobrunner.notifiers AS n
         WHERE project_id = :project_id AND NOT EXISTS (SELECT FROM wanted WHERE name = n.name)
    )
    INSERT INTO jobrunner.notifiers AS n (project_id, name, url)
    SELECT :project_id, name, url FROM wanted
        ON CONFLICT (project_id, name) DO UPDATE SET url = excluded.url WHERE n.url <> excluded.url
""")


def replace_notifiers(
    connection: Connection, project_id: int, notifiers: Mapping[str, Any]
) -> None:
    """From now on these alone, by name. What stays as it is is not written."""
    values = {"project_id": project_id, "notifiers": json.dumps(dict(notifiers))}
    connection.execute(_REPLACE, values)


_READ = text("""
    SELECT n.name, n.url FROM jobrunner.notifiers AS n
      JOIN jobrunner.projects AS p ON p.id = n.project_id
     WHERE p.name = :project ORDER BY n.name
""")


def read_notifiers(connection: Connection, project: str) -> Mapping[str, Any]:
    """Their addresses, or references to them, by name."""
    rows = connection.execute(_READ, {"project": project})
    return {row.name: row.url for row in rows}
