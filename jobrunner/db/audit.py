"""What people did: one row an act, in the transaction of the act, never changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_RECORD = text("""
    INSERT INTO jobrunner.audit (actor, action, target, details)
    VALUES (:actor, :action, :target, CAST(:details AS jsonb))
""")


def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    target: str,
    details: Mapping[str, object] | None = None,
) -> None:
    """`action` is `pause`, `run.cancel`, …; `details` are JSON."""
    values = {
        "actor": actor,
        "action": action,
        "target": target,
        "details": json.dumps(dict(details or {}), default=str),
    }
    connection.execute(_RECORD, values)


@dataclass(frozen=True, slots=True)
class Act:
    """A row of the audit."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    details: Mapping[str, Any]


_PAGE = text("""
    SELECT id, at, actor, action, target, details FROM jobrunner.audit
     WHERE (CAST(:before AS bigint) IS NULL OR id < :before)
       AND (CAST(:actor AS text) IS NULL OR actor = :actor)
       AND (CAST(:action AS text) IS NULL OR action = :action)
       AND strpos(lower(target), lower(:target)) > 0
     ORDER BY id DESC LIMIT :limit
""")


def page_of_acts(
    connection: Connection,
    *,
    actor: str | None = None,
    action: str | None = None,
    target: str = "",
    before: int | None = None,
    limit: int,
) -> tuple[Act, ...]:
    """The newest first, of those before the id; `target` is a part of theirs, in either case."""
    values = {
        "actor": actor,
        "action": action,
        "target": target,
        "before": before,
        "limit": limit,
    }
    return tuple(Act(**row) for row in connection.execute(_PAGE, values).mappings())


# DISTINCT of all of them would read all of them.
_ACTIONS = text("""
    SELECT DISTINCT action
      FROM (SELECT action FROM jobrunner.audit ORDER BY id DESC LIMIT :newest) AS newest
     ORDER BY action
""")
_NEWEST_ACTS = 10_000


def known_actions(connection: Connection) -> tuple[str, ...]:
    """Those of the newest acts: what is chosen from."""
    return tuple(connection.execute(_ACTIONS, {"newest": _NEWEST_ACTS}).scalars())
