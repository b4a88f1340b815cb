"""A run that somebody asks for now: by hand, by code, by another system."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from jobrunner.crash_points import reach
from jobrunner.db import holding, triggers
from jobrunner.db.jobs import no_such_job
from jobrunner.db.wakeups import notify
from jobrunner.errors import Conflict
from jobrunner.run import Start, decide_start, requested_run_id, take_place


@dataclass(frozen=True, slots=True)
class TriggeredRun:
    """The answer to a trigger. `is_new` False: the request key had already given this run."""

    run_id: uuid.UUID
    start: Start
    is_new: bool


def trigger_run(
    connection: Connection,
    address: str,
    *,
    created_by: str,
    kwargs: Mapping[str, object] | None = None,
    request_key: str | None = None,
    force: bool = False,
) -> TriggeredRun:
    """A run now, in the caller's transaction: it exists exactly when the caller's data does.

    It obeys `overlap` unless `force`, and `max_concurrency` in any case; beat sends it after the
    commit. The same caller and key is the same run, and with other arguments it is refused. Raises
    NotFound, Conflict, and UsageError for arguments that JSON or PostgreSQL cannot hold.
    """
    job = triggers.find_job(connection, address)
    if job is None:
        raise no_such_job(address)
    run_id = (
        uuid.uuid4() if request_key is None else requested_run_id(job.id, created_by, request_key)
    )
    active = holding.lock_and_count_active(connection, [str(job.id)])[str(job.id)]
    earlier = triggers.find_request(connection, run_id)
    if earlier is not None:
        return _repeated(earlier, kwargs, request_key)
    start = take_place(active) if force else decide_start(job.overlap, active)
    if start.is_replacing:
        holding.cancel_replaced(connection, [job.id])
    triggers.insert(
        connection,
        job,
        run_id,
        start=start,
        kwargs=kwargs,
        request_key=request_key,
        created_by=created_by,
    )
    reach("trigger_written")
    notify(connection)
    return TriggeredRun(run_id, start, is_new=True)


def _repeated(
    earlier: triggers.Request, kwargs: Mapping[str, object] | None, request_key: str | None
) -> TriggeredRun:
    if (earlier.kwargs or {}) != dict(kwargs or {}):
        raise Conflict(
            f"The request key {request_key!r} was already used with other arguments (run {earlier.run_id}).",
            hint="Use a new key for a new request.",
        )
    return TriggeredRun(earlier.run_id, Start.SEND, is_new=False)
