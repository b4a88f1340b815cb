"""What requests with an Idempotency-Key were answered, so that the same request is answered the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given."""

    request_hash: bytes
    status: int
    headers: Mapping[str, str]
    body: str


# Status 0 until the act is done. Whoever comes with the same key meanwhile waits here for the commit.
_CLAIM = text("""
    INSERT INTO jobrunner.answers (subject, key, request_hash, status, body)
    VALUES (:subject, :key, :request_hash, 0, '')
    ON CONFLICT (subject, key) DO NOTHING RETURNING key
""")
_FIND = text("""
    SELECT request_hash, status, headers, body
      FROM jobrunner.answers WHERE subject = :subject AND key = :key
""")


def claim_key(connection: Connection, subject: str, key: str, request_hash: bytes) -> Answer | None:
    """What the subject's earlier request with this key was answered; None: the key is this one's now.

    The transaction must end with `keep_answer`, or be rolled back.
    """
    named = {"subject": subject, "key": key}
    claimed = connection.execute(_CLAIM, {**named, "request_hash": request_hash}).one_or_none()
    if claimed is not None:
        return None
    row = connection.execute(_FIND, named).one()
    return Answer(bytes(row.request_hash), row.status, row.headers, row.body)


_KEEP = text("""
    UPDATE jobrunner.answers
       SET status = :status, headers = CAST(:headers AS jsonb), body = :body
     WHERE subject = :subject AND key = :key
""")
# A few at a time, by those who add: nobody has to come by for the rest.
_FORGET = text("""
    DELETE FROM jobrunner.answers
     WHERE (subject, key) IN (
           SELECT subject, key FROM jobrunner.answers
            WHERE created_at < statement_timestamp() - interval '1 day'
            ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED)
""")


def keep_answer(connection: Connection, subject: str, key: str, answer: Answer) -> None:
    """Keep it for a day, from the commit of the act on."""
    connection.execute(
        _KEEP,
        {
            "subject": subject,
            "key": key,
            "status": answer.status,
            "headers": json.dumps(dict(answer.headers)),
            "body": answer.body,
        },
    )
    connection.execute(_FORGET)
