"""Tokens: made, looked up at each request, revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, RowMapping, text

from jobrunner.access.caller import Caller, Role
from jobrunner.access.tokens import TokenText, is_same
from jobrunner.db import audit
from jobrunner.errors import NotFound


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret, which nobody has but its holder."""

    id: str
    name: str
    subject: str
    role: Role
    namespaces: tuple[str, ...]
    """() is all."""
    own_runs_only: bool
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


Refusal = Literal["unknown", "expired", "revoked"]

_INSERT = text("""
    INSERT INTO jobrunner.tokens
           (id, secret_hash, name, subject, role, namespaces, own_runs_only, created_by, expires_at)
    VALUES (:id, :secret_hash, :name, :subject, :role, :namespaces, :own_runs_only, :created_by, :expires_at)
""")


def insert_token(
    connection: Connection,
    made: TokenText,
    *,
    name: str,
    subject: str,
    role: Role,
    namespaces: Sequence[str] = (),
    own_runs_only: bool = False,
    created_by: str,
    expires_at: datetime | None = None,
) -> None:
    """Keep a new token's hash; its act is in the audit."""
    kept = {
        "name": name,
        "subject": subject,
        "role": role.value,
        "namespaces": list(namespaces),
        "own_runs_only": own_runs_only,
        "expires_at": expires_at,
    }
    connection.execute(
        _INSERT,
        {"id": made.id, "secret_hash": made.secret_hash, "created_by": created_by, **kept},
    )
    audit.record(connection, actor=created_by, action="token.create", target=made.id, details=kept)


_FIND = text("""
    SELECT id, secret_hash, name, subject, role, namespaces, own_runs_only, created_by, created_at,
           expires_at, revoked_at, last_used_at,
           expires_at <= statement_timestamp() AS is_expired,
           coalesce(last_used_at < statement_timestamp() - interval '1 minute', true) AS is_use_new
      FROM jobrunner.tokens WHERE id = :id
""")
_TOUCH = text("""
    UPDATE jobrunner.tokens SET last_used_at = statement_timestamp() WHERE id = :id
""")


def caller_of(connection: Connection, given: TokenText) -> Caller | Refusal:
    """Who holds the token, as of now; or why it is good for nothing."""
    row = connection.execute(_FIND, {"id": given.id}).mappings().one_or_none()
    if row is None or not is_same(given.secret, bytes(row["secret_hash"])):
        return "unknown"
    if row["revoked_at"] is not None:
        return "revoked"
    if row["is_expired"]:
        return "expired"
    if row["is_use_new"]:
        connection.execute(_TOUCH, {"id": given.id})
    return Caller(
        subject=row["subject"],
        role=Role(row["role"]),
        via="token",
        namespaces=frozenset(row["namespaces"]) or None,
        own_runs_only=row["own_runs_only"],
    )


_LIST = text("""
    SELECT id, name, subject, role, namespaces, own_runs_only, created_by, created_at,
           expires_at, revoked_at, last_used_at
      FROM jobrunner.tokens ORDER BY created_at, id
""")


def list_tokens(connection: Connection) -> tuple[Token, ...]:
    """All that were ever made, the oldest first."""
    return tuple(_token(row) for row in connection.execute(_LIST).mappings())


def _token(row: RowMapping) -> Token:
    return Token(**{**row, "role": Role(row["role"]), "namespaces": tuple(row["namespaces"])})


_COUNT_GOOD = text("""
    SELECT count(*) FROM jobrunner.tokens
     WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > statement_timestamp())
""")


def has_good_token(connection: Connection) -> bool:
    """Whether anybody at all can come in with one."""
    return bool(connection.execute(_COUNT_GOOD).scalar_one())


_REVOKE = text("""
    UPDATE jobrunner.tokens SET revoked_at = statement_timestamp()
     WHERE id = :id AND revoked_at IS NULL RETURNING id
""")


def revoke_token(connection: Connection, token_id: str, *, actor: str) -> None:
    """It is good for nothing from the commit on, nor are its sessions. Raises NotFound.

    A web process that had it looked up less than a second before still takes it for that second.
    """
    if connection.execute(_REVOKE, {"id": token_id}).one_or_none() is None:
        raise NotFound(
            f"There is no token '{token_id}' that is in force.",
            hint="`jobrunner token list` shows all of them.",
        )
    audit.record(connection, actor=actor, action="token.revoke", target=token_id)
