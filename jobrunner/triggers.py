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
from jobrunner.run import Active, RunState, Start, decide_start, requested_run_id, take_place
from jobrunner.sealing import NO_KEYS, Keyring, seal_kwargs
from jobrunner.tracing import current_traceparent


@dataclass(frozen=True, slots=True)
class TriggeredRun:
    """The answer to a trigger."""

    run_id: uuid.UUID
    start: Start
    """`send`, `hold` (it waits for another run), `skip` (another run is not over, so it never
    starts), `replace` or `replace_and_hold` (the others were told to end)."""
    is_new: bool
    """False: an earlier request with the same key has made it; `start` is `send` or `skip` then."""


def trigger_run(
    connection: Connection,
    address: str,
    *,
    created_by: str,
    kwargs: Mapping[str, object] | None = None,
    request_key: str | None = None,
    request_scope: str | None = None,
    force: bool = False,
    keyring: Keyring = NO_KEYS,
) -> TriggeredRun:
    """A run now, in the caller's transaction: it exists exactly when the caller's data does.

    It obeys `overlap` unless `force`, and `max_concurrency` in any case; beat sends it after the
    commit. The same key within a scope (None: the caller's own) is the same run, and with other
    arguments it is refused. `keyring` seals what the job names as sensitive. Raises NotFound,
    Conflict, and UsageError for arguments that JSON or PostgreSQL cannot hold, or that cannot be
    sealed.

    It continues the trace that is current here.
    """
    job = triggers.find_job(connection, address)
    if job is None:
        raise no_such_job(address)
    scope = request_scope or created_by
    run_id = uuid.uuid4() if request_key is None else requested_run_id(job.id, scope, request_key)
    request = _Request(run_id, address, kwargs, request_key, keyring)
    counted = [str(job.id)] if job.others_count else []
    active = holding.lock_and_count_active(connection, counted).get(str(job.id), Active())
    repeated = _find_repeated(connection, request)
    if repeated is not None:
        return repeated
    start = take_place(active) if force else decide_start(job.overlap, active)
    if start.is_replacing:
        holding.cancel_replaced(connection, [job.id])
    is_new = triggers.insert(
        connection,
        job,
        run_id,
        start=start,
        kwargs=None if kwargs is None else seal_kwargs(address, job.sensitive, kwargs, keyring),
        request_key=request_key,
        created_by=created_by,
        traceparent=current_traceparent(),
    )
    reach("trigger_written")
    # The same request may have come at the same moment.
    repeated = None if is_new else _find_repeated(connection, request)
    if repeated is not None:
        return repeated
    notify(connection)
    return TriggeredRun(run_id, start, is_new=True)


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked for, and the run that it makes."""

    run_id: uuid.UUID
    """The same for the same key."""
    address: str
    kwargs: Mapping[str, object] | None
    key: str | None
    keyring: Keyring


def _find_repeated(connection: Connection, request: _Request) -> TriggeredRun | None:
    """The run that an earlier request with this key has made."""
    earlier = None if request.key is None else triggers.find_request(connection, request.run_id)
    if earlier is None:
        return None
    given = request.keyring.opened(request.address, earlier.kwargs or {})
    if given != dict(request.kwargs or {}):
        raise Conflict(
            f"The request key {request.key!r} was already used with other arguments "
            f"(run {earlier.run_id}).",
            hint="Use a new key for a new request.",
        )
    start = Start.SKIP if earlier.state == RunState.SKIPPED else Start.SEND
    return TriggeredRun(earlier.run_id, start, is_new=False)
