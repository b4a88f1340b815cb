"""Schedules: which are due, and when each is due next. Only dispatch and reconcile write here."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from jobrunner.spec.models import ScheduleSpec

BAD_ROW_RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule that is due, locked, with what dispatch needs of its job."""

    id: uuid.UUID
    name: str
    spec_json: str
    next_scheduled_for: datetime
    job_id: uuid.UUID
    address: str
    namespace: str
    tags: tuple[str, ...]
    definition_id: int
    queue: str
    priority: int | None
    overlap: str
    catch_up_policy: str
    catch_up_window: timedelta | None
    catch_up_max: int | None
    expires: timedelta | None
    timeout: timedelta
    soft_timeout: timedelta | None
    now: datetime
    """The database's clock in the statement that found it due."""


# statement_timestamp() is read by the server when the statement arrives, so a frozen process or a
# wrong host clock decides nothing; unlike clock_timestamp() it is stable and the index can be used.
# `OF s`: the job's row is locked later, by id, and only where a policy has to count its runs.
_CLAIM_DUE = """
    SELECT s.id, s.name, CAST(s.spec AS text) AS spec_json, s.next_scheduled_for, j.id AS job_id,
           j.address, j.namespace, j.tags, j.definition_id, j.queue, j.priority, j.overlap,
           j.catch_up_policy, j.catch_up_window, j.catch_up_max, j.expires, j.timeout,
           j.soft_timeout, coalesce(CAST(:now AS timestamptz), statement_timestamp()) AS now
      FROM jobrunner.schedules AS s
      JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE s.next_run_at <= coalesce(CAST(:now AS timestamptz), statement_timestamp())
       {only}
     ORDER BY {order}
     LIMIT :limit
       FOR NO KEY UPDATE OF s {skip}
"""
_CLAIM_ANY_DUE = text(_CLAIM_DUE.format(only="", order="s.next_run_at", skip="SKIP LOCKED"))
_CLAIM_THESE_DUE = text(
    _CLAIM_DUE.format(only="AND s.id = ANY(CAST(:ids AS uuid[]))", order="s.id", skip="")
)


def claim_due(
    connection: Connection,
    *,
    limit: int,
    schedule_ids: Sequence[uuid.UUID] | None = None,
    now: datetime | None = None,
) -> tuple[DueSchedule, ...]:
    """Lock and return schedules that are due, the longest overdue first.

    Without `schedule_ids` rows that another scheduler holds are passed over; with them it waits for
    each, in id order, because the caller has to know. `now` None is the database's clock.
    """
    if schedule_ids is None:
        rows = connection.execute(_CLAIM_ANY_DUE, {"now": now, "limit": limit})
    else:
        ids = [str(schedule_id) for schedule_id in schedule_ids]
        rows = connection.execute(_CLAIM_THESE_DUE, {"now": now, "limit": limit, "ids": ids})
    return tuple(DueSchedule(**{**row, "tags": tuple(row["tags"])}) for row in rows.mappings())


@dataclass(frozen=True, slots=True)
class WrittenSchedule:
    """A schedule to put in force."""

    job_id: uuid.UUID
    spec: ScheduleSpec


_UPSERT = text("""
    INSERT INTO jobrunner.schedules (id, job_id, name, spec)
    SELECT id, job_id, name, spec
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, job_id uuid, name text, spec jsonb)
     ORDER BY job_id, name
        ON CONFLICT (job_id, name) DO UPDATE SET spec = excluded.spec, deleted_at = NULL
    RETURNING id, job_id, name
""")


def write_schedules(
    connection: Connection, schedules: Sequence[WrittenSchedule]
) -> Mapping[tuple[uuid.UUID, str], uuid.UUID]:
    """Put these in force, new, changed or returned; their ids by job and name. No time is touched."""
    if not schedules:
        return {}
    rows = [
        {
            "id": str(uuid.uuid4()),
            "job_id": str(schedule.job_id),
            "name": schedule.spec.name,
            "spec": schedule.spec.model_dump(mode="json", by_alias=True),
        }
        for schedule in schedules
    ]
    written = connection.execute(_UPSERT, {"rows": json.dumps(rows)})
    return {(row.job_id, row.name): row.id for row in written}


