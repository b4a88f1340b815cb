"""Runs that somebody asked for: the job behind an address, and the request that was made before."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError

from jobrunner.errors import UsageError, first_line
from jobrunner.run import RunState, Start
from jobrunner.spec.job import LARGEST_ARGUMENTS_BYTES


@dataclass(frozen=True, slots=True)
class TriggerJob:
    """What a trigger needs of a job."""

    id: uuid.UUID
    definition_id: int
    queue: str
    priority: int | None
    overlap: str
    expires: timedelta | None
    delivery: str
    has_on_end: bool
    sensitive: Sequence[str]
    """Names of arguments that are stored sealed."""
    others_count: bool
    """What becomes of a new run depends on the job's other runs: they are counted under its lock."""


_FIND_JOB = text("""
    SELECT id, definition_id, queue, priority, overlap, expires, delivery, has_on_end,
           ARRAY(SELECT jsonb_array_elements_text(d.spec -> 'sensitive')
                   FROM jobrunner.definitions AS d WHERE d.id = definition_id) AS sensitive,
           overlap <> 'allow' OR catch_up_policy = 'all' OR max_concurrency IS NOT NULL
             AS others_count
      FROM jobrunner.jobs
     WHERE namespace = split_part(:address, '/', 1) AND name = split_part(:address, '/', 2)
       AND deleted_at IS NULL
""")


def find_job(connection: Connection, address: str) -> TriggerJob | None:
    """The job of that address, unless there is none or it is deleted."""
    row = connection.execute(_FIND_JOB, {"address": address}).mappings().one_or_none()
    return None if row is None else TriggerJob(**row)


@dataclass(frozen=True, slots=True)
class Request:
    """A trigger that was made before."""

    run_id: uuid.UUID
    kwargs: Mapping[str, Any] | None
    state: str


# JSON as text: what a driver makes of it is its own choice, and this one may be the caller's.
_FIND_REQUEST = text("""
    SELECT CAST(kwargs AS text) AS kwargs, state FROM jobrunner.runs WHERE id = CAST(:run_id AS uuid)
""")


def find_request(connection: Connection, run_id: uuid.UUID) -> Request | None:
    """The run that an equal request has already given."""
    row = connection.execute(_FIND_REQUEST, {"run_id": str(run_id)}).one_or_none()
    if row is None:
        return None
    return Request(run_id, None if row.kwargs is None else json.loads(row.kwargs), row.state)


_INSERT = text("""
    INSERT INTO jobrunner.runs
           (id, job_id, definition_id, trigger, scheduled_for, state, held, kwargs, queue, priority,
            available_at, expires_at, request_key, created_by, error, delivery, on_end_at,
            finished_at, traceparent)
    VALUES (:id, :job_id, :definition_id, 'manual', statement_timestamp(), :state, :held,
            CAST(:kwargs AS jsonb), :queue, :priority, statement_timestamp(),
            statement_timestamp() + :expires, :request_key, :created_by, :error, :delivery,
            CASE WHEN :has_on_end AND :state = 'queued' THEN statement_timestamp() END,
            CASE WHEN :state <> 'queued' THEN statement_timestamp() END, :traceparent)
        ON CONFLICT (id) DO NOTHING
""")


def insert(
    connection: Connection,
    job: TriggerJob,
    run_id: uuid.UUID,
    *,
    start: Start,
    kwargs: Mapping[str, object] | None,
    request_key: str | None,
    created_by: str,
    traceparent: str | None = None,
) -> bool:
    """The run's row; it waits to be sent by the next tick of any beat. False: it is there already.

    Raises UsageError for `kwargs` that JSON or PostgreSQL cannot hold, or over 64 KiB.
    """
    skipped = start is Start.SKIP
    values = {
        "id": run_id,
        "job_id": job.id,
        "definition_id": job.definition_id,
        "state": (RunState.SKIPPED if skipped else RunState.QUEUED).value,
        "held": start.is_held,
        "queue": job.queue,
        "priority": job.priority,
        "expires": job.expires,
        "request_key": request_key,
        "created_by": created_by,
        "delivery": job.delivery,
        "has_on_end": job.has_on_end,
        "traceparent": traceparent,
        "error": "another run was not over (overlap: skip)" if skipped else None,
    }
    try:
        values["kwargs"] = None if kwargs is None else _as_json(kwargs)
        return connection.execute(_INSERT, values).rowcount > 0
    except (TypeError, ValueError, RecursionError, DataError) as error:
        raise UsageError(
            f"These arguments cannot be stored: {first_line(error)}.",
            hint="Arguments of a run are JSON values, without NaN and without NUL characters.",
        ) from error


def _as_json(kwargs: Mapping[str, object]) -> str:
    if not all(map(_is_storable, _texts(dict(kwargs)))):
        # The server would say so, too, and with that end the transaction of a caller.
        raise ValueError("a text has a NUL or half of a surrogate pair")
    dumped = json.dumps(dict(kwargs), allow_nan=False)
    if len(dumped) > LARGEST_ARGUMENTS_BYTES:
        raise UsageError(
            f"These arguments are {len(dumped):,} bytes of JSON; "
            f"{LARGEST_ARGUMENTS_BYTES:,} are the most.",
            hint="Pass a path or an id, and let the callable read the data.",
        )
    return dumped


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
