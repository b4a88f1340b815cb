"""What is wrong with jobs that have alerts: what is found of it, and what is kept.

Only jobs with alerts are looked at, by a partial index; of runs those that went wrong and were not
looked at, whenever their end was committed, and those that are queued or running.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, TextClause, text

from jobrunner.alerts.incidents import KIND_OF_STATE, Again, Incident, Key, Kind, Opened, Wrong
from jobrunner.alerts.message import JobFacts, RunFacts

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('jobrunner alerts', 0))")


def may_look(connection: Connection) -> bool:
    """Whether nobody else looks; then nobody does until the end of the transaction."""
    return bool(connection.execute(_LOCK).scalar_one())


_END_MOOT = text("""
    UPDATE jobrunner.incidents AS i SET closed_at = statement_timestamp()
     WHERE closed_at IS NULL AND NOT EXISTS (
           SELECT FROM jobrunner.jobs AS j JOIN jobrunner.definitions AS d ON d.id = j.definition_id
            WHERE j.id = i.job_id AND j.deleted_at IS NULL AND d.spec ? 'alerts')
""")


def end_moot_incidents(connection: Connection) -> None:
    """Close those of jobs that are gone or have no alerts any more; nobody is told."""
    connection.execute(_END_MOOT)


_JUDGE = text("""
    WITH wrong AS (
        SELECT id FROM jobrunner.runs
         WHERE state IN ('failed', 'lost', 'missed', 'expired') AND NOT is_judged
         ORDER BY finished_at LIMIT :limit
           FOR NO KEY UPDATE SKIP LOCKED
    ), judged AS (
        UPDATE jobrunner.runs AS r SET is_judged = true FROM wrong WHERE r.id = wrong.id
        RETURNING r.id, r.job_id, r.state, r.finished_at, r.missed_count,
                  coalesce(r.missed_until, r.scheduled_for) AS scheduled_for
    )
    SELECT w.id, w.job_id, w.state, w.finished_at AS at, w.scheduled_for, d.spec -> 'alerts' AS alerts,
           coalesce(w.missed_count, 1) AS times
      FROM judged AS w JOIN jobrunner.jobs AS j ON j.id = w.job_id
      JOIN jobrunner.definitions AS d ON d.id = j.definition_id
     WHERE j.deleted_at IS NULL AND d.spec ? 'alerts'
""")


def judge_ended_runs(connection: Connection, *, limit: int) -> list[Wrong]:
    """What went wrong and nobody has looked at, up to so many runs; they count as looked at from now on."""
    rows = connection.execute(_JUDGE, {"limit": limit}).mappings()
    return [_ended(row) for row in rows]


def _ended(row: RowMapping) -> Wrong:
    kind = KIND_OF_STATE[row["state"]]
    return Wrong(
        job_id=row["job_id"],
        kind=kind,
        run_id=row["id"],
        at=row["at"],
        scheduled_for=row["scheduled_for"],
        to=frozenset(name for one in row["alerts"] if kind in one["when"] for name in one["to"]),
        times=row["times"],
    )


_WITH_ALERTS = """
    jobrunner.jobs AS j
      JOIN jobrunner.definitions AS d ON d.id = j.definition_id AND d.spec ? 'alerts'
     CROSS JOIN LATERAL (
           SELECT CAST(alert ->> 'after' AS interval) AS after, alert -> 'to' AS receivers
             FROM jsonb_array_elements(d.spec -> 'alerts') AS alert
            WHERE alert -> 'when' ? :kind) AS a
"""
# The newest one of each job and alert tells enough, and is found by an index.
_LATE = text(f"""
    SELECT j.id AS job_id, r.id, r.scheduled_for, r.scheduled_for + a.after AS at, a.receivers
      FROM {_WITH_ALERTS}
     CROSS JOIN LATERAL (
           (SELECT id, scheduled_for FROM jobrunner.runs
             WHERE job_id = j.id AND state = 'queued' AND NOT held AND attempt = 0
               AND trigger <> 'backfill' AND scheduled_for <= statement_timestamp() - a.after
             ORDER BY scheduled_for DESC LIMIT 1)
             UNION ALL
           (SELECT id, scheduled_for FROM jobrunner.runs
             WHERE job_id = j.id AND held AND attempt = 0
               AND trigger <> 'backfill' AND scheduled_for <= statement_timestamp() - a.after
             ORDER BY scheduled_for DESC LIMIT 1)) AS r
     WHERE j.deleted_at IS NULL
""")  # noqa: S608  a constant of this file
_TOO_LONG = text(f"""
    SELECT j.id AS job_id, r.id, r.scheduled_for, r.started_at + a.after AS at, a.receivers
      FROM {_WITH_ALERTS}
      JOIN jobrunner.runs AS r ON r.job_id = j.id AND r.state = 'running'
       AND r.started_at <= statement_timestamp() - a.after
     WHERE j.deleted_at IS NULL
