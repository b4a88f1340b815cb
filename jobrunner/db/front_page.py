"""What the first page tells: what runs, what is late, what went wrong, what comes next.

Each question reads a bounded part of an index, however many runs there are.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from jobrunner.access.caller import Caller

LATE_SECONDS = 10
"""A time that is owed for longer is late: beat looks at least every few seconds."""
COUNTED_MAX = 10_000
"""No figure counts further."""
_LISTED_MAX = 6


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is of what; of each at most one more than COUNTED_MAX."""

    jobs: int
    schedules_in_error: int
    late: int
    """Schedules whose time is owed for longer than LATE_SECONDS."""
    running: int
    queued: int
    held: int
    went_wrong: int
    """Runs that failed, were lost, missed or expired in the last 24 hours."""
    ended: int
    """Runs scheduled in the last 24 hours that are over."""


@dataclass(frozen=True, slots=True)
class DueJob:
    """A schedule with its next time."""

    address: str
    schedule: str
    next_run_at: datetime


@dataclass(frozen=True, slots=True)
class WrongRun:
    """A run that went wrong."""

    id: uuid.UUID
    address: str
    state: str
    finished_at: datetime
    error: str | None
    is_newest: bool
    """No later run of its job has ended well."""


@dataclass(frozen=True, slots=True)
class FrontPage:
    """As far as the caller sees it."""

    figures: Figures
    late: tuple[DueJob, ...]
    """The oldest few."""
    coming: tuple[DueJob, ...]
    """The next few."""
    wrong: tuple[WrongRun, ...]
    """The newest of each job, of the last 24 hours; the newest few."""
    queues: tuple[str, ...]
    """In which its jobs and its waiting runs are to be found by workers of jobrunner, by name."""


_SEES = """
       (CAST(:namespaces AS text[]) IS NULL OR j.namespace = ANY(CAST(:namespaces AS text[])))
"""
# A run of a job that the caller does not see, or that another has started, is none for him.
_SEES_RUN = """
       (CAST(:created_by AS text) IS NULL OR r.created_by = :created_by)
   AND (CAST(:namespaces AS text[]) IS NULL OR r.job_id IN (
         SELECT id FROM jobrunner.jobs WHERE namespace = ANY(CAST(:namespaces AS text[]))))
"""
_FIGURES = text(f"""
    SELECT (SELECT count(*) FROM jobrunner.jobs AS j WHERE deleted_at IS NULL AND {_SEES}) AS jobs,
           (SELECT count(*) FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
             WHERE s.deleted_at IS NULL AND s.error IS NOT NULL AND {_SEES}) AS schedules_in_error,
           (SELECT count(*) FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
             WHERE s.next_run_at < statement_timestamp() - make_interval(secs => :late_seconds)
               AND {_SEES}) AS late,
           (SELECT count(*) FROM (SELECT FROM jobrunner.runs AS r
             WHERE state = 'running' AND NOT held AND {_SEES_RUN} LIMIT :most) AS r) AS running,
           (SELECT count(*) FROM (SELECT FROM jobrunner.runs AS r
             WHERE state = 'queued' AND NOT held AND {_SEES_RUN} LIMIT :most) AS r) AS queued,
           (SELECT count(*) FROM (SELECT FROM jobrunner.runs AS r
             WHERE held AND {_SEES_RUN} LIMIT :most) AS r) AS held,
           (SELECT count(*) FROM (SELECT FROM jobrunner.runs AS r
             WHERE state IN ('failed', 'lost', 'missed', 'expired')
               AND finished_at > statement_timestamp() - interval '24 hours'
               AND {_SEES_RUN} LIMIT :most) AS r) AS went_wrong,
           (SELECT count(*) FROM (SELECT FROM jobrunner.runs AS r
             WHERE scheduled_for > statement_timestamp() - interval '24 hours'
               AND finished_at IS NOT NULL AND {_SEES_RUN} LIMIT :most) AS r) AS ended
""")  # noqa: S608  constants of this file
_DUE = f"""
    SELECT j.address, s.name AS schedule, s.next_run_at
      FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE s.next_run_at {{}} statement_timestamp() - make_interval(secs => :late_seconds) AND {_SEES}
     ORDER BY s.next_run_at LIMIT :limit
"""  # noqa: S608  constants of this file
_LATE = text(_DUE.format("<"))
_COMING = text(_DUE.format(">="))
_WRONG = text(f"""
    SELECT * FROM (
        SELECT DISTINCT ON (newest.job_id) newest.id, j.address, newest.state, newest.finished_at,
               newest.error,
               NOT EXISTS (SELECT FROM jobrunner.runs AS later
                            WHERE later.job_id = newest.job_id AND later.state = 'succeeded'
                              AND later.scheduled_for > newest.scheduled_for) AS is_newest
          FROM (SELECT r.* FROM jobrunner.runs AS r
                 WHERE state IN ('failed', 'lost', 'missed', 'expired')
                   AND finished_at > statement_timestamp() - interval '24 hours' AND {_SEES_RUN}
                 ORDER BY finished_at DESC LIMIT :looked_at) AS newest
          JOIN jobrunner.jobs AS j ON j.id = newest.job_id
         ORDER BY newest.job_id, newest.finished_at DESC) AS wrong
     ORDER BY is_newest DESC, finished_at DESC LIMIT :limit
""")  # noqa: S608  constants of this file
# What an earlier trigger or a schedule's own queue asks for shows as soon as a run waits there.
_QUEUES = text(f"""
    SELECT j.queue FROM jobrunner.jobs AS j
     WHERE j.deleted_at IS NULL AND j.enabled AND j.delivery = 'claim' AND {_SEES}
     UNION
    SELECT queue FROM (SELECT r.queue FROM jobrunner.runs AS r
                        WHERE r.state = 'queued' AND NOT r.held AND r.delivery = 'claim' AND {_SEES_RUN}
                        LIMIT :most) AS waiting
     ORDER BY queue
""")  # noqa: S608  constants of this file


def read_front_page(connection: Connection, caller: Caller) -> FrontPage:
    """All of it, in a fixed number of statements."""
    values: dict[str, Any] = {
        "namespaces": None if caller.namespaces is None else sorted(caller.namespaces),
        "created_by": caller.subject if caller.own_runs_only else None,
        "late_seconds": LATE_SECONDS,
        "most": COUNTED_MAX + 1,
        "limit": _LISTED_MAX,
        "looked_at": 500,
    }
    return FrontPage(
        figures=Figures(**connection.execute(_FIGURES, values).mappings().one()),
        late=tuple(DueJob(**row) for row in connection.execute(_LATE, values).mappings()),
        coming=tuple(DueJob(**row) for row in connection.execute(_COMING, values).mappings()),
        wrong=tuple(WrongRun(**row) for row in connection.execute(_WRONG, values).mappings()),
        queues=tuple(connection.execute(_QUEUES, values).scalars()),
    )
