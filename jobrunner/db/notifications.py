"""Messages that are owed: a row for each notifier, until it is sent or given up.

A receiver has one message under way at a time, the oldest first, and waits for no other receiver. What
somebody takes is his for a while; then it is due again.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from jobrunner.alerts.message import Message

Receiver = tuple[int, str]
"""A project's id and the name of its notifier."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A message of an incident, for one notifier."""

    incident_id: int
    receiver: Receiver
    message: Message


_ADD = text("""
    INSERT INTO jobrunner.notifications (incident_id, project_id, notifier, event, message, next_try_at)
    SELECT incident_id, project_id, notifier, message ->> 'event', message, statement_timestamp()
      FROM jsonb_to_recordset(CAST(:owed AS jsonb)) AS given (
           incident_id bigint, project_id bigint, notifier text, message jsonb)
""")


def add_notifications(connection: Connection, owed: Iterable[Owed]) -> None:
    """They are due at once."""
    values = [
        {
            "incident_id": one.incident_id,
            "project_id": one.receiver[0],
            "notifier": one.receiver[1],
            "message": one.message.model_dump(mode="json"),
        }
        for one in owed
    ]
    connection.execute(_ADD, {"owed": json.dumps(values)})


@dataclass(frozen=True, slots=True)
class Notification:
    """One that was taken to be sent."""

    id: int
    project_id: int
    notifier: str
    message: Any
    """As `Message` dumps it."""
    tries: int
    """From 1, this one included."""
    age: timedelta
    url: Any
    """The address, or a reference to it; None: the project has no such notifier any more."""

    @property
    def receiver(self) -> Receiver:
        """Whose turn it is."""
        return self.project_id, self.notifier


# That an incident is over nobody hears before he has heard of the incident.
_TAKE = text("""
    WITH first AS (
        SELECT DISTINCT ON (project_id, notifier) id FROM jobrunner.notifications AS n
         WHERE next_try_at <= statement_timestamp()
           AND project_id || '/' || notifier <> ALL(CAST(:busy AS text[]))
           AND NOT EXISTS (
               SELECT FROM jobrunner.notifications AS earlier
                WHERE earlier.incident_id = n.incident_id AND earlier.notifier = n.notifier
                  AND earlier.id < n.id AND earlier.next_try_at IS NOT NULL)
         ORDER BY project_id, notifier, tries, id
    ), due AS (
        SELECT id FROM jobrunner.notifications
         WHERE id IN (SELECT id FROM first) AND next_try_at <= statement_timestamp()
         ORDER BY tries, id LIMIT :limit
           FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE jobrunner.notifications AS n
       SET tries = n.tries + 1,
           next_try_at = statement_timestamp() + make_interval(secs => :lease_seconds)
      FROM due WHERE n.id = due.id
    RETURNING n.id, n.project_id, n.notifier, n.message, n.tries,
              statement_timestamp() - n.created_at AS age,
              (SELECT url FROM jobrunner.notifiers AS f
                WHERE f.project_id = n.project_id AND f.name = n.notifier) AS url
""")


def take_due(
    connection: Connection, *, busy: Iterable[Receiver], limit: int, lease_seconds: float
) -> Sequence[Notification]:
    """One each for up to so many receivers, but for these."""
    values = {
        "busy": [f"{project_id}/{notifier}" for project_id, notifier in busy],
        "limit": limit,
        "lease_seconds": lease_seconds,
    }
    return [Notification(**row) for row in connection.execute(_TAKE, values).mappings()]


_SENT = text("""
    UPDATE jobrunner.notifications
       SET sent_at = statement_timestamp(), next_try_at = NULL, error = NULL
     WHERE id = :id
""")


def note_sent(connection: Connection, notification: Notification) -> None:
    """It has arrived."""
    connection.execute(_SENT, {"id": notification.id})


_FAILED = text("""
    UPDATE jobrunner.notifications
       SET next_try_at = statement_timestamp() + CAST(:retry_in AS interval), error = :error
     WHERE id = :id
""")
_FOLLOWING = text("""
    UPDATE jobrunner.notifications AS n
       SET next_try_at = NULL, error = 'given up: the message before it was'
      FROM jobrunner.notifications AS given_up
     WHERE given_up.id = :id AND n.incident_id = given_up.incident_id
       AND n.notifier = given_up.notifier AND n.id > given_up.id AND n.sent_at IS NULL
""")


def note_failed(
    connection: Connection, notification: Notification, error: str, retry_in: timedelta | None
) -> None:
    """It is tried again then; None: it is given up, and so is what would follow it."""
    values = {"id": notification.id, "error": error, "retry_in": retry_in}
    connection.execute(_FAILED, values)
    if retry_in is None:
        connection.execute(_FOLLOWING, {"id": notification.id})


@dataclass(frozen=True, slots=True)
class UnsentMessage:
    """One that has not arrived, for a reader."""

    message_id: uuid.UUID
    project: str
    notifier: str
    address: str
    kind: str
    event: str
    created_at: datetime
    tries: int
    next_try_at: datetime | None
    """None: it was given up."""
    error: str | None


_UNSENT = text("""
    SELECT CAST(n.message ->> 'id' AS uuid) AS message_id, p.name AS project, n.notifier, j.address,
           i.kind, n.event, n.created_at, n.tries, n.next_try_at, n.error
      FROM jobrunner.notifications AS n JOIN jobrunner.incidents AS i ON i.id = n.incident_id
      JOIN jobrunner.jobs AS j ON j.id = i.job_id JOIN jobrunner.projects AS p ON p.id = n.project_id
     WHERE n.sent_at IS NULL
       AND (n.next_try_at IS NOT NULL OR n.created_at > statement_timestamp() - interval '7 days')
     ORDER BY n.id DESC LIMIT :limit
""")


def unsent_messages(connection: Connection, *, limit: int) -> Sequence[UnsentMessage]:
    """Those that wait, and those that were given up within the last week; the newest first."""
    return [
        UnsentMessage(**row) for row in connection.execute(_UNSENT, {"limit": limit}).mappings()
    ]


# Along the index of what is due: what was sent, or given up, is not read.
_WAITING = text("""
    WITH waiting AS (
        SELECT project_id, notifier, count(*) AS number FROM jobrunner.notifications
         WHERE next_try_at IS NOT NULL GROUP BY project_id, notifier
    )
    SELECT p.name AS project, n.name AS notifier, coalesce(waiting.number, 0) AS number
      FROM jobrunner.notifiers AS n JOIN jobrunner.projects AS p ON p.id = n.project_id
      LEFT JOIN waiting ON waiting.project_id = n.project_id AND waiting.notifier = n.name
     ORDER BY p.name, n.name
""")


def count_waiting(connection: Connection) -> Mapping[tuple[str, ...], int]:
    """How many messages wait to be sent, by project and notifier as applied."""
    rows = connection.execute(_WAITING)
    return {(row.project, row.notifier): row.number for row in rows}
