"""Pauses: an operator's acts, beside the definitions; every apply leaves them alone."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from jobrunner.db import audit
from jobrunner.plan.pause import PauseInForce, Scope
from jobrunner.slots import Pause

_IN_FORCE = text("""
    SELECT scope, target, reason, paused_by, started_at, until
      FROM jobrunner.pauses
     WHERE ended_at IS NULL AND (until IS NULL OR until > statement_timestamp())
     ORDER BY scope, target
""")


def pauses_in_force(connection: Connection) -> tuple[PauseInForce, ...]:
    """All that hold now."""
    return tuple(PauseInForce(**row) for row in connection.execute(_IN_FORCE).mappings())


_SINCE = text("""
    SELECT scope, target, started_at, paused_by, reason,
           CASE WHEN ended_at IS NULL THEN until ELSE least(ended_at, until) END AS ended_at
      FROM jobrunner.pauses
     WHERE (ended_at IS NULL OR ended_at > :since) AND (until IS NULL OR until > :since)
""")


def pauses_since(
    connection: Connection, since: datetime
) -> Mapping[tuple[str, str], tuple[Pause, ...]]:
    """All pauses that were in force at or after `since`, by (scope, target)."""
    found: dict[tuple[str, str], tuple[Pause, ...]] = {}
    for row in connection.execute(_SINCE, {"since": since}):
        key = (row.scope, row.target)
        one = Pause(row.started_at, row.ended_at, row.paused_by, row.reason)
        found[key] = (*found.get(key, ()), one)
    return found


_COUNT_JOBS = text("""
    SELECT count(*) FROM jobrunner.jobs
     WHERE deleted_at IS NULL
       AND CASE :scope WHEN 'job' THEN namespace || '/' || name = :target
                       WHEN 'namespace' THEN namespace = :target
                       WHEN 'queue' THEN queue = :target OR EXISTS (
                            SELECT FROM jobrunner.schedules AS s
                             WHERE s.job_id = jobs.id AND s.deleted_at IS NULL
                               AND s.spec ->> 'queue' = :target)
                       ELSE :target = ANY(tags) END
""")


def count_jobs(connection: Connection, scope: Scope, target: str) -> int:
    """How many jobs such a pause holds back."""
    return int(connection.execute(_COUNT_JOBS, {"scope": scope, "target": target}).scalar_one())


# One that has run out is ended first, at the moment it said, so that the new one does not seem to
# have begun then; one that holds is only told its new reason and end.
_END_RUN_OUT = text("""
    UPDATE jobrunner.pauses SET ended_at = until
     WHERE scope = :scope AND target = :target AND ended_at IS NULL
       AND until <= statement_timestamp()
""")
_PAUSE = text("""
    INSERT INTO jobrunner.pauses (scope, target, reason, paused_by, until)
    VALUES (:scope, :target, :reason, :paused_by, :until)
        ON CONFLICT (scope, target) WHERE ended_at IS NULL DO UPDATE
       SET reason = excluded.reason, paused_by = excluded.paused_by, until = excluded.until
    RETURNING scope, target, reason, paused_by, started_at, until
""")


def pause(
    connection: Connection,
    scope: Scope,
    target: str,
    *,
    reason: str,
    paused_by: str,
    until: datetime | None,
) -> PauseInForce:
    """Hold it back from now on. A pause that holds already keeps its beginning."""
    values = {
        "scope": scope,
        "target": target,
        "reason": reason,
        "paused_by": paused_by,
        "until": until,
    }
    connection.execute(_END_RUN_OUT, values)
    row = connection.execute(_PAUSE, values).mappings().one()
    audit.record(
        connection,
        actor=paused_by,
        action="pause",
        target=f"{scope}:{target}",
        details={"reason": reason, "until": until},
    )
    return PauseInForce(**row)


_RESUME = text("""
    UPDATE jobrunner.pauses
       SET ended_at = least(statement_timestamp(), until), resumed_by = :resumed_by
     WHERE scope = :scope AND target = :target AND ended_at IS NULL
    RETURNING until IS NULL OR until > statement_timestamp() AS held
""")


def resume(connection: Connection, scope: Scope, target: str, *, resumed_by: str) -> bool:
    """End it; False when nothing was held back."""
    values = {"scope": scope, "target": target, "resumed_by": resumed_by}
    held: Sequence[bool] = connection.execute(_RESUME, values).scalars().all()
    if not any(held):
        return False
    audit.record(connection, actor=resumed_by, action="resume", target=f"{scope}:{target}")
    return True


# Where the new address is paused already, by whoever could not wait for the job, that pause holds on.
_RENAME = text("""
    UPDATE jobrunner.pauses AS p
       SET target = new.new,
           ended_at = CASE WHEN p.ended_at IS NULL AND EXISTS (
                                SELECT FROM jobrunner.pauses AS other
                                 WHERE other.scope = 'job' AND other.target = new.new
                                   AND other.ended_at IS NULL)
                           THEN statement_timestamp() ELSE p.ended_at END
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (old text, new text)
     WHERE p.scope = 'job' AND p.target = new.old
""")


def rename_targets(connection: Connection, addresses: Mapping[str, str]) -> None:
    """The pauses of jobs that get another address, past ones as well: old address → new one."""
    if addresses:
        rows = [{"old": old, "new": new} for old, new in addresses.items()]
        connection.execute(_RENAME, {"rows": json.dumps(rows)})
