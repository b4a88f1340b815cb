"""Jobs and their definitions, as an apply locks and writes them.

Each write is one statement however many jobs it is for: each column travels as one array.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from jobrunner.db.arrays import json_texts, plain_array, text_array
from jobrunner.db.engine import LOCK_NOT_AVAILABLE, sqlstate
from jobrunner.db.holding import LOCK_JOBS
from jobrunner.errors import Conflict, LockNotObtained
from jobrunner.plan.changes import Create, Update
from jobrunner.spec.models import DefinedJob, Location


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
    connection: Connection, job_ids: Sequence[uuid.UUID], relocated: Sequence[uuid.UUID] = ()
) -> Mapping[uuid.UUID, LockedSchedule]:
    """Keep everybody from firing, starting or changing these jobs until the transaction ends; of those that
    are only `relocated` no schedule is kept from firing.

    Returns their schedules by id. Raises LockNotObtained when somebody holds a row for too long.
    """
    if not (job_ids or relocated):
        return {}
    try:
        rows = connection.execute(_LOCK_SCHEDULES, {"ids": plain_array(job_ids)}).all()
        connection.execute(LOCK_JOBS, {"ids": plain_array([*job_ids, *relocated])})
    except DBAPIError as error:
        if sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        raise LockNotObtained(
            "Another process holds a job that is to be changed. Nothing was changed.",
            hint="Try again in a moment; pg_stat_activity shows who holds it.",
        ) from error
    return {row.id: LockedSchedule(*row) for row in rows}


# A tombstone that has a name which is wanted makes room: its history is still found by its id and by the
# old name.
_ASIDE = """
    UPDATE jobrunner.jobs AS j SET name = left(j.name, 80) || '.was-' || left(CAST(j.id AS text), 8)
      FROM unnest(CAST(:namespaces AS text[]), CAST(:names AS text[])) AS new (namespace, name)
     WHERE j.namespace = new.namespace AND j.name = new.name AND j.deleted_at IS NOT NULL
"""
_MAKE_ROOM = text(_ASIDE)
_MAKE_ROOM_OF_OTHERS = text(f"{_ASIDE} AND j.project_id <> :project_id")
# An address whose job was deleted returns to its row, id and history; a job of another project is left
# alone, and its row is missed among those returned.
_UPSERT_JOBS = text("""
    INSERT INTO jobrunner.jobs AS j
           (id, project_id, namespace, name, definition_id, digest, file, line, enabled, queue,
            priority, overlap, catch_up_policy, catch_up_window, catch_up_max, expires, timeout,
            soft_timeout, max_concurrency, tags, owner, delivery, has_on_end)
    SELECT gen_random_uuid(), :project_id, namespace, name,
           nextval(pg_get_serial_sequence('jobrunner.definitions', 'id')), digest, file, line, enabled,
           queue, priority, overlap, catch_up_policy, catch_up_window, catch_up_max, expires, timeout,
           soft_timeout, max_concurrency, CAST(tags AS text[]), owner, delivery, has_on_end
      FROM unnest(CAST(:namespace AS text[]), CAST(:name AS text[]), CAST(:digest AS text[]),
                  CAST(:file AS text[]), CAST(:line AS integer[]), CAST(:enabled AS boolean[]),
                  CAST(:queue AS text[]), CAST(:priority AS smallint[]), CAST(:overlap AS text[]),
                  CAST(:catch_up_policy AS text[]), CAST(:catch_up_window AS interval[]),
                  CAST(:catch_up_max AS integer[]), CAST(:expires AS interval[]),
                  CAST(:timeout AS interval[]), CAST(:soft_timeout AS interval[]),
                  CAST(:max_concurrency AS integer[]), CAST(:tags AS text[]),
                  CAST(:owner AS text[]), CAST(:delivery AS text[]), CAST(:has_on_end AS boolean[]))
        AS new (namespace, name, digest, file, line, enabled, queue, priority, overlap,
                catch_up_policy, catch_up_window, catch_up_max, expires, timeout, soft_timeout,
                max_concurrency, tags, owner, delivery, has_on_end)
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
     WHERE j.project_id = excluded.project_id
    RETURNING j.address, j.id, j.definition_id
""")
_INSERT_DEFINITIONS = text("""
    INSERT INTO jobrunner.definitions (id, job_id, revision, spec, git_commit, file, line)
           OVERRIDING SYSTEM VALUE
    SELECT id, job_id, :revision, CAST(spec AS jsonb), :git_commit, file, line
      FROM unnest(CAST(:ids AS bigint[]), CAST(:job_ids AS uuid[]),
                  string_to_array(:specs, chr(30)), CAST(:files AS text[]), CAST(:lines AS integer[]))
        AS new (id, job_id, spec, file, line)
