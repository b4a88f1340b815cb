"""What is defined and how it goes: the jobs in force, and the figures of the whole."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from jobrunner.db.jobs import no_such_job
from jobrunner.db.projects import API_OWNER

HELD_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a job."""

    state: str
    held: bool
    scheduled_for: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job in force, with what a person needs next."""

    address: str
    project: str
    enabled: bool
    queue: str
    tags: tuple[str, ...]
    owner: str
    file: str
    line: int
    revision: int | None
    """Which brought its definition; None with it."""
    git_commit: str | None
    """Of that revision; None outside a git work tree."""
    definition: Any
    """Its JSON, as `spec.models.load_job` reads it; {} when somebody has removed its row."""
    next_run_at: datetime | None
    """The first of all its schedules."""
    schedule_error: str | None
    """Why a schedule of it has no next time."""
    last_run: LastRun | None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What `list_jobs` looks for; None is no condition."""

    address: str | None = None
    namespace: str | None = None
    tag: str | None = None
    queue: str | None = None
    owner: str | None = None


_LIST = text("""
    SELECT j.address, p.name AS project, j.enabled, j.queue, j.tags, j.owner, j.file, j.line,
           d.revision, d.git_commit, coalesce(d.spec, '{}') AS definition,
           coming.next_run_at, coming.error AS schedule_error,
           last.state, last.held, last.scheduled_for, last.started_at, last.finished_at, last.error
      FROM jobrunner.jobs AS j
      JOIN jobrunner.projects AS p ON p.id = j.project_id
      LEFT JOIN jobrunner.definitions AS d ON d.id = j.definition_id
      LEFT JOIN LATERAL (
             SELECT min(s.next_run_at) AS next_run_at, min(s.error) AS error
               FROM jobrunner.schedules AS s WHERE s.job_id = j.id AND s.deleted_at IS NULL
           ) AS coming ON true
      LEFT JOIN LATERAL (
             SELECT r.state, r.held, r.scheduled_for, r.started_at, r.finished_at, r.error
               FROM jobrunner.runs AS r WHERE r.job_id = j.id
              ORDER BY r.scheduled_for DESC LIMIT 1
           ) AS last ON true
     WHERE j.deleted_at IS NULL
       AND (CAST(:address AS text) IS NULL OR j.address = :address)
       AND (CAST(:namespace AS text) IS NULL OR j.namespace = :namespace)
       AND (CAST(:tag AS text) IS NULL OR :tag = ANY(j.tags))
       AND (CAST(:queue AS text) IS NULL OR j.queue = :queue)
       AND (CAST(:owner AS text) IS NULL OR j.owner = :owner)
     ORDER BY j.address
""")


def list_jobs(connection: Connection, wanted: JobFilter) -> tuple[ListedJob, ...]:
    """The jobs in force that match, by address."""
    return tuple(_listed(row) for row in connection.execute(_LIST, asdict(wanted)).mappings())


def _listed(row: RowMapping) -> ListedJob:
    last = {field.name: row[field.name] for field in fields(LastRun)}
    rest = {name: value for name, value in row.items() if name not in last}
    return ListedJob(
        **{**rest, "tags": tuple(row["tags"])},
        last_run=None if last["state"] is None else LastRun(**last),
    )


def get_job(connection: Connection, address: str) -> ListedJob:
    """The job in force of that address. Raises NotFound."""
    found = list_jobs(connection, JobFilter(address=address))
    if not found:
        raise no_such_job(address)
    return found[0]


@dataclass(frozen=True, slots=True)
class ListedSchedule:
    """A schedule in force."""

    name: str
    spec: Any
    """Its JSON, as `spec.models.ScheduleSpec` reads it."""
    next_scheduled_for: datetime | None
    next_run_at: datetime | None
    last_run_at: datetime | None
    total_run_count: int
    error: str | None


_SCHEDULES = text("""
    SELECT s.name, s.spec, s.next_scheduled_for, s.next_run_at, s.last_run_at, s.total_run_count,
           s.error
      FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE j.address = :address AND j.deleted_at IS NULL AND s.deleted_at IS NULL
     ORDER BY s.name
""")


def schedules_of(connection: Connection, address: str) -> tuple[ListedSchedule, ...]:
    """The schedules of a job, by name."""
    rows = connection.execute(_SCHEDULES, {"address": address}).mappings()
    return tuple(ListedSchedule(**row) for row in rows)


@dataclass(frozen=True, slots=True)
class AppliedProject:
    """A project and its newest revision; revision 0 has none of the rest."""

    name: str
    revision: int
    applied_at: datetime | None
    author: str | None
    git_commit: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of `status`, of one moment of the database's clock."""

    now: datetime
    projects: tuple[AppliedProject, ...]
    """Those of files: jobs that the API owns have none."""
    jobs: int
    jobs_disabled: int
    schedules: int
    schedules_in_error: int
    oldest_due_at: datetime | None
    """The earliest time that is owed and not dispatched; None: nothing is due."""
    running: int
    queued: int
    held: int
    """At most one more than HELD_COUNTED: a backfill may hold a million."""
    unsent: int
    """Queued, available for 2 s and not with the broker: the broker or beat is away."""
    oldest_queued_at: datetime | None
    ended: Mapping[str, int]
    """Ends of the last 24 hours, by state."""


