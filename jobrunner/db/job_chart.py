"""What a chart of a job's durations is drawn from: its newest runs, and the applies that changed it."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from jobrunner.access.caller import Caller

NEWEST_RUNS = 200


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that was started and is over."""

    id: uuid.UUID
    scheduled_for: datetime
    state: str
    took: timedelta


@dataclass(frozen=True, slots=True)
class JobApplied:
    """An apply that has changed the job."""

    project: str
    revision: int
    applied_at: datetime
    author: str


_FINISHED = text("""
    SELECT r.id, r.scheduled_for, r.state, r.finished_at - r.started_at AS took
      FROM jobrunner.runs AS r
     WHERE r.job_id = (SELECT id FROM jobrunner.jobs WHERE address = :address AND deleted_at IS NULL)
       AND r.started_at IS NOT NULL AND r.finished_at IS NOT NULL
       AND (CAST(:created_by AS text) IS NULL OR r.created_by = :created_by)
     ORDER BY r.scheduled_for DESC LIMIT :limit
""")


def finished_runs(connection: Connection, caller: Caller, address: str) -> tuple[FinishedRun, ...]:
    """The newest NEWEST_RUNS that exist for the caller, newest first."""
    values = {
        "address": address,
        "created_by": caller.subject if caller.own_runs_only else None,
        "limit": NEWEST_RUNS,
    }
    return tuple(FinishedRun(**row) for row in connection.execute(_FINISHED, values).mappings())


_APPLIED = text("""
    SELECT DISTINCT p.name AS project, v.number AS revision, v.created_at AS applied_at, v.author
      FROM jobrunner.jobs AS j
      JOIN jobrunner.definitions AS d ON d.job_id = j.id
      JOIN jobrunner.projects AS p ON p.id = j.project_id
      JOIN jobrunner.revisions AS v ON v.project_id = p.id AND v.number = d.revision
     WHERE j.address = :address AND j.deleted_at IS NULL AND v.created_at > :since
     ORDER BY v.number
""")


def applies_since(connection: Connection, address: str, since: datetime) -> tuple[JobApplied, ...]:
    """The applies after a moment that have changed the job."""
    rows = connection.execute(_APPLIED, {"address": address, "since": since}).mappings()
    return tuple(JobApplied(**row) for row in rows)
