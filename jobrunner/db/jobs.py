"""Jobs, their definitions and the spec of their schedules: read for a plan, written by an apply.

Each write is one statement however many jobs it is for: the rows travel as one JSON array.
"""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, RowMapping, text
from sqlalchemy.exc import DBAPIError

from jobrunner.db.engine import LOCK_NOT_AVAILABLE, sqlstate
from jobrunner.db.holding import LOCK_JOBS
from jobrunner.errors import Conflict, LockNotObtained, NotFound
from jobrunner.plan.alike import are_schedules_alike
from jobrunner.plan.current import CurrentJob, CurrentSchedule
from jobrunner.plan.digest import spec_digest
from jobrunner.spec.models import CatchUp, DefinedJob, JobSpec, Location, ScheduleSpec, dump_job

_SHOWN_OWNERS = 5
_REMEMBERED = 25_000
"""Definitions and schedules together."""
_Model = TypeVar("_Model", bound=BaseModel)

# `d.job_id` too: a definition that a hand has pointed elsewhere is none.
_READ_JOBS = text("""
    SELECT j.id, j.address, j.digest, j.file, j.line, j.enabled, j.queue, j.priority, j.overlap,
           j.catch_up_policy, j.catch_up_window, j.catch_up_max, j.expires, j.timeout,
           j.soft_timeout, j.max_concurrency, j.tags, j.owner, CAST(d.spec AS text) AS spec_json,
           coalesce(d.revision, 0) AS revision,
           (SELECT count(*) FROM jobrunner.runs AS r
             WHERE r.job_id = j.id AND r.state IN ('queued', 'running') AND NOT r.held) AS active_runs
      FROM jobrunner.jobs AS j
      LEFT JOIN jobrunner.definitions AS d ON d.id = j.definition_id AND d.job_id = j.id
     WHERE j.project_id = :project_id AND j.deleted_at IS NULL
     ORDER BY j.address
""")
_READ_SCHEDULES = text("""
    SELECT s.id, s.job_id, s.name, CAST(s.spec AS text) AS spec_json, s.next_scheduled_for,
           s.last_run_at, s.total_run_count,
           CASE WHEN s.next_run_at IS NULL THEN s.error END AS given_up
      FROM jobrunner.schedules AS s
      JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE j.project_id = :project_id AND j.deleted_at IS NULL AND s.deleted_at IS NULL
     ORDER BY s.job_id, s.name
""")


def read_jobs(connection: Connection, project_id: int) -> tuple[CurrentJob, ...]:
    """The project's jobs that are in force, by address. A row that cannot be read says so itself."""
    schedules: dict[uuid.UUID, list[_StoredSchedule]] = {}
    for row in connection.execute(_READ_SCHEDULES, {"project_id": project_id}).mappings():
        schedules.setdefault(row["job_id"], []).append(_stored_schedule(row))
    rows = connection.execute(_READ_JOBS, {"project_id": project_id}).mappings()
    return tuple(_current_job(row, schedules.get(row["id"], ())) for row in rows)


@dataclass(frozen=True, slots=True)
class _StoredSchedule:
    value: CurrentSchedule
    problem: str


def _stored_schedule(row: RowMapping) -> _StoredSchedule:
    spec = _load(ScheduleSpec, row["spec_json"])
    if isinstance(spec, ScheduleSpec) and spec.name != row["name"]:
        spec = f"it is named {spec.name!r} inside"
    if row["given_up"]:  # no tick looks at it any more
        spec = row["given_up"]
    value = CurrentSchedule(
        id=row["id"],
        name=row["name"],
        spec=None if isinstance(spec, str) else spec,
        next_scheduled_for=row["next_scheduled_for"],
        last_run_at=row["last_run_at"],
        total_run_count=row["total_run_count"],
    )
    problem = ""
    if isinstance(spec, str):
        problem = f"The stored schedule #{row['name']} cannot be read: {spec}."
    return _StoredSchedule(value, problem)


def _current_job(row: RowMapping, schedules: Sequence[_StoredSchedule]) -> CurrentJob:
    applied = _load(JobSpec, row["spec_json"])
    if isinstance(applied, JobSpec) and applied.address != row["address"]:
        applied = f"it is of {applied.address}"
    problem = next((s.problem for s in schedules if s.problem), "")
    if isinstance(applied, str):
        problem = f"The stored definition cannot be read: {applied}."
    specs = tuple(s.value.spec for s in schedules if s.value.spec is not None)
    return CurrentJob(
        id=row["id"],
        address=row["address"],
        applied=None if isinstance(applied, str) else applied,
        in_force=None if isinstance(applied, str) or problem else _in_force(applied, row, specs),
        digest=row["digest"],
        problem=problem,
        location=Location(file=row["file"], line=row["line"]),
        revision=row["revision"],
        schedules=tuple(s.value for s in schedules),
        active_runs=row["active_runs"],
    )


