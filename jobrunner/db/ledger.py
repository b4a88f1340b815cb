"""The ledger as `fsck` reads it: each schedule with its spans and rows, and runs that cannot be right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from jobrunner.db.arrays import text_array
from jobrunner.judge import Row

_PAGE_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class LedgerSchedule:
    """A schedule that is or was in force."""

    id: UUID
    address: str
    """`namespace/job#schedule`."""
    next_scheduled_for: datetime | None
    total_run_count: int
    kept_from: datetime | None
    error: str | None
    is_deleted: bool


_SCHEDULES = text("""
    SELECT s.id, j.address || '#' || s.name AS address, s.next_scheduled_for, s.total_run_count,
           s.kept_from, s.error, s.deleted_at IS NOT NULL AS is_deleted
      FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE CAST(:addresses AS text[]) IS NULL OR j.address = ANY(CAST(:addresses AS text[]))
     ORDER BY j.address, s.name
""")


def read_schedules(connection: Connection, addresses: Sequence[str]) -> tuple[LedgerSchedule, ...]:
    """Those of these jobs, or all, by address; deleted ones as well, since they leave rows."""
    values = {"addresses": text_array(addresses) if addresses else None}
    return tuple(LedgerSchedule(**row) for row in connection.execute(_SCHEDULES, values).mappings())


_IS_JOB = text("SELECT EXISTS (SELECT FROM jobrunner.jobs WHERE address = :address)")


def is_job(connection: Connection, address: str) -> bool:
    """In force, or deleted."""
    return bool(connection.execute(_IS_JOB, {"address": address}).scalar_one())


_SCHEDULE = text("""
    SELECT s.id, j.address || '#' || s.name AS address, s.next_scheduled_for, s.total_run_count,
           s.kept_from, s.error, s.deleted_at IS NOT NULL AS is_deleted
      FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE s.id = :id
""")


def read_schedule(connection: Connection, schedule_id: UUID) -> LedgerSchedule:
    """The same as it is in this transaction."""
    row = connection.execute(_SCHEDULE, {"id": schedule_id}).mappings().one()
    return LedgerSchedule(**row)


@dataclass(frozen=True, slots=True)
class Interval:
    """A span in which a schedule was in force."""

    spec: Any
    """Its JSON as it stood."""
    zone_data: str
    """'' for what was in force before spans were written down."""
    started_at: datetime
    ended_at: datetime | None
    address: str | None
    """`namespace/job#schedule` then; None: what it is now."""


_INTERVALS = text("""
    SELECT spec, tzdata AS zone_data, started_at, ended_at, address
      FROM jobrunner.active_intervals WHERE schedule_id = :id ORDER BY started_at, id
""")


def read_intervals(connection: Connection, schedule_id: UUID) -> tuple[Interval, ...]:
    """In order."""
    rows = connection.execute(_INTERVALS, {"id": schedule_id}).mappings()
    return tuple(Interval(**row) for row in rows)


_COUNT_FIRED = text("""
    SELECT count(*) FROM jobrunner.runs
     WHERE schedule_id = :id AND trigger IN ('schedule', 'catch_up') AND state <> 'missed'
       AND (CAST(:after AS timestamptz) IS NULL OR scheduled_for > :after)
""")


def count_fired(connection: Connection, schedule_id: UUID, *, after: datetime | None) -> int:
    """Runs of the schedule's own that are kept."""
    values = {"id": schedule_id, "after": after}
    return int(connection.execute(_COUNT_FIRED, values).scalar_one())


_ROWS = text("""
    SELECT scheduled_for, state = 'missed' AS is_missed, missed_count, missed_until
      FROM jobrunner.runs
     WHERE schedule_id = :id AND trigger IN ('schedule', 'catch_up')
       AND (CAST(:after AS timestamptz) IS NULL OR scheduled_for > :after
            OR (state = 'missed' AND missed_until > :after))
     ORDER BY scheduled_for
""")


def read_rows(
    connection: Connection, schedule_id: UUID, *, after: datetime | None
) -> Iterator[Row]:
    """The schedule's own runs in order of time, a page at a time."""
    streaming = connection.execution_options(stream_results=True, max_row_buffer=_PAGE_ROWS)
    for row in streaming.execute(_ROWS, {"id": schedule_id, "after": after}):
        yield Row(*row)


@dataclass(frozen=True, slots=True)
class OddRun:
    """A run that cannot be right."""

    address: str
    """Of its job; its id where there is none."""
    run_id: UUID
    scheduled_for: datetime
    what: str