_FIGURES = text("""
    SELECT statement_timestamp() AS now,
           (SELECT count(*) FROM jobrunner.jobs WHERE deleted_at IS NULL) AS jobs,
           (SELECT count(*) FROM jobrunner.jobs
             WHERE deleted_at IS NULL AND NOT enabled) AS jobs_disabled,
           (SELECT count(*) FROM jobrunner.schedules WHERE deleted_at IS NULL) AS schedules,
           (SELECT count(*) FROM jobrunner.schedules
             WHERE deleted_at IS NULL AND error IS NOT NULL) AS schedules_in_error,
           (SELECT min(next_run_at) FROM jobrunner.schedules
             WHERE next_run_at <= statement_timestamp()) AS oldest_due_at
""")
_ACTIVE = text("""
    SELECT count(*) FILTER (WHERE state = 'running') AS running,
           count(*) FILTER (WHERE state = 'queued') AS queued,
           count(*) FILTER (
             WHERE state = 'queued' AND sent_at IS NULL
               AND available_at < statement_timestamp() - interval '2 seconds')
           + (SELECT coalesce(sum(cardinality(run_ids)), 0) FROM jobrunner.outbox
               WHERE sent_at < statement_timestamp() - interval '2 seconds') AS unsent,
           min(available_at) FILTER (WHERE state = 'queued'
                              AND available_at <= statement_timestamp()) AS oldest_queued_at
      FROM jobrunner.runs WHERE state IN ('queued', 'running') AND NOT held
""")
# In the order of an index, which is read so far and no further whatever share of the runs is held.
_HELD = text("""
    SELECT count(*) FROM (
           SELECT FROM jobrunner.runs WHERE held ORDER BY job_id, backfill_id LIMIT :limit) AS held
""")
# Whole hours from the totals; from rows what these do not have, and the hour that began before.
_ENDED = text("""
    WITH whole AS (
        SELECT date_bin('1 hour', statement_timestamp() - interval '23 hours', '2000-01-01Z') AS start
    )
    SELECT state, CAST(sum(number) AS bigint) AS number
      FROM (SELECT state, runs AS number FROM jobrunner.hour_totals
             WHERE hour >= (SELECT start FROM whole)
             UNION ALL
            SELECT state, count(*) FROM jobrunner.runs
             WHERE finished_at IS NOT NULL AND NOT is_counted
               AND scheduled_for >= (SELECT start FROM whole) GROUP BY state
             UNION ALL
            SELECT state, count(*) FROM jobrunner.runs
             WHERE finished_at IS NOT NULL
               AND scheduled_for > statement_timestamp() - interval '24 hours'
               AND scheduled_for < (SELECT start FROM whole) GROUP BY state) AS parts
     GROUP BY state ORDER BY state
""")
_PROJECTS = text("""
    SELECT p.name, p.revision, v.created_at AS applied_at, v.author, v.git_commit
      FROM jobrunner.projects AS p
      LEFT JOIN jobrunner.revisions AS v ON v.project_id = p.id AND v.number = p.revision
     ORDER BY p.name
""")


def read_overview(connection: Connection) -> Overview:
    """All figures of the whole, in a fixed number of statements."""
    return Overview(
        projects=tuple(one for one in applied_projects(connection) if one.name != API_OWNER),
        held=connection.execute(_HELD, {"limit": HELD_COUNTED + 1}).scalar_one(),
        ended={row.state: row.number for row in connection.execute(_ENDED)},
        **connection.execute(_FIGURES).mappings().one(),
        **connection.execute(_ACTIVE).mappings().one(),
    )


def applied_projects(connection: Connection) -> tuple[AppliedProject, ...]:
    """All of them, by name."""
    return tuple(AppliedProject(**row) for row in connection.execute(_PROJECTS).mappings())


_QUEUES = text("""
    SELECT DISTINCT queue FROM jobrunner.jobs
     WHERE deleted_at IS NULL AND enabled AND delivery = 'claim' ORDER BY queue
""")


def queues_in_use(connection: Connection) -> tuple[str, ...]:
    """The queues that jobs name which are enabled, and whose runs workers of jobrunner take."""
    return tuple(connection.execute(_QUEUES).scalars())


_CALLABLES = text("""
    SELECT DISTINCT d.spec ->> 'task' AS task
      FROM jobrunner.jobs AS j JOIN jobrunner.definitions AS d ON d.id = j.definition_id
     WHERE j.deleted_at IS NULL AND j.delivery = 'claim' AND d.spec ->> 'task' IS NOT NULL
     ORDER BY task
""")


def callables_in_use(connection: Connection) -> tuple[str, ...]:
    """The dotted paths that workers of jobrunner load for the jobs in force."""
    return tuple(connection.execute(_CALLABLES).scalars())
