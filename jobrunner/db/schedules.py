"""Schedules: which are due, and when each is due next. Only dispatch and reconcile write here."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from jobrunner.db.arrays import json_texts, plain_array, text_array
from jobrunner.spec.models import ScheduleSpec, dump_schedule
from jobrunner.tick import Advance, DueSchedule

BAD_ROW_RETRY_SECONDS = 60


# statement_timestamp() is read by the server when the statement arrives, so a frozen process or a
# wrong host clock decides nothing; unlike clock_timestamp() it is stable and the index can be used.
# The columns are those of DueSchedule, in its order. A time that a hand has put beyond what Python can
# hold is none: one such row must not keep the driver from reading the others.
# `OF s`: the job's row is locked later, by id, and only where a policy has to count its runs.
_CLAIM_DUE = """
    SELECT CAST(s.id AS text), s.name, CAST(s.spec AS text),
           CASE WHEN s.next_scheduled_for >= '0001-01-03Z' AND s.next_scheduled_for < '9999-12-30Z'
                THEN s.next_scheduled_for END,
           s.total_run_count, CAST(j.id AS text), j.address, j.namespace, j.tags, j.definition_id,
           j.queue, j.priority, j.overlap, j.catch_up_policy, j.catch_up_window, j.catch_up_max,
           j.max_concurrency, j.expires,
           coalesce(CAST(:now AS timestamptz), statement_timestamp()), j.delivery, j.has_on_end
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
    schedule_ids: Sequence[object] | None = None,
    now: datetime | None = None,
) -> tuple[DueSchedule, ...]:
    """Lock and return schedules that are due, the longest overdue first.

    Without `schedule_ids` rows that another scheduler holds are passed over; with them it waits for
    each, in id order, because the caller has to know. `now` None is the database's clock.
    """
    if schedule_ids is None:
        rows = connection.execute(_CLAIM_ANY_DUE, {"now": now, "limit": limit})
    else:
        ids = plain_array(schedule_ids)
        rows = connection.execute(_CLAIM_THESE_DUE, {"now": now, "limit": limit, "ids": ids})
    return tuple(map(DueSchedule._make, rows))


@dataclass(frozen=True, slots=True)
class StartedSchedule:
    """A schedule to put in force, whose times begin anew."""

    job_id: uuid.UUID
    spec: ScheduleSpec
    next_scheduled_for: datetime | None
    """The nominal time; None: nothing is coming."""
    next_run_at: datetime | None
    """The same plus jitter."""


# A schedule that has had all of its `max_runs` is over, whatever time would come next.
_START = text("""
    INSERT INTO jobrunner.schedules AS s
           (id, job_id, name, spec, next_scheduled_for, next_run_at)
    SELECT gen_random_uuid(), job_id, name, CAST(spec AS jsonb), next_scheduled_for, next_run_at
      FROM unnest(CAST(:job_ids AS uuid[]), CAST(:names AS text[]),
                  string_to_array(:specs, chr(30)), CAST(:scheduled AS timestamptz[]),
                  CAST(:run_at AS timestamptz[]))
        AS new (job_id, name, spec, next_scheduled_for, next_run_at)
     ORDER BY job_id, name
        ON CONFLICT (job_id, name) DO UPDATE
       SET spec = excluded.spec, deleted_at = NULL, error = NULL,
           next_scheduled_for = CASE WHEN s.total_run_count
                                          >= CAST(excluded.spec ->> 'max_runs' AS bigint)
                                     THEN NULL ELSE excluded.next_scheduled_for END,
           next_run_at = CASE WHEN s.total_run_count
                                   >= CAST(excluded.spec ->> 'max_runs' AS bigint)
                              THEN NULL ELSE excluded.next_run_at END
    RETURNING id, job_id, name
""")


def start_schedules(
    connection: Connection, started: Sequence[StartedSchedule]
) -> Mapping[tuple[uuid.UUID, str], uuid.UUID]:
    """Put these in force, new, changed or returned, with their next times; their ids by job and name."""
    if not started:
        return {}
    columns = {
        "job_ids": plain_array(one.job_id for one in started),
        "names": text_array(one.spec.name for one in started),
        "specs": _spec_texts([one.spec for one in started]),
        "scheduled": plain_array(one.next_scheduled_for for one in started),
        "run_at": plain_array(one.next_run_at for one in started),
    }
    written = connection.execute(_START, columns)
    return {(job_id, name): schedule_id for schedule_id, job_id, name in written}


_RESPECIFY = text("""
    UPDATE jobrunner.schedules AS s SET spec = CAST(new.spec AS jsonb)
      FROM unnest(CAST(:ids AS uuid[]), string_to_array(:specs, chr(30))) AS new (id, spec)
     WHERE s.id = new.id
""")


def write_specs(connection: Connection, specs: Mapping[uuid.UUID, ScheduleSpec]) -> None:
    """Change what these say beside their times, none of which is touched."""
    if specs:
        columns = {"ids": plain_array(specs), "specs": _spec_texts(specs.values())}
        connection.execute(_RESPECIFY, columns)


def _spec_texts(specs: Iterable[ScheduleSpec]) -> str:
    return json_texts(json.dumps(dump_schedule(spec)) for spec in specs)


_END = text("""
    UPDATE jobrunner.schedules
       SET deleted_at = statement_timestamp(), next_scheduled_for = NULL, next_run_at = NULL,
           error = NULL
     WHERE id = ANY(CAST(:ids AS uuid[])) AND deleted_at IS NULL
""")


def end_schedules(connection: Connection, schedule_ids: Sequence[uuid.UUID]) -> None:
    """Make tombstones of them; nothing of theirs is coming."""
    if schedule_ids:
        connection.execute(_END, {"ids": plain_array(schedule_ids)})


# A schedule that has had all of its `max_runs` is over, whatever time would come next.
_SET_NEXT = text("""
    UPDATE jobrunner.schedules AS s
       SET next_scheduled_for = CASE WHEN s.total_run_count >= CAST(s.spec ->> 'max_runs' AS bigint)
                                     THEN NULL ELSE new.next_scheduled_for END,
           next_run_at = CASE WHEN s.total_run_count >= CAST(s.spec ->> 'max_runs' AS bigint)
                              THEN NULL ELSE new.next_run_at END,
           error = NULL
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
                "ids": plain_array(schedule_id for schedule_id, _, _ in next_times),
                "scheduled": plain_array(scheduled_for for _, scheduled_for, _ in next_times),
                "run_at": plain_array(run_at for _, _, run_at in next_times),
            },
        )


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
        columns = zip(*advances, strict=True)
        names = ("ids", "scheduled", "run_at", "last", "fired")
        arrays = map(plain_array, columns)
        connection.execute(_ADVANCE, dict(zip(names, arrays, strict=True)))


_MARK_BAD = text("""
    UPDATE jobrunner.schedules
       SET error = :error, next_run_at = CAST(:now AS timestamptz) + make_interval(secs => :seconds)
     WHERE id = :id
""")


def mark_bad(connection: Connection, schedule_id: str, error: str, *, now: datetime) -> None:
    """Shown as in error and tried again in a minute; the time it owes is kept."""
    connection.execute(
        _MARK_BAD,
        {"id": schedule_id, "error": error, "now": now, "seconds": BAD_ROW_RETRY_SECONDS},
    )