# What a beat ends, sends or frees within seconds; the bound leaves room for a restart of everything.
_ODD = """
    SELECT coalesce(j.address, CAST(r.job_id AS text)) AS address, r.id AS run_id, r.scheduled_for,
           {what} AS what
      FROM {tables} LEFT JOIN jobrunner.jobs AS j ON j.id = r.job_id
     WHERE (CAST(:addresses AS text[]) IS NULL OR j.address = ANY(CAST(:addresses AS text[])))
       AND (CAST(:since AS timestamptz) IS NULL OR r.scheduled_for > :since)
       AND {condition}
     ORDER BY r.scheduled_for, r.id
"""
_BOUND = "interval '1 minute'"
_STUCK = text(
    _ODD.format(
        tables="jobrunner.runs AS r",
        what="""CASE WHEN r.state = 'running' THEN 'still running, though its lease ended'
                     WHEN r.held THEN 'held, though no other run of its job is under way'
                     WHEN r.sent_at IS NULL THEN 'not sent to the broker, though it may start'
                     ELSE 'still queued, though its time to start has run out' END""",
        condition=f"""CASE WHEN r.state = 'running' THEN r.lease_until < :now - {_BOUND}
                           WHEN r.state <> 'queued' THEN false
                           WHEN r.held THEN r.created_at < :now - {_BOUND} AND NOT EXISTS (
                             SELECT FROM jobrunner.runs AS o
                              WHERE o.job_id = r.job_id AND o.state IN ('queued', 'running')
                                AND NOT o.held)
                           WHEN r.attempt = 0 AND r.expires_at < :now - {_BOUND} THEN true
                           ELSE r.sent_at IS NULL AND r.available_at < :now - {_BOUND} END""",
    )
)
_ATTEMPTS = text(
    _ODD.format(
        tables="""jobrunner.runs AS r LEFT JOIN (
               SELECT run_id, count(*) AS number, max(number) AS highest,
                      count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
                      count(*) FILTER (WHERE state = 'running') AS running
                 FROM jobrunner.attempts GROUP BY run_id) AS a ON a.run_id = r.id""",
        what="""CASE WHEN a.succeeded > 1 THEN a.succeeded || ' attempts of it have succeeded'
                     WHEN coalesce(a.highest, 0) <> coalesce(a.number, 0)
                       OR coalesce(a.number, 0) <> r.attempt
                     THEN 'says attempt ' || r.attempt || ', and has ' || coalesce(a.number, 0)
                          || ' numbered up to ' || coalesce(a.highest, 0)
                     WHEN r.state = 'succeeded' THEN 'succeeded without an attempt that did'
                     WHEN a.succeeded > 0 THEN 'is ' || r.state || ', though an attempt has succeeded'
                     ELSE 'is ' || r.state || ', and ' || coalesce(a.running, 0)
                          || ' attempts are running' END""",
        condition="""(a.succeeded > 1 OR coalesce(a.highest, 0) <> coalesce(a.number, 0)
                      OR coalesce(a.number, 0) <> r.attempt
                      OR (r.state = 'succeeded') <> (coalesce(a.succeeded, 0) > 0)
                      OR (r.state = 'running') <> (coalesce(a.running, 0) > 0))""",
    )
)
_STRANGERS = text(
    _ODD.format(
        tables="jobrunner.runs AS r LEFT JOIN jobrunner.schedules AS s ON s.id = r.schedule_id",
        what="""CASE WHEN j.id IS NULL THEN 'belongs to no job'
                     WHEN r.schedule_id IS NULL THEN 'has no schedule, though one fired it'
                     WHEN s.job_id IS DISTINCT FROM r.job_id THEN 'is of a schedule of another job'
                     WHEN r.trigger = 'manual' THEN 'takes a time of a schedule, though by hand'
                     ELSE 'takes a time of a schedule for no backfill' END""",
        condition="""(j.id IS NULL OR s.job_id IS DISTINCT FROM r.job_id AND r.schedule_id IS NOT NULL
                      OR (r.schedule_id IS NULL) <> (r.trigger = 'manual')
                      OR (r.trigger = 'backfill' AND r.backfill_id IS NULL))""",
    )
)


def odd_runs(
    connection: Connection, addresses: Sequence[str], *, since: datetime | None, now: datetime
) -> Iterator[OddRun]:
    """Runs that should have ended, whose attempts contradict them, or that belong nowhere."""
    values = {
        "addresses": text_array(addresses) if addresses else None,
        "since": since,
        "now": now,
    }
    for query in (_STUCK, _ATTEMPTS, _STRANGERS):
        for row in connection.execute(query, values).mappings():
            yield OddRun(**row)


_COUNT_RUNS = text("""
    SELECT count(*) FROM jobrunner.runs AS r LEFT JOIN jobrunner.jobs AS j ON j.id = r.job_id
     WHERE (CAST(:addresses AS text[]) IS NULL OR j.address = ANY(CAST(:addresses AS text[])))
       AND (CAST(:since AS timestamptz) IS NULL OR r.scheduled_for > :since)
""")


def count_runs(connection: Connection, addresses: Sequence[str], *, since: datetime | None) -> int:
    """All runs of these jobs, whoever started them."""
    values = {"addresses": text_array(addresses) if addresses else None, "since": since}
    return int(connection.execute(_COUNT_RUNS, values).scalar_one())
