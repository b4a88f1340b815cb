"""Messages that workers found in their queues and that are none of ours: the newest thousand."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

KEPT = 1_000
KEPT_BYTES = 4_096
"""Of each message."""


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """What was found, and what was wrong with it."""

    refused_at: datetime
    worker: str
    reason: str
    """One line."""
    message: str
    """The beginning of its headers and its body, as text."""


_KEEP = text("""
    WITH newest AS (
        INSERT INTO jobrunner.refused_messages (worker, reason, message)
        VALUES (:worker, :reason, :message)
        RETURNING id
    )
    DELETE FROM jobrunner.refused_messages
     WHERE id <= (SELECT id FROM newest) - :kept
""")


def keep_refused(connection: Connection, *, worker: str, reason: str, message: str) -> None:
    """Keep the first 4 KiB of it; the oldest goes when there are more than a thousand."""
    head = message.encode("utf-8", "replace")[:KEPT_BYTES].decode("utf-8", "ignore")
    values = {"worker": worker, "reason": reason, "message": head.replace("\x00", "\\x00")}
    connection.execute(_KEEP, {**values, "kept": KEPT})


_READ = text("""
    SELECT refused_at, worker, reason, message FROM jobrunner.refused_messages ORDER BY id DESC
""")


def read_refused(connection: Connection) -> tuple[RefusedMessage, ...]:
    """All that are kept, the newest first."""
    return tuple(RefusedMessage(**row) for row in connection.execute(_READ).mappings())


_COUNT = text("""
    SELECT count(*) FROM jobrunner.refused_messages
     WHERE refused_at > statement_timestamp() - interval '24 hours'
""")


def count_refused(connection: Connection) -> int:
    """Of the last 24 hours, a thousand at most."""
    return int(connection.execute(_COUNT).scalar_one())
