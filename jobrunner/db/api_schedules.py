"""Jobs with their definition and their schedules, as a program reads what it has made."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from jobrunner.access.caller import Caller
from jobrunner.db.arrays import plain_array
from jobrunner.db.jobs import no_such_job
from jobrunner.db.overview import ListedSchedule
from jobrunner.db.projects import API_OWNER


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job in force, whoever owns it."""

    address: str
    project: str
    digest: str
    """Of its definition."""
    enabled: bool
    file: str
    line: int
    definition: Any
    """Its JSON, as `spec.models.load_job` reads it; None when somebody has removed its row."""
    revision: int | None
    changed_at: datetime | None
    """When that revision was made."""
    changed_by: str | None
    schedules: tuple[ListedSchedule, ...]


_JOBS = """
    SELECT j.id, j.address, p.name AS project, j.digest, j.enabled, j.file, j.line,
           d.spec AS definition, d.revision, r.created_at AS changed_at, r.author AS changed_by
      FROM jobrunner.jobs AS j
      JOIN jobrunner.projects AS p ON p.id = j.project_id
      LEFT JOIN jobrunner.definitions AS d ON d.id = j.definition_id
      LEFT JOIN jobrunner.revisions AS r ON r.project_id = j.project_id AND r.number = d.revision
     WHERE j.deleted_at IS NULL AND {}
     ORDER BY j.namespace, j.name
     LIMIT :limit
"""
_PAGE = text(
    _JOBS.format("""
           j.project_id = (SELECT id FROM jobrunner.projects WHERE name = :owner)
       AND (CAST(:namespaces AS text[]) IS NULL OR j.namespace = ANY(CAST(:namespaces AS text[])))
       AND (CAST(:namespace AS text) IS NULL OR j.namespace = :namespace)
       AND (CAST(:after AS text) IS NULL OR
            (j.namespace, j.name) > (split_part(:after, '/', 1), split_part(:after, '/', 2)))
    """)
)
_ONE = text(
    _JOBS.format(
        "j.namespace = split_part(:address, '/', 1) AND j.name = split_part(:address, '/', 2)"
    )
)
_SCHEDULES = text("""
    SELECT job_id, name, spec, next_scheduled_for, next_run_at, last_run_at, total_run_count, error
      FROM jobrunner.schedules
     WHERE job_id = ANY(CAST(:ids AS uuid[])) AND deleted_at IS NULL
     ORDER BY job_id, name
""")


def page_of_api_jobs(
    connection: Connection,
    caller: Caller,
    *,
    namespace: str | None = None,
    after: str | None = None,
    limit: int,
) -> tuple[StoredJob, ...]:
    """Those that the API owns and the caller sees; `after` is the address before the page."""
    values = {
        "owner": API_OWNER,
        "namespaces": None if caller.namespaces is None else sorted(caller.namespaces),
        "namespace": namespace,
        "after": after,
        "limit": limit,
    }
    return _with_schedules(connection, connection.execute(_PAGE, values).mappings().all())


def stored_job(connection: Connection, address: str) -> StoredJob:
    """The job in force of that address. Raises NotFound."""
    found = connection.execute(_ONE, {"address": address, "limit": 1}).mappings().all()
    if not found:
        raise no_such_job(address)
    return _with_schedules(connection, found)[0]


def _with_schedules(connection: Connection, rows: Sequence[RowMapping]) -> tuple[StoredJob, ...]:
    schedules: dict[uuid.UUID, list[ListedSchedule]] = {row["id"]: [] for row in rows}
    ids = {"ids": plain_array(schedules)}
    for row in connection.execute(_SCHEDULES, ids).mappings():
        values = {name: value for name, value in row.items() if name != "job_id"}
        schedules[row["job_id"]].append(ListedSchedule(**values))
    return tuple(_stored_job(row, schedules[row["id"]]) for row in rows)


def _stored_job(row: RowMapping, schedules: Sequence[ListedSchedule]) -> StoredJob:
    values = {name: value for name, value in row.items() if name != "id"}
    return StoredJob(**values, schedules=tuple(schedules))
