"""What a scrape tells beside the totals: how jobs, beats, workers and watchers stand now."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from jobrunner.db.processes import SIGN_OF_LIFE_SECONDS
from jobrunner.db.projects import API_OWNER
from jobrunner.db.totals import Namespaces

OVERDUE_SECONDS = 60.0
"""A job is overdue when it should have started so long ago."""


class JobNow(NamedTuple):
    """A job in force."""

    address: str
    queue: str
    is_paused: bool
    """By a pause of its own, of a tag, its queue or its namespace, or by `enabled: false`."""
    is_overdue: bool
    """A time it owes has no run, or a run that could start has not, for OVERDUE_SECONDS."""
    next_run_at: datetime | None


_JOBS = text("""
    WITH pause AS (
        SELECT scope, target FROM jobrunner.pauses
         WHERE ended_at IS NULL AND (until IS NULL OR until > statement_timestamp())
    )
    SELECT j.address, j.queue,
           NOT j.enabled
             OR j.address IN (SELECT target FROM pause WHERE scope = 'job')
             OR j.queue IN (SELECT target FROM pause WHERE scope = 'queue')
             OR j.namespace IN (SELECT target FROM pause WHERE scope = 'namespace')
             OR j.tags && ARRAY(SELECT target FROM pause WHERE scope = 'tag') AS is_paused,
           coalesce(coming.next_run_at < statement_timestamp()
                                         - make_interval(secs => :overdue_seconds), false)
             OR j.id IN (SELECT job_id FROM jobrunner.runs
                          WHERE state = 'queued' AND NOT held AND attempt = 0
                            AND available_at < statement_timestamp()
                                               - make_interval(secs => :overdue_seconds))
             AS is_overdue,
           coming.next_run_at
      FROM jobrunner.jobs AS j
      LEFT JOIN (SELECT job_id, min(next_run_at) AS next_run_at FROM jobrunner.schedules
                  WHERE next_run_at IS NOT NULL GROUP BY job_id) AS coming ON coming.job_id = j.id
     WHERE j.deleted_at IS NULL
       AND (CAST(:namespaces AS text[]) IS NULL OR j.namespace = ANY(:namespaces))
     ORDER BY j.address
""")


def read_jobs_now(connection: Connection, namespaces: Namespaces) -> tuple[JobNow, ...]:
    """All of them, by address."""
    named = None if namespaces is None else sorted(namespaces)
    rows = connection.execute(_JOBS, {"overdue_seconds": OVERDUE_SECONDS, "namespaces": named})
    return tuple(JobNow(*row) for row in rows)


@dataclass(frozen=True, slots=True)
class ProjectNow:
    """A project, as it was applied and as its watcher sees it."""

    name: str
    applied_at: datetime | None
    """When its newest revision was; None before the first."""
    drift_jobs: int
    """Jobs that the files have otherwise than the database, as the plan that waits says."""
    is_valid: bool | None
    """Whether the newest files of its watcher can be read; None: nobody watches it."""


# A watcher that has applied nothing yet knows no project's name: it is that of the only project then.
# The jobs of programs have no files that could be watched, differ or have mistakes.
_PROJECTS = text("""
    WITH of_files AS (SELECT * FROM jobrunner.projects WHERE name <> :api)
    SELECT p.name, v.created_at AS applied_at,
           coalesce(jsonb_array_length(w.plan -> 'changes'), 0) AS drift_jobs,
           (SELECT bool_and(details ->> 'config' <> 'invalid') FROM jobrunner.processes
             WHERE kind = 'watch' AND stopped_at IS NULL
               AND last_seen_at > clock_timestamp()
                                  - make_interval(secs => 3 * :sign_of_life_seconds)
               AND (details ->> 'project' = p.name OR details ->> 'project' = ''
                    AND (SELECT count(*) FROM of_files) = 1)) AS is_valid
      FROM of_files AS p
      LEFT JOIN jobrunner.revisions AS v ON v.project_id = p.id AND v.number = p.revision
      LEFT JOIN jobrunner.pending_plans AS w ON w.project_id = p.id
     ORDER BY p.name
""")


def read_projects_now(connection: Connection) -> tuple[ProjectNow, ...]:
    """All projects of files, by name."""
    values = {"api": API_OWNER, "sign_of_life_seconds": SIGN_OF_LIFE_SECONDS}
    rows = connection.execute(_PROJECTS, values).mappings()
    return tuple(ProjectNow(**row) for row in rows)


@dataclass(frozen=True, slots=True)
class ProcessesNow:
    """Beats and workers."""

    workers: int
    """Seen within three signs of life."""
    last_tick_at: datetime | None
    """The newest sign of life of any beat; None: none was ever seen, or not for a week."""


_PROCESSES = text("""
    SELECT count(*) FILTER (
             WHERE kind = 'worker' AND stopped_at IS NULL
               AND last_seen_at > clock_timestamp()
                                  - make_interval(secs => 3 * :sign_of_life_seconds)) AS workers,
           max(last_seen_at) FILTER (WHERE kind = 'beat') AS last_tick_at
      FROM jobrunner.processes
""")


def read_processes_now(connection: Connection) -> ProcessesNow:
    """How they stand."""
    values = {"sign_of_life_seconds": SIGN_OF_LIFE_SECONDS}
    return ProcessesNow(**connection.execute(_PROCESSES, values).mappings().one())