_DELETE = text("""
    UPDATE jobrunner.schedules SET deleted_at = statement_timestamp()
     WHERE id = ANY(CAST(:ids AS uuid[])) AND deleted_at IS NULL
""")


def delete_schedules(connection: Connection, schedule_ids: Sequence[uuid.UUID]) -> None:
    """Make tombstones of them; their next times are the caller's to clear."""
    if schedule_ids:
        connection.execute(_DELETE, {"ids": [str(gone) for gone in schedule_ids]})


_SET_NEXT = text("""
    UPDATE jobrunner.schedules AS s
       SET next_scheduled_for = new.next_scheduled_for, next_run_at = new.next_run_at, error = NULL
      FROM unnest(CAST(:ids AS uuid[]), CAST(:scheduled AS timestamptz[]), CAST(:run_at AS timestamptz[]))
        AS new (id, next_scheduled_for, next_run_at)
     WHERE s.id = new.id
""")


def set_next_times(
    connection: Connection,
    next_times: Sequence[tuple[uuid.UUID, datetime | None, datetime | None]],
) -> None:
    """(schedule, next nominal time, the same plus jitter); None and None: nothing is coming."""
    if next_times:
        connection.execute(
            _SET_NEXT,
            {
                "ids": [str(schedule_id) for schedule_id, _, _ in next_times],
                "scheduled": [scheduled_for for _, scheduled_for, _ in next_times],
                "run_at": [run_at for _, _, run_at in next_times],
            },
        )


@dataclass(frozen=True, slots=True)
class Advance:
    """What a tick did to a schedule. `fired` runs got a row; `last` is the newest of them."""

    schedule_id: uuid.UUID
    next_scheduled_for: datetime | None
    next_run_at: datetime | None
    last_run_at: datetime | None
    fired: int


_ADVANCE = text("""
    UPDATE jobrunner.schedules AS s
       SET next_scheduled_for = new.next_scheduled_for, next_run_at = new.next_run_at,
           last_run_at = greatest(s.last_run_at, new.last_run_at),
           total_run_count = s.total_run_count + new.fired, error = NULL
      FROM unnest(CAST(:ids AS uuid[]), CAST(:scheduled AS timestamptz[]), CAST(:run_at AS timestamptz[]),
                  CAST(:last AS timestamptz[]), CAST(:fired AS int[]))
        AS new (id, next_scheduled_for, next_run_at, last_run_at, fired)
     WHERE s.id = new.id
""")


def advance(connection: Connection, advances: Sequence[Advance]) -> None:
    """Move schedules that were due to their next times."""
    if advances:
        connection.execute(
            _ADVANCE,
            {
                "ids": [str(a.schedule_id) for a in advances],
                "scheduled": [a.next_scheduled_for for a in advances],
                "run_at": [a.next_run_at for a in advances],
                "last": [a.last_run_at for a in advances],
                "fired": [a.fired for a in advances],
            },
        )


_MARK_BAD = text("""
    UPDATE jobrunner.schedules
       SET error = :error, next_run_at = CAST(:now AS timestamptz) + make_interval(secs => :seconds)
     WHERE id = :id
""")


def mark_bad(connection: Connection, schedule_id: uuid.UUID, error: str, *, now: datetime) -> None:
    """Shown as in error and tried again in a minute; the time it owes is kept."""
    connection.execute(
        _MARK_BAD,
        {"id": schedule_id, "error": error, "now": now, "seconds": BAD_ROW_RETRY_SECONDS},
    )


# The conditions on runs are those under which one is taken to be sent: a run that is counted here and
# never taken would keep every beat awake.
_NEXT_WAKE = text("""
    SELECT extract(epoch FROM least(
             (SELECT min(next_run_at) FROM jobrunner.schedules WHERE next_run_at IS NOT NULL),
             (SELECT min(available_at) FROM jobrunner.runs
               WHERE state = 'queued' AND sent_at IS NULL AND NOT held AND sending_until IS NULL
                 AND (attempt > 0 OR expires_at IS NULL OR expires_at > statement_timestamp()))
           ) - clock_timestamp())
""")


def seconds_until_next(connection: Connection) -> float | None:
    """Until something is due by the database's clock; negative when it is late, None when nothing is."""
    seconds = connection.execute(_NEXT_WAKE).scalar_one()
    return None if seconds is None else float(seconds)