""")  # noqa: S608  a constant of this file


def slow_runs(connection: Connection) -> list[Wrong]:
    """Runs that have not started though they are due for so long, and those that go on for too long."""
    return [*_slow(connection, _LATE, "late"), *_slow(connection, _TOO_LONG, "too_long")]


def _slow(connection: Connection, question: TextClause, kind: Kind) -> Iterator[Wrong]:
    for row in connection.execute(question, {"kind": kind}).mappings():
        to = frozenset(row["receivers"])
        yield Wrong(row["job_id"], kind, row["id"], row["at"], row["scheduled_for"], to)


_NEWEST = text("""
    SELECT DISTINCT ON (job_id, kind) id, job_id, kind, last_run_id, last_at,
           closed_at IS NULL AS is_open,
           ARRAY(SELECT notifier FROM jobrunner.notifications AS n
                  WHERE n.incident_id = i.id AND n.event = 'opened') AS told
      FROM jobrunner.incidents AS i
     WHERE job_id = ANY(CAST(:job_ids AS uuid[]))
     ORDER BY job_id, kind, id DESC
""")


def newest_incidents(
    connection: Connection, job_ids: Iterable[uuid.UUID]
) -> Mapping[Key, Incident]:
    """The newest one of each kind of these jobs, open or closed."""
    values = {"job_ids": [str(job_id) for job_id in job_ids]}
    found = [
        Incident(**{**row, "told": frozenset(row["told"])})
        for row in connection.execute(_NEWEST, values).mappings()
    ]
    return {(one.job_id, one.kind): one for one in found}


_OPEN = text("""
    INSERT INTO jobrunner.incidents (job_id, kind, run_id, opened_at, occurred, last_run_id, last_at,
                                     last_scheduled_for)
    SELECT job_id, kind, run_id, opened_at, occurred, last_run_id, last_at, last_scheduled_for
      FROM jsonb_to_recordset(CAST(:opened AS jsonb)) AS given (
           job_id uuid, kind text, run_id uuid, opened_at timestamptz, occurred integer,
           last_run_id uuid, last_at timestamptz, last_scheduled_for timestamptz)
    RETURNING job_id, kind, id
""")


def open_incidents(connection: Connection, opened: Iterable[Opened]) -> Mapping[Key, int]:
    """Their ids. Under the lock of `may_look`."""
    values = [
        {
            "job_id": one.first.job_id,
            "kind": one.first.kind,
            "run_id": one.first.run_id,
            "opened_at": one.first.at,
            "occurred": one.occurred,
            **_last(one.last),
        }
        for one in opened
    ]
    rows = connection.execute(_OPEN, {"opened": json.dumps(values, default=str)})
    return {(row.job_id, row.kind): row.id for row in rows}


_COUNT = text("""
    UPDATE jobrunner.incidents AS i
       SET occurred = i.occurred + again.occurred, last_run_id = again.last_run_id,
           last_at = greatest(i.last_at, again.last_at),
           last_scheduled_for = greatest(i.last_scheduled_for, again.last_scheduled_for)
      FROM jsonb_to_recordset(CAST(:again AS jsonb)) AS again (
           id bigint, occurred integer, last_run_id uuid, last_at timestamptz,
           last_scheduled_for timestamptz)
     WHERE i.id = again.id
""")


def count_again(connection: Connection, again: Iterable[Again]) -> None:
    """They go on."""
    values = [
        {"id": one.incident_id, "occurred": one.occurred, **_last(one.last)}
        for one in again
        if one.last is not None
    ]
    connection.execute(_COUNT, {"again": json.dumps(values, default=str)})


def _last(wrong: Wrong) -> dict[str, object]:
    return {
        "last_run_id": wrong.run_id,
        "last_at": wrong.at,
        "last_scheduled_for": wrong.scheduled_for,
    }


# A run that was late, or goes on too long, may end well itself: that it was so is no less true.
_CLOSE = text("""
    WITH good AS (
        SELECT i.id, r.id AS run_id FROM jobrunner.incidents AS i
         CROSS JOIN LATERAL (
               SELECT r.id FROM jobrunner.runs AS r
                WHERE r.job_id = i.job_id AND r.state = 'succeeded'
                  AND r.scheduled_for >= i.last_scheduled_for AND r.finished_at > i.last_at
                  AND (i.kind IN ('failure', 'missed') OR r.id <> i.last_run_id)
                ORDER BY r.scheduled_for LIMIT 1) AS r
         WHERE i.closed_at IS NULL
         ORDER BY i.id LIMIT :limit
    )
    UPDATE jobrunner.incidents AS i
       SET closed_at = statement_timestamp(), last_run_id = good.run_id
      FROM good, jobrunner.jobs AS j, jobrunner.definitions AS d
     WHERE i.id = good.id AND j.id = i.job_id AND d.id = j.definition_id
    RETURNING i.id, i.job_id, i.kind, i.opened_at, i.occurred, good.run_id, d.spec -> 'alerts' AS alerts,
              ARRAY(SELECT notifier FROM jobrunner.notifications AS n
                     WHERE n.incident_id = i.id AND n.event = 'opened') AS told