@lru_cache(maxsize=_REMEMBERED)
def _load(model: type[_Model], stored: str | None) -> _Model | str:
    """The value, or why there is none. Who plans again and again, as `watch` does, meets the same texts."""
    if stored is None:
        return "it is missing"
    try:
        return model.model_validate_json(stored)
    except ValidationError as error:
        first = error.errors()[0]
        return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))


_IN_COLUMNS = (
    "enabled",
    "queue",
    "priority",
    "overlap",
    "expires",
    "timeout",
    "soft_timeout",
    "max_concurrency",
    "owner",
)
_of_definition = attrgetter(
    *_IN_COLUMNS, "catch_up.policy", "catch_up.window", "catch_up.max", "tags"
)
_of_row = itemgetter(*_IN_COLUMNS, "catch_up_policy", "catch_up_window", "catch_up_max")


def _in_force(applied: JobSpec, row: RowMapping, schedules: tuple[ScheduleSpec, ...]) -> JobSpec:
    """What dispatch goes by: the columns and the schedule rows win over the definition."""
    tags = tuple(row["tags"])
    if _of_definition(applied) == (*_of_row(row), tags) and _are_alike(applied, schedules):
        return applied
    catch_up = CatchUp.model_construct(
        policy=row["catch_up_policy"], window=row["catch_up_window"], max=row["catch_up_max"]
    )
    stored = {name: row[name] for name in _IN_COLUMNS}
    return applied.model_copy(
        update={**stored, "catch_up": catch_up, "tags": tags, "schedules": schedules}
    )


def _are_alike(applied: JobSpec, schedules: tuple[ScheduleSpec, ...]) -> bool:
    return len(applied.schedules) == len(schedules) and all(
        map(are_schedules_alike, applied.schedules, schedules)
    )


def no_such_job(address: str) -> NotFound:
    """What to say of an address that no job in force has."""
    return NotFound(
        f"There is no job {address}.", hint="`jobrunner list` shows the addresses that exist."
    )


_TOMBSTONES = text("""
    SELECT address FROM jobrunner.jobs
     WHERE project_id = :project_id AND deleted_at IS NOT NULL
       AND address = ANY(CAST(:addresses AS text[]))
""")
_DELETED_IN = text("""
    SELECT change ->> 'address' AS address, max(r.number) AS revision
      FROM jobrunner.revisions AS r CROSS JOIN LATERAL jsonb_array_elements(r.changes) AS change
     WHERE r.project_id = :project_id AND change ->> 'action' = 'delete'
       AND change ->> 'address' = ANY(CAST(:addresses AS text[]))
     GROUP BY 1
""")


def read_deleted(
    connection: Connection, project_id: int, addresses: Collection[str]
) -> Mapping[str, int]:
    """Those of the addresses whose jobs were deleted, and the revision that did it."""
    values = {"project_id": project_id, "addresses": list(addresses)}
    gone = list(connection.execute(_TOMBSTONES, values).scalars())
    if not gone:
        return {}  # the changes of all revisions are not to be read for nothing
    rows = connection.execute(_DELETED_IN, {**values, "addresses": gone})
    return {row.address: row.revision for row in rows}


_OWNERS = text("""
    SELECT j.address, p.name AS project
      FROM jobrunner.jobs AS j
      JOIN jobrunner.projects AS p ON p.id = j.project_id
     WHERE j.address = ANY(CAST(:addresses AS text[])) AND j.deleted_at IS NULL AND p.name <> :project
     ORDER BY j.address
""")


def check_owners(connection: Connection, project: str, addresses: Sequence[str]) -> None:
    """Raise Conflict when one of these addresses is a living job of another project."""
    rows = connection.execute(_OWNERS, {"project": project, "addresses": list(addresses)}).all()
    if not rows:
        return
    listed = ", ".join(f"{row.address} ({row.project})" for row in rows[:_SHOWN_OWNERS])
    more = f" and {len(rows) - _SHOWN_OWNERS} more" if len(rows) > _SHOWN_OWNERS else ""
    raise Conflict(
        f"Project {project} defines jobs that another project owns: {listed}{more}.",
        hint="An address is unique in a database: choose another namespace or name, or correct "
        "`project:` in jobrunner.yaml.",
    )


