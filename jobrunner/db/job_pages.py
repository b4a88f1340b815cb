"""Jobs in force by the page, in the order of their addresses, as far as a caller sees them."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, text

from jobrunner.access.caller import Caller
from jobrunner.db.overview import LastRun

JobState = Literal["enabled", "disabled", "paused", "running", "failing", "in_error"]
"""running: its newest run is; failing: its newest run has failed or was lost; in_error: a schedule of it
has no next time."""


@dataclass(frozen=True, slots=True)
class JobsWanted:
    """Conditions on a page; None and '' are none."""

    namespace: str | None = None
    tag: str | None = None
    queue: str | None = None
    owner: str | None = None
    state: JobState | None = None
    contains: str = ""
    """In its address, its owner or a tag; capitals do not count."""


@dataclass(frozen=True, slots=True)
class JobOnPage:
    """A job in force, with what a person needs next."""

    address: str
    project: str
    description: str
    enabled: bool
    paused: bool
    """A pause that holds now covers it."""
    queue: str
    tags: tuple[str, ...]
    owner: str
    file: str
    line: int
    revision: int | None
    """Which brought its definition."""
    git_commit: str | None
    schedules: int
    next_run_at: datetime | None
    """The first of all its schedules."""
    schedule_error: str | None
    """Why a schedule of it has no next time."""
    last_run: LastRun | None
    """Its newest run that exists for the caller."""


_PAGE = text("""
    SELECT j.address, p.name AS project, coalesce(d.spec ->> 'description', '') AS description,
           j.enabled, held_back.paused, j.queue, j.tags, j.owner, j.file, j.line, d.revision,
           d.git_commit, coming.schedules, coming.next_run_at, coming.error AS schedule_error,
           last.state, last.held, last.scheduled_for, last.started_at, last.finished_at, last.error
      FROM jobrunner.jobs AS j
      JOIN jobrunner.projects AS p ON p.id = j.project_id
      LEFT JOIN jobrunner.definitions AS d ON d.id = j.definition_id
     CROSS JOIN LATERAL (
             SELECT count(*) AS schedules, min(s.next_run_at) AS next_run_at,
                    min(s.error) AS error
               FROM jobrunner.schedules AS s WHERE s.job_id = j.id AND s.deleted_at IS NULL
           ) AS coming
     CROSS JOIN LATERAL (
             SELECT EXISTS (
                    SELECT FROM jobrunner.pauses
                     WHERE ended_at IS NULL AND (until IS NULL OR until > statement_timestamp())
                       AND CASE scope WHEN 'job' THEN target = j.address
                                      WHEN 'namespace' THEN target = j.namespace
                                      WHEN 'queue' THEN target = j.queue
                                      ELSE target = ANY(j.tags) END) AS paused
           ) AS held_back
      LEFT JOIN LATERAL (
             SELECT r.state, r.held, r.scheduled_for, r.started_at, r.finished_at, r.error
               FROM jobrunner.runs AS r
              WHERE r.job_id = j.id
                AND (CAST(:created_by AS text) IS NULL OR r.created_by = :created_by)
              ORDER BY r.scheduled_for DESC LIMIT 1
           ) AS last ON true
     WHERE j.deleted_at IS NULL
       AND (CAST(:namespaces AS text[]) IS NULL OR j.namespace = ANY(CAST(:namespaces AS text[])))
       AND (CAST(:namespace AS text) IS NULL OR j.namespace = :namespace)
       AND (CAST(:tag AS text) IS NULL OR :tag = ANY(j.tags))
       AND (CAST(:queue AS text) IS NULL OR j.queue = :queue)
       AND (CAST(:owner AS text) IS NULL OR j.owner = :owner)
       AND (:contains = '' OR strpos(
             lower(j.address || ' ' || j.owner || ' ' || array_to_string(j.tags, ' ')),
             lower(:contains)) > 0)
       AND CASE :state WHEN 'enabled' THEN j.enabled
                       WHEN 'disabled' THEN NOT j.enabled
                       WHEN 'paused' THEN held_back.paused
                       WHEN 'running' THEN last.state = 'running'
                       WHEN 'failing' THEN last.state IN ('failed', 'lost')
                       WHEN 'in_error' THEN coming.error IS NOT NULL
                       ELSE true END
       AND (CAST(:after AS text) IS NULL OR
            (j.namespace, j.name) > (split_part(:after, '/', 1), split_part(:after, '/', 2)))
     ORDER BY j.namespace, j.name
     LIMIT :limit
""")


def page_of_jobs(
    connection: Connection,
    caller: Caller,
    wanted: JobsWanted,
    *,
    after: str | None = None,
    limit: int,
) -> tuple[JobOnPage, ...]:
    """Those that match and whose namespace the caller sees; `after` is the address before the page."""
    values: dict[str, Any] = {
        "namespaces": None if caller.namespaces is None else sorted(caller.namespaces),
        "created_by": caller.subject if caller.own_runs_only else None,
        "namespace": wanted.namespace,
        "tag": wanted.tag,
        "queue": wanted.queue,
        "owner": wanted.owner,
        "state": wanted.state or "",
        "contains": wanted.contains,
        "after": after,
        "limit": limit,
    }
    return tuple(map(_job, connection.execute(_PAGE, values).mappings()))


def _job(row: RowMapping) -> JobOnPage:
    last = {field.name: row[field.name] for field in fields(LastRun)}
    rest = {name: value for name, value in row.items() if name not in last}
    return JobOnPage(
        **{**rest, "tags": tuple(row["tags"])},
        last_run=None if last["state"] is None else LastRun(**last),
    )
