"""Backfills: runs for times of a schedule that have passed, made once and released a few at a time."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from jobrunner.db.arrays import plain_array


@dataclass(frozen=True, slots=True)
class BackfillSchedule:
    """A schedule in force, and what its runs need of its job."""

    id: uuid.UUID
    name: str
    spec_json: str
    job_id: uuid.UUID
    address: str
    definition_id: int
    queue: str
    priority: int | None
    expires: timedelta | None
    delivery: str
    has_on_end: bool


_SCHEDULES = text("""
    SELECT s.id, s.name, CAST(s.spec AS text) AS spec_json, j.id AS job_id, j.address,
           j.definition_id, j.queue, j.priority, j.expires, j.delivery, j.has_on_end
      FROM jobrunner.schedules AS s
      JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE j.namespace = split_part(:address, '/', 1) AND j.name = split_part(:address, '/', 2)
       AND s.deleted_at IS NULL AND j.deleted_at IS NULL
     ORDER BY s.name
""")


def schedules_of(connection: Connection, address: str) -> tuple[BackfillSchedule, ...]:
    """Those of the job, by name; none for a job without any, or that is not there."""
    rows = connection.execute(_SCHEDULES, {"address": address}).mappings()
    return tuple(BackfillSchedule(**row) for row in rows)


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Overdue times that somebody has to ask for, in one row of `runs`. Both ends are times."""

    run_id: uuid.UUID
    schedule_id: uuid.UUID
    first: datetime
    last: datetime


_HELD_BACK = text("""
    SELECT id AS run_id, schedule_id, scheduled_for AS first,
           coalesce(missed_until, scheduled_for) AS last
      FROM jobrunner.runs
     WHERE job_id = :job_id AND state = 'missed' AND trigger = 'catch_up'
     ORDER BY scheduled_for
""")


def held_back(connection: Connection, job_id: uuid.UUID) -> tuple[HeldBack, ...]:
    """What the catch-up policy of that job would have run and did not."""
    rows = connection.execute(_HELD_BACK, {"job_id": job_id}).mappings()
    return tuple(HeldBack(**row) for row in rows)


_RELEASE_SPANS = text("""
    UPDATE jobrunner.runs
       SET trigger = 'schedule', error = error || '; ' || :actor || ' has done so'
     WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'missed' AND trigger = 'catch_up'
""")


def note_caught_up(connection: Connection, spans: Sequence[HeldBack], *, actor: str) -> None:
    """Their times have runs of their own now; they are held back no more."""
    ids = plain_array(span.run_id for span in spans)
    connection.execute(_RELEASE_SPANS, {"ids": ids, "actor": actor})


_COUNT_EXISTING = text("SELECT count(*) FROM jobrunner.runs WHERE id = ANY(CAST(:ids AS uuid[]))")


def count_existing(connection: Connection, run_ids: Sequence[uuid.UUID]) -> int:
    """How many of these runs are there."""
    return int(connection.execute(_COUNT_EXISTING, {"ids": plain_array(run_ids)}).scalar_one())


@dataclass(frozen=True, slots=True)
class Backfill:
    """A row of `backfills`."""

    id: uuid.UUID
    schedule_id: uuid.UUID
    from_at: datetime
    to_at: datetime
    max_active: int
    created_by: str


_WRITE = text("""
    INSERT INTO jobrunner.backfills (id, schedule_id, from_at, to_at, max_active, created_by)
    VALUES (:id, :schedule_id, :from_at, :to_at, :max_active, :created_by)
        ON CONFLICT (id) DO UPDATE SET max_active = excluded.max_active
""")


def write_backfill(connection: Connection, backfill: Backfill) -> None:
    """The same backfill again changes how many of its runs may be active at once."""
    connection.execute(
        _WRITE,
        {
            "id": backfill.id,
            "schedule_id": backfill.schedule_id,
            "from_at": backfill.from_at,
            "to_at": backfill.to_at,
            "max_active": backfill.max_active,
            "created_by": backfill.created_by,
        },
    )


_INSERT_RUNS = text("""
    INSERT INTO jobrunner.runs
           (id, job_id, schedule_id, backfill_id, definition_id, trigger, scheduled_for, state, held,
            queue, priority, available_at, expires_at, request_key, created_by, delivery, on_end_at)
    SELECT new.id, :job_id, :schedule_id, :backfill_id, :definition_id, 'backfill',
           new.scheduled_for, 'queued', true, :queue, :priority, statement_timestamp(),
           statement_timestamp() + CAST(:expires AS interval), :request_key, :created_by, :delivery,
           CASE WHEN :has_on_end THEN statement_timestamp() END
      FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS new (id, scheduled_for)
        ON CONFLICT (id) DO NOTHING
""")


def insert_runs(
    connection: Connection,
    backfill: Backfill,
    schedule: BackfillSchedule,
    runs: Sequence[tuple[uuid.UUID, datetime]],
    *,
    request_key: str,
) -> int:
    """Runs for these times, held until the backfill lets them go; how many there were not before."""
    values = {
        "job_id": schedule.job_id,
        "schedule_id": schedule.id,
        "backfill_id": backfill.id,
        "definition_id": schedule.definition_id,
        "queue": schedule.queue,
        "priority": schedule.priority,
        "expires": schedule.expires,
        "request_key": request_key or None,
        "created_by": backfill.created_by,
        "delivery": schedule.delivery,
        "has_on_end": schedule.has_on_end,
        "ids": plain_array(run_id for run_id, _ in runs),
        "times": plain_array(scheduled_for for _, scheduled_for in runs),
    }
    return connection.execute(_INSERT_RUNS, values).rowcount