@dataclass(frozen=True, slots=True)
class LockedSchedule:
    """A schedule as it is under its lock."""

    id: uuid.UUID
    next_scheduled_for: datetime | None
    next_run_at: datetime | None


# The dispatcher locks schedules first and jobs afterwards, each in id order; so does an apply.
_LOCK_SCHEDULES = text("""
    SELECT id, next_scheduled_for, next_run_at
      FROM jobrunner.schedules
     WHERE job_id = ANY(CAST(:ids AS uuid[])) AND deleted_at IS NULL
     ORDER BY id
       FOR NO KEY UPDATE
""")


def lock_jobs(
    connection: Connection, job_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, LockedSchedule]:
    """Keep everybody from firing, starting or changing these jobs until the transaction ends.

    Returns their schedules by id. Raises LockNotObtained when somebody holds a row for too long.
    """
    try:
        rows = connection.execute(_LOCK_SCHEDULES, _ids(job_ids)).mappings().all()
        connection.execute(LOCK_JOBS, _ids(job_ids))
    except DBAPIError as error:
        if sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        raise LockNotObtained(
            "Another process holds a job that is to be changed. Nothing was changed.",
            hint="Try again in a moment; pg_stat_activity shows who holds it.",
        ) from error
    return {row["id"]: LockedSchedule(**row) for row in rows}


_DEFINITION_IDS = text("""
    SELECT nextval(pg_get_serial_sequence('jobrunner.definitions', 'id'))
      FROM generate_series(1, :number)
""")
# An address whose job was deleted returns to its row, id and history; a living job of another
# project is left alone, and its row is missed among those returned.
_UPSERT_JOBS = text("""
    INSERT INTO jobrunner.jobs AS j
           (id, project_id, namespace, name, definition_id, digest, file, line, enabled, queue,
            priority, overlap, catch_up_policy, catch_up_window, catch_up_max, expires, timeout,
            soft_timeout, max_concurrency, tags, owner, delivery, has_on_end)
    SELECT id, :project_id, namespace, name, definition_id, digest, file, line, enabled, queue,
           priority, overlap, catch_up_policy, catch_up_window, catch_up_max, expires, timeout,
           soft_timeout, max_concurrency, tags, owner, delivery, has_on_end
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS new (id uuid, namespace text, name text, definition_id bigint, digest text, file text,
                line integer, enabled boolean, queue text, priority smallint, overlap text,
                catch_up_policy text, catch_up_window interval, catch_up_max integer,
                expires interval, timeout interval, soft_timeout interval,
                max_concurrency integer, tags text[], owner text, delivery text,
                has_on_end boolean)
     ORDER BY namespace, name
        ON CONFLICT (namespace, name) DO UPDATE
       SET project_id = excluded.project_id, definition_id = excluded.definition_id,
           digest = excluded.digest, file = excluded.file, line = excluded.line,
           enabled = excluded.enabled, queue = excluded.queue, priority = excluded.priority,
           overlap = excluded.overlap, catch_up_policy = excluded.catch_up_policy,
           catch_up_window = excluded.catch_up_window, catch_up_max = excluded.catch_up_max,
           expires = excluded.expires, timeout = excluded.timeout,
           soft_timeout = excluded.soft_timeout, max_concurrency = excluded.max_concurrency,
           tags = excluded.tags, owner = excluded.owner, delivery = excluded.delivery,
           has_on_end = excluded.has_on_end, deleted_at = NULL
     WHERE j.project_id = excluded.project_id OR j.deleted_at IS NOT NULL
    RETURNING j.id, j.address
""")
_INSERT_DEFINITIONS = text("""
    INSERT INTO jobrunner.definitions (id, job_id, revision, spec, git_commit, file, line)
           OVERRIDING SYSTEM VALUE
    SELECT id, job_id, :revision, spec, :git_commit, file, line
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS new (id bigint, job_id uuid, spec jsonb, file text, line integer)
""")


