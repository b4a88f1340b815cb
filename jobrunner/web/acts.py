"""What a caller does to jobs and runs, over the API or on a page: within what he sees, and audited.

Each acts in the caller's transaction and raises what the flow behind it raises, and NotFound for what
does not exist for him.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from jobrunner.access.caller import Caller, Permission
from jobrunner.db import audit, pauses
from jobrunner.db.overview import get_job
from jobrunner.db.runs import cancel_run
from jobrunner.db.wakeups import notify
from jobrunner.errors import AccessDenied, Conflict, NotFound, UsageError
from jobrunner.plan.pause import PauseInForce, Scope
from jobrunner.run import RunState
from jobrunner.sealing import Keyring
from jobrunner.tracing import continuing, current_traceparent
from jobrunner.triggers import TriggeredRun, trigger_run
from jobrunner.web.visible import check_sees_job, visible_run


@dataclass(frozen=True, slots=True)
class Trigger:
    """A run that is asked for."""

    kwargs: Mapping[str, object] | None = None
    """Laid over the job's own."""
    request_key: str | None = None
    """The same key of the same subject is the same run."""
    force: bool = False
    """Start even though `overlap` says no."""
    created_by: str | None = None
    """Whose run it is; None: the caller's."""


def trigger(
    connection: Connection,
    caller: Caller,
    keyring: Keyring,
    *,
    namespace: str,
    name: str,
    wanted: Trigger = Trigger(),
) -> TriggeredRun:
    """The job runs now, with its own queue, priority, expiry and limits.

    Raises AccessDenied where who sees only his own runs would start another's.
    """
    address = check_sees_job(caller, namespace, name)
    _check_is_own(caller, wanted)
    triggered = _start(connection, caller, keyring, address, wanted)
    if triggered.is_new:
        details = {
            "run": triggered.run_id,
            "arguments": sorted(wanted.kwargs or ()),
            "force": wanted.force,
            **({} if wanted.created_by is None else {"for": wanted.created_by}),
        }
        audit.record(
            connection, actor=caller.subject, action="run.trigger", target=address, details=details
        )
    return triggered


def _check_is_own(caller: Caller, wanted: Trigger) -> None:
    if caller.own_runs_only and wanted.created_by not in {None, caller.subject}:
        raise AccessDenied(
            f"'{caller.subject}' starts runs of his own alone.",
            is_known=True,
            hint="Leave out whose run it is.",
        )


def retry(
    connection: Connection,
    caller: Caller,
    keyring: Keyring,
    run_id: uuid.UUID,
    *,
    request_key: str | None = None,
) -> TriggeredRun:
    """What has ended runs again: a new run, with the same arguments and the definition in force."""
    detail = visible_run(connection, caller, run_id)
    if not RunState(detail.run.state).is_final:
        raise Conflict(
            f"Run {run_id} is not over ({detail.run.state}).", hint="Cancel it first, or wait."
        )
    wanted = Trigger(kwargs=detail.kwargs, request_key=request_key)
    with continuing(current_traceparent() or detail.traceparent):
        triggered = _start(connection, caller, keyring, detail.run.address, wanted)
    if triggered.is_new:
        audit.record(
            connection,
            actor=caller.subject,
            action="run.retry",
            target=str(run_id),
            details={"new_run": triggered.run_id},
        )
    return triggered


def cancel(connection: Connection, caller: Caller, run_id: uuid.UUID) -> RunState:
    """cancelled: it never starts; running: it was told to end."""
    visible_run(connection, caller, run_id)
    return cancel_run(connection, run_id, actor=caller.subject)


def pause(
    connection: Connection,
    caller: Caller,
    *,
    namespace: str,
    name: str,
    reason: str,
    until: datetime | None,
    now: datetime,
) -> PauseInForce:
    """The job's schedules start nothing until then; None: until somebody resumes."""
    address = check_sees_job(caller, namespace, name)
    _check_to_come(until, now)
    get_job(connection, address)
    made = pauses.pause(
        connection, "job", address, reason=reason, paused_by=caller.subject, until=until
    )
    notify(connection)
    return made


def pause_many(
    connection: Connection,
    caller: Caller,
    *,
    scope: Scope,
    target: str,
    reason: str,
    until: datetime | None,
    now: datetime,
) -> PauseInForce:
    """The same for all jobs of a tag, a queue or a namespace. Raises NotFound where there is none."""
    _check_may_hold_back(caller, scope, target)
    _check_to_come(until, now)
    if not pauses.count_jobs(connection, scope, target):
        raise _no_job_of(scope, target)
    made = pauses.pause(
        connection, scope, target, reason=reason, paused_by=caller.subject, until=until
    )
    notify(connection)
    return made


def _check_may_hold_back(caller: Caller, scope: Scope, target: str) -> None:
    """Raise NotFound for a namespace that is not his, and AccessDenied for what has jobs of any."""
    if scope == "namespace":
        if not caller.may(Permission.OPERATE, target):
            raise _no_job_of(scope, target)
    elif caller.namespaces is not None:
        raise AccessDenied(
            f"'{caller.subject}' is limited to namespaces, and a {scope} has jobs of any.",
            is_known=True,
            hint="Pause the jobs, or a namespace.",
        )


def _no_job_of(scope: Scope, target: str) -> NotFound:
    return NotFound(
        f"There is no job of {scope} {target}.", hint="GET /api/v1/jobs tells what jobs have."
    )


def _check_to_come(until: datetime | None, now: datetime) -> None:
    if until is not None and until <= now:
        raise UsageError("The pause would be over already.", hint="Give a time to come, or none.")


def resume(connection: Connection, caller: Caller, *, namespace: str, name: str) -> None:
    """End the job's own pause; one of its queue, its namespace or a tag holds on."""
    address = check_sees_job(caller, namespace, name)
    get_job(connection, address)
    if not pauses.resume(connection, "job", address, resumed_by=caller.subject):
        raise Conflict(
            f"{address} itself is not paused.",
            hint="A pause of its queue, its namespace or a tag ends with `jobrunner resume`.",
        )
    notify(connection)


def resume_many(connection: Connection, caller: Caller, *, scope: Scope, target: str) -> None:
    """End the pause of a tag, a queue or a namespace. Raises Conflict where it is not paused."""
    _check_may_hold_back(caller, scope, target)
    if not pauses.resume(connection, scope, target, resumed_by=caller.subject):
        raise Conflict(
            f"The {scope} {target} is not paused.",
            hint="GET /api/v1/pauses tells what is, and by whom.",
        )
    notify(connection)


def _start(
    connection: Connection, caller: Caller, keyring: Keyring, address: str, wanted: Trigger
) -> TriggeredRun:
    return trigger_run(
        connection,
        address,
        created_by=wanted.created_by or caller.subject,
        kwargs=wanted.kwargs,
        request_key=wanted.request_key,
        # Apart from those of the command line, whose subjects are other people's names.
        request_scope=f"web:{caller.subject}",
        force=wanted.force,
        keyring=keyring,
    )
