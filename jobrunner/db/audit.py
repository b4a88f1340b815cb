"""What people did: one row an act, in the transaction of the act, never changed."""

import json
from collections.abc import Mapping

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
