"""Sessions of the pages: opened with a token or a one-time link, looked up at each request, ended."""

from sqlalchemy import Connection, text

from jobrunner.access.caller import Caller, Role
from jobrunner.access.sessions import SessionText
from jobrunner.access.tokens import TokenText, is_same
from jobrunner.db import audit

SESSION_DAYS = 7
"""A session ends after so long, however much it is used; and with its token."""
LINK_MINUTES = 10

_OPEN = text("""
    INSERT INTO jobrunner.sessions
           (id, secret_hash, token_id, subject, role, namespaces, own_runs_only, expires_at)
    SELECT :id, :secret_hash, id, subject, role, namespaces, own_runs_only,
           least(expires_at, statement_timestamp() + make_interval(days => :days))
      FROM jobrunner.tokens WHERE id = :token_id
    RETURNING subject
""")
# A few at a time, by those who add: nobody has to come by for the rest.
_FORGET = text("""
    DELETE FROM jobrunner.sessions
     WHERE id IN (SELECT id FROM jobrunner.sessions
                   WHERE expires_at < statement_timestamp() - interval '1 day'
                   ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED)
""")


def open_session(connection: Connection, made: SessionText, token: TokenText) -> None:
    """For the holder of a token, which the caller has looked up in this transaction."""
    values = {
        "id": made.id,
        "secret_hash": made.secret_hash,
        "token_id": token.id,
        "days": SESSION_DAYS,
    }
    subject = connection.execute(_OPEN, values).scalar_one()
    connection.execute(_FORGET)
    audit.record(connection, actor=subject, action="sign-in", target=f"token {token.id}")


_INSERT_LINK = text("""
    INSERT INTO jobrunner.sessions (id, link_hash, subject, role, expires_at)
    VALUES (:id, :link_hash, :subject, 'admin',
            statement_timestamp() + make_interval(mins => :minutes))
""")


def insert_link(connection: Connection, made: SessionText, *, subject: str) -> None:
    """A link that signs in as an administrator, once; for who has the database's password already."""
    values = {
        "id": made.id,
        "link_hash": made.secret_hash,
        "subject": subject,
        "minutes": LINK_MINUTES,
    }
    connection.execute(_INSERT_LINK, values)


_FOLLOW = text("""
    UPDATE jobrunner.sessions
       SET secret_hash = :secret_hash, link_hash = NULL,
           expires_at = statement_timestamp() + make_interval(days => :days)
     WHERE id = :id AND link_hash = :link_hash
       AND ended_at IS NULL AND expires_at > statement_timestamp()
    RETURNING subject
""")


def follow_link(connection: Connection, link: SessionText, made: SessionText) -> SessionText | None:
    """The session it opens, with the secret of `made`; None for a link that is good no more."""
    values = {
        "id": link.id,
        "link_hash": link.secret_hash,
        "secret_hash": made.secret_hash,
        "days": SESSION_DAYS,
    }
    subject = connection.execute(_FOLLOW, values).scalar_one_or_none()
    if subject is None:
        return None
    audit.record(connection, actor=subject, action="sign-in", target="one-time link")
    return SessionText(link.id, made.secret)


_FIND = text("""
    SELECT s.secret_hash, s.subject, s.role, s.namespaces, s.own_runs_only
      FROM jobrunner.sessions AS s LEFT JOIN jobrunner.tokens AS t ON t.id = s.token_id
     WHERE s.id = :id AND s.secret_hash IS NOT NULL AND s.ended_at IS NULL
       AND s.expires_at > statement_timestamp() AND t.revoked_at IS NULL
""")


def caller_of(connection: Connection, given: SessionText) -> Caller | None:
    """Who is signed in, as of now; None for a session that is over or never was."""
    row = connection.execute(_FIND, {"id": given.id}).one_or_none()
    if row is None or not is_same(given.secret, bytes(row.secret_hash)):
        return None
    return Caller(
        subject=row.subject,
        role=Role(row.role),
        via="session",
        namespaces=frozenset(row.namespaces) or None,
        own_runs_only=row.own_runs_only,
        session_id=given.id,
    )


_END = text("""
    UPDATE jobrunner.sessions SET ended_at = statement_timestamp()
     WHERE id = :id AND ended_at IS NULL RETURNING subject
""")


def end_session(connection: Connection, session_id: str) -> None:
    """Signed out: it is good for nothing from the commit on."""
    subject = connection.execute(_END, {"id": session_id}).scalar_one_or_none()
    if subject is not None:
        audit.record(connection, actor=subject, action="sign-out", target=f"session {session_id}")