""")


@dataclass(frozen=True, slots=True)
class Recovered:
    """An incident that is over."""

    id: int
    job_id: uuid.UUID
    kind: Kind
    opened_at: datetime
    occurred: int
    run_id: uuid.UUID
    """The good run."""
    to: frozenset[str]
    """Those that were told that it opened, and ask for this as well."""


def close_recovered(connection: Connection, *, limit: int) -> list[Recovered]:
    """Close those whose job has had a good run since: owed no earlier, and ended later."""
    rows = connection.execute(_CLOSE, {"limit": limit}).mappings()
    return [_recovered(row) for row in rows]


def _recovered(row: RowMapping) -> Recovered:
    asked = {
        name for one in row["alerts"] or () if "recovered" in one["when"] for name in one["to"]
    }
    return Recovered(
        id=row["id"],
        job_id=row["job_id"],
        kind=row["kind"],
        opened_at=row["opened_at"],
        occurred=row["occurred"],
        run_id=row["run_id"],
        to=frozenset(asked.intersection(row["told"])),
    )


_FACTS = text("""
    SELECT p.id AS project_id, p.name AS project, p.environment, j.address AS job, j.owner, j.file,
           j.line, d.git_commit AS commit,
           (SELECT min(next_run_at) FROM jobrunner.schedules AS s WHERE s.job_id = j.id) AS next_run_at,
           j.id AS job_id, asked.run_id, r.id AS found, r.scheduled_for, r.state, r.error
      FROM unnest(CAST(:job_ids AS uuid[]), CAST(:run_ids AS uuid[])) AS asked (job_id, run_id)
      JOIN jobrunner.jobs AS j ON j.id = asked.job_id
      JOIN jobrunner.projects AS p ON p.id = j.project_id
      JOIN jobrunner.definitions AS d ON d.id = j.definition_id
      LEFT JOIN jobrunner.runs AS r ON r.id = asked.run_id
""")
_OF_A_RUN = ("scheduled_for", "state", "error")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a message says of a job and a run."""

    project_id: int
    job: JobFacts
    run: RunFacts | None
    """None when it is deleted by now."""


Sight = tuple[uuid.UUID, uuid.UUID]
"""A job and the run by which something was seen of it."""


def read_facts(connection: Connection, sights: Iterable[Sight]) -> Mapping[Sight, Facts]:
    """The jobs as they are now, and the runs."""
    asked = list(sights)
    values = {
        "job_ids": [str(job_id) for job_id, _ in asked],
        "run_ids": [str(run_id) for _, run_id in asked],
    }
    rows = connection.execute(_FACTS, values).mappings()
    return {(row["job_id"], row["run_id"]): _facts(row) for row in rows}


def _facts(row: RowMapping) -> Facts:
    job = JobFacts(**{name: row[name] for name in JobFacts.model_fields})
    run = None
    if row["found"] is not None:
        run = RunFacts(id=row["found"], **{name: row[name] for name in _OF_A_RUN})
    return Facts(row["project_id"], job, run)


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """One that goes on, for a reader."""

    address: str
    kind: str
    opened_at: datetime
    last_at: datetime
    occurred: int
    run_id: uuid.UUID | None
    last_run_id: uuid.UUID | None
    error: str | None
    """Of the newest run that went wrong."""
    told: tuple[str, ...]
    """The notifiers that were reached."""


_LIST = text("""
    SELECT j.address, i.kind, i.opened_at, i.last_at, i.occurred, i.run_id, i.last_run_id, r.error,
           ARRAY(SELECT notifier FROM jobrunner.notifications AS n
                  WHERE n.incident_id = i.id AND n.event = 'opened' AND n.sent_at IS NOT NULL
                  ORDER BY notifier) AS told
      FROM jobrunner.incidents AS i JOIN jobrunner.jobs AS j ON j.id = i.job_id
      LEFT JOIN jobrunner.runs AS r ON r.id = i.last_run_id
     WHERE i.closed_at IS NULL ORDER BY i.opened_at DESC, i.id DESC LIMIT :limit
""")


def incidents_now(connection: Connection, *, limit: int) -> Sequence[OpenIncident]:
    """The newest first."""
    rows = connection.execute(_LIST, {"limit": limit}).mappings()
    return [OpenIncident(**{**row, "told": tuple(row["told"])}) for row in rows]