""")


def write_jobs(
    connection: Connection,
    project_id: int,
    changes: Sequence[Create | Update],
    *,
    revision: int,
    git_commit: str | None,
) -> Mapping[str, uuid.UUID]:
    """Put their definitions in force, new or not; the jobs' ids by address.

    Raises Conflict when another project has taken one of the addresses in between.
    """
    if not changes:
        return {}
    jobs = [change.job for change in changes]
    columns = {
        "project_id": project_id,
        "digest": plain_array(change.digest for change in changes),
        **_job_columns(jobs),
    }
    # Runs, counters and history of a job stay with the project that had it.
    connection.execute(
        _MAKE_ROOM_OF_OTHERS,
        {"project_id": project_id, "namespaces": columns["namespace"], "names": columns["name"]},
    )
    written = connection.execute(_UPSERT_JOBS, columns)
    placed = {address: (job_id, number) for address, job_id, number in written}
    taken = [job.address for job in jobs if job.address not in placed]
    if taken:
        raise _taken(taken[0])
    connection.execute(
        _INSERT_DEFINITIONS,
        {
            "revision": revision,
            "git_commit": git_commit,
            "ids": plain_array(placed[job.address][1] for job in jobs),
            "job_ids": plain_array(placed[job.address][0] for job in jobs),
            "specs": json_texts(change.definition for change in changes),
            "files": columns["file"],
            "lines": columns["line"],
        },
    )
    return {address: job_id for address, (job_id, _) in placed.items()}


def _taken(address: str) -> Conflict:
    return Conflict(
        f"Another project has just taken {address}. Nothing was changed.",
        hint="`jobrunner plan` shows how things are now.",
    )


def _job_columns(jobs: Sequence[DefinedJob]) -> dict[str, str]:
    """What dispatch needs of the definitions, and where they stand."""
    specs = [job.spec for job in jobs]
    return {
        "namespace": text_array(spec.namespace for spec in specs),
        "name": text_array(spec.name for spec in specs),
        "file": text_array(job.location.file for job in jobs),
        "line": plain_array(job.location.line for job in jobs),
        "enabled": plain_array(spec.enabled for spec in specs),
        "queue": text_array(spec.queue for spec in specs),
        "priority": plain_array(spec.priority for spec in specs),
        "overlap": plain_array(spec.overlap for spec in specs),
        "catch_up_policy": plain_array(spec.catch_up.policy for spec in specs),
        "catch_up_window": plain_array(_interval(spec.catch_up.window) for spec in specs),
        "catch_up_max": plain_array(spec.catch_up.max for spec in specs),
        "expires": plain_array(_interval(spec.expires) for spec in specs),
        "timeout": plain_array(_interval(spec.timeout) for spec in specs),
        "soft_timeout": plain_array(_interval(spec.soft_timeout) for spec in specs),
        "max_concurrency": plain_array(spec.max_concurrency for spec in specs),
        "tags": text_array(text_array(spec.tags) for spec in specs),
        "owner": text_array(spec.owner for spec in specs),
        "delivery": plain_array(spec.delivery for spec in specs),
        "has_on_end": plain_array(spec.on_end is not None for spec in specs),
    }


_RELOCATE = text("""
    UPDATE jobrunner.jobs AS j SET file = new.file, line = new.line
      FROM unnest(CAST(:ids AS uuid[]), CAST(:files AS text[]), CAST(:lines AS integer[]))
        AS new (id, file, line)
     WHERE j.id = new.id
""")


def write_locations(connection: Connection, places: Mapping[uuid.UUID, Location]) -> None:
    """Note where jobs stand now in the files."""
    if places:
        columns = {
            "ids": plain_array(places),
            "files": text_array(place.file for place in places.values()),
            "lines": plain_array(place.line for place in places.values()),
        }
        connection.execute(_RELOCATE, columns)


_RENAME = text("""
    UPDATE jobrunner.jobs AS j SET namespace = new.namespace, name = new.name
      FROM unnest(CAST(:ids AS uuid[]), CAST(:namespaces AS text[]), CAST(:names AS text[]))
        AS new (id, namespace, name)
     WHERE j.id = new.id
""")


def rename_jobs(connection: Connection, addresses: Mapping[uuid.UUID, str]) -> None:
    """Give jobs another `namespace/job`; whatever points at their ids goes along.

    Raises Conflict when another project has taken one of the addresses in between.
    """
    if not addresses:
        return
    parts = [address.partition("/") for address in addresses.values()]
    columns = {
        "ids": plain_array(addresses),
        "namespaces": text_array(namespace for namespace, _, _ in parts),
        "names": text_array(name for _, _, name in parts),
    }
    connection.execute(_MAKE_ROOM, columns)
    try:
        connection.execute(_RENAME, columns)
    except IntegrityError as error:
        several = f"one of {len(addresses)} addresses that jobs move to"
        raise _taken(next(iter(addresses.values())) if len(addresses) == 1 else several) from error


_DELETE_JOBS = text("""
    UPDATE jobrunner.jobs SET deleted_at = statement_timestamp()
     WHERE id = ANY(CAST(:ids AS uuid[])) AND deleted_at IS NULL
""")


def delete_jobs(connection: Connection, job_ids: Sequence[uuid.UUID]) -> None:
    """Make tombstones of them: out of force, their history kept."""
    if job_ids:
        connection.execute(_DELETE_JOBS, {"ids": plain_array(job_ids)})


def _interval(duration: timedelta | None) -> str | None:
    """As PostgreSQL reads it without loss."""
    return None if duration is None else f"{duration // timedelta(microseconds=1)} microseconds"