def write_jobs(
    connection: Connection,
    project_id: int,
    jobs: Sequence[DefinedJob],
    *,
    revision: int,
    git_commit: str | None,
) -> Mapping[str, uuid.UUID]:
    """Put these definitions in force, new or not; the jobs' ids by address.

    Raises Conflict when another project has taken one of the addresses in between.
    """
    if not jobs:
        return {}
    numbers = connection.execute(_DEFINITION_IDS, {"number": len(jobs)}).scalars().all()
    rows = [_job_row(job, number) for job, number in zip(jobs, numbers, strict=True)]
    values = {"project_id": project_id, "rows": json.dumps(rows)}
    ids = {row.address: row.id for row in connection.execute(_UPSERT_JOBS, values)}
    taken = [job.address for job in jobs if job.address not in ids]
    if taken:
        raise Conflict(
            f"Another project has just taken {taken[0]}. Nothing was changed.",
            hint="`jobrunner plan` shows how things are now.",
        )
    definitions = [
        {
            "id": number,
            "job_id": str(ids[job.address]),
            "spec": dump_job(job.spec),
            "file": job.location.file,
            "line": job.location.line,
        }
        for job, number in zip(jobs, numbers, strict=True)
    ]
    values = {"revision": revision, "git_commit": git_commit, "rows": json.dumps(definitions)}
    connection.execute(_INSERT_DEFINITIONS, values)
    return ids


def _job_row(job: DefinedJob, definition_id: int) -> dict[str, Any]:
    spec = job.spec
    return {
        "id": str(uuid.uuid4()),
        "namespace": spec.namespace,
        "name": spec.name,
        "definition_id": definition_id,
        "digest": spec_digest(spec),
        "file": job.location.file,
        "line": job.location.line,
        "enabled": spec.enabled,
        "queue": spec.queue,
        "priority": spec.priority,
        "overlap": spec.overlap,
        "catch_up_policy": spec.catch_up.policy,
        "catch_up_window": _interval(spec.catch_up.window),
        "catch_up_max": spec.catch_up.max,
        "expires": _interval(spec.expires),
        "timeout": _interval(spec.timeout),
        "soft_timeout": _interval(spec.soft_timeout),
        "max_concurrency": spec.max_concurrency,
        "tags": spec.tags,
        "owner": spec.owner,
        "delivery": spec.delivery,
        "has_on_end": spec.on_end is not None,
    }


_RELOCATE = text("""
    UPDATE jobrunner.jobs AS j SET file = new.file, line = new.line
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, file text, line integer)
     WHERE j.id = new.id
""")


def write_locations(connection: Connection, places: Mapping[uuid.UUID, Location]) -> None:
    """Note where jobs stand now in the files."""
    if places:
        rows = [
            {"id": str(job_id), "file": place.file, "line": place.line}
            for job_id, place in places.items()
        ]
        connection.execute(_RELOCATE, {"rows": json.dumps(rows)})


# A tombstone that has the new name makes room: its history is still found by its id and the old name.
_MAKE_ROOM = text("""
    UPDATE jobrunner.jobs AS j SET name = left(j.name, 80) || '.was-' || left(CAST(j.id AS text), 8)
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, namespace text, name text)
     WHERE j.namespace = new.namespace AND j.name = new.name AND j.id <> new.id
       AND j.deleted_at IS NOT NULL
""")
_RENAME = text("""
    UPDATE jobrunner.jobs AS j SET namespace = new.namespace, name = new.name
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, namespace text, name text)
     WHERE j.id = new.id
""")


def rename_jobs(connection: Connection, addresses: Mapping[uuid.UUID, str]) -> None:
    """Give jobs another `namespace/job`; whatever points at their ids goes along."""
    rows = [
        {"id": str(job_id), "namespace": namespace, "name": name}
        for job_id, address in addresses.items()
        for namespace, _, name in [address.partition("/")]
    ]
    if rows:
        connection.execute(_MAKE_ROOM, {"rows": json.dumps(rows)})
        connection.execute(_RENAME, {"rows": json.dumps(rows)})


_DELETE_JOBS = text("""
    UPDATE jobrunner.jobs SET deleted_at = statement_timestamp()
     WHERE id = ANY(CAST(:ids AS uuid[])) AND deleted_at IS NULL
""")


def delete_jobs(connection: Connection, job_ids: Sequence[uuid.UUID]) -> None:
    """Make tombstones of them: out of force, their history kept."""
    if job_ids:
        connection.execute(_DELETE_JOBS, _ids(job_ids))


def _ids(values: Sequence[uuid.UUID]) -> dict[str, list[str]]:
    return {"ids": [str(value) for value in values]}


def _interval(duration: timedelta | None) -> str | None:
    """As PostgreSQL reads it without loss."""
    return None if duration is None else f"{duration // timedelta(microseconds=1)} microseconds"
