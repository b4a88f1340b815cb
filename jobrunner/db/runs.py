"""Runs as a reader sees them, and what a person may do to one: cancel it."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from jobrunner.db import audit
from jobrunner.errors import Conflict, NotFound
from jobrunner.run import RunState


@dataclass(frozen=True, slots=True)
class Run:
    """A row of `runs` with the names of its job and schedule; `tables.py` says who sets what."""

    id: uuid.UUID
    address: str
    schedule: str | None
    """None: triggered by hand."""
    trigger: str
    scheduled_for: datetime
    state: str
    held: bool
    attempt: int
    queue: str
    priority: int | None
    available_at: datetime
    sent_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    worker: str | None
    error: str | None
    missed_count: int | None
    cancel_requested_at: datetime | None
    created_by: str | None
    request_key: str | None
    created_at: datetime

    @property
    def duration(self) -> timedelta | None:
        """Of the newest attempt; None before its end, and for a run that never started."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at


RUN_COLUMNS = """
    r.id, j.address, s.name AS schedule, r.trigger, r.scheduled_for, r.state, r.held, r.attempt,
    r.queue, r.priority, r.available_at, r.sent_at, r.started_at, r.finished_at, r.worker, r.error,
    r.missed_count, r.cancel_requested_at, r.created_by, r.request_key, r.created_at
"""
RUN_TABLES = """
    jobrunner.runs AS r
    JOIN jobrunner.jobs AS j ON j.id = r.job_id
    LEFT JOIN jobrunner.schedules AS s ON s.id = r.schedule_id
"""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What `find_runs` looks for; None and () are no condition."""

    address: str | None = None
    """`namespace/job`, or `namespace/job#schedule`."""
    namespace: str | None = None
    queue: str | None = None
    states: Collection[str] = ()
    triggers: Collection[str] = ()
    since: datetime | None = None
    """Scheduled for then or later."""
    limit: int = 20


# The driver writes the values into the statement, so the planner sees which conditions are none.
_FIND = text(f"""
    SELECT {RUN_COLUMNS} FROM {RUN_TABLES}
     WHERE (CAST(:address AS text) IS NULL OR r.job_id = (
              SELECT id FROM jobrunner.jobs
               WHERE namespace = split_part(:address, '/', 1)
                 AND name = split_part(split_part(:address, '/', 2), '#', 1)))
       AND (COALESCE(split_part(:address, '#', 2), '') = '' OR s.name = split_part(:address, '#', 2))
       AND (CAST(:namespace AS text) IS NULL OR j.namespace = :namespace)
       AND (CAST(:queue AS text) IS NULL OR r.queue = :queue)
       AND (CAST(:states AS text[]) IS NULL OR r.state = ANY(CAST(:states AS text[])))
       AND (CAST(:triggers AS text[]) IS NULL OR r.trigger = ANY(CAST(:triggers AS text[])))
       AND (CAST(:since AS timestamptz) IS NULL OR r.scheduled_for >= :since)
     ORDER BY r.scheduled_for DESC, r.created_at DESC, r.id
     LIMIT :limit
""")  # noqa: S608  two constants of this file


def find_runs(connection: Connection, wanted: RunFilter) -> tuple[Run, ...]:
    """The newest runs that match, newest first."""
    values = {
        **asdict(wanted),
        "states": list(wanted.states) or None,
        "triggers": list(wanted.triggers) or None,
    }
    return tuple(Run(**row) for row in connection.execute(_FIND, values).mappings())


_BY_PREFIX = text("""
    SELECT id FROM jobrunner.runs
     WHERE id BETWEEN CAST(:first AS uuid) AND CAST(:last AS uuid) LIMIT 2
""")


def find_run_id(connection: Connection, given: str) -> uuid.UUID:
    """The run whose id is `given` or begins with it. Raises NotFound, Conflict when several do."""
    digits = given.lower().replace("-", "")
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        raise NotFound(
            f"{given!r} is no run id.",
            hint="`jobrunner runs list` shows the ids of the newest runs.",
        )
    bounds = {"first": f"{digits:0<32}", "last": f"{digits:f<32}"}
    found = connection.execute(_BY_PREFIX, bounds).scalars().all()
    if not found:
        raise NotFound(
            f"There is no run {given}.", hint="`jobrunner runs list` shows the newest runs."
        )
    if len(found) > 1:
        raise Conflict(f"Several runs begin with {given}.", hint="Give more of the id.")
    return uuid.UUID(str(found[0]))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a run."""

    number: int
    state: str
    worker: str
    pid: int
    started_at: datetime
    finished_at: datetime | None
    error_type: str | None
    error: str | None
    traceback: str | None
    memory_peak_bytes: int | None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """All there is to say of one run."""

    run: Run
    attempts: tuple[Attempt, ...]
    definition: Any
    """What it ran: the job's JSON as of its dispatch."""
    kwargs: Any
    """Given at the trigger; None: none were."""
    result: Any
    progress: Any
    """What the newest attempt says of itself, as `db.progress` has it; None: nothing."""
    on_end_error: str | None
    """Why the newest try of its clean-up failed."""
    on_end_tries: int
    on_end_is_due: bool
    """It is not called yet, or it failed and is tried again."""
    revision: int | None
    git_commit: str | None
    file: str | None
    """Where its definition stood; None for what was applied by a version that kept no place."""
    line: int | None
    traceparent: str | None
    """The W3C trace context that its attempts continue; None: it was triggered without one."""


_GET = text(f"""
    SELECT {RUN_COLUMNS}, r.kwargs, r.result, r.progress, r.on_end_error, r.on_end_tries,
           r.on_end_at IS NOT NULL AS on_end_is_due, d.spec AS definition, d.revision, d.git_commit,
           d.file, d.line, r.traceparent
      FROM {RUN_TABLES} LEFT JOIN jobrunner.definitions AS d ON d.id = r.definition_id
     WHERE r.id = :run_id
""")  # noqa: S608  two constants of this file
_ATTEMPTS = text("""
    SELECT number, state, worker, pid, started_at, finished_at, error_type, error, traceback,
           memory_peak_bytes
      FROM jobrunner.attempts WHERE run_id = :run_id ORDER BY number
""")


def no_such_run(run_id: uuid.UUID) -> NotFound:
    """What to say of an id that no run has."""
    return NotFound(f"There is no run {run_id}.")


def get_run(connection: Connection, run_id: uuid.UUID) -> RunDetail:
    """One run with its attempts. Raises NotFound."""
    row = connection.execute(_GET, {"run_id": run_id}).mappings().one_or_none()
    if row is None:
        raise no_such_run(run_id)
    attempts = connection.execute(_ATTEMPTS, {"run_id": run_id}).mappings()
    return RunDetail(
        run=run_of(row),
        attempts=tuple(Attempt(**attempt) for attempt in attempts),
        definition=row["definition"],
        kwargs=row["kwargs"],
        result=row["result"],
        progress=row["progress"],
        on_end_error=row["on_end_error"],
        on_end_tries=row["on_end_tries"],
        on_end_is_due=row["on_end_is_due"],
        revision=row["revision"],
        git_commit=row["git_commit"],
        file=row["file"],
        line=row["line"],
        traceparent=row["traceparent"],
    )


_CANCEL = text("""
    UPDATE jobrunner.runs
       SET state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
           held = CASE state WHEN 'queued' THEN false ELSE held END,
           finished_at = CASE state WHEN 'queued' THEN statement_timestamp() END,
           error = CASE state WHEN 'queued' THEN 'cancelled by ' || :actor ELSE error END,
           cancel_requested_at = coalesce(cancel_requested_at, statement_timestamp())
     WHERE id = :run_id AND state IN ('queued', 'running')
    RETURNING state
""")
_STATE = text("SELECT state FROM jobrunner.runs WHERE id = :run_id")


def cancel_run(connection: Connection, run_id: uuid.UUID, *, actor: str) -> RunState:
    """A queued run never starts (cancelled at once); a running one is told to end (running).

    Raises Conflict when it is over, NotFound.
    """
    state = connection.execute(_CANCEL, {"run_id": run_id, "actor": actor}).scalar_one_or_none()
    if state is None:
        current = connection.execute(_STATE, {"run_id": run_id}).scalar_one_or_none()
        if current is None:
            raise no_such_run(run_id)
        raise Conflict(f"Run {run_id} is over ({current}); there is nothing to cancel.")
    audit.record(connection, actor=actor, action="run.cancel", target=str(run_id))
    return RunState(state)


@dataclass(frozen=True, slots=True)
class StreamedRun:
    """A run for the live stream, with when its schedule fires next."""

    run: Run
    next_run_at: datetime | None
    now: datetime
    failed_at: datetime | None = None
    """When its newest attempt ended; None while there is none, or it goes on."""


# Three ways in, each with an index: what is going on, what ended within the last moments (its time
# owed is recent too), and what the caller saw going on before and wants to know the end of.
_STREAM = text(f"""
    SELECT {RUN_COLUMNS}, s.next_run_at, clock_timestamp() AS now, a.finished_at AS failed_at
      FROM {RUN_TABLES}
      LEFT JOIN jobrunner.attempts AS a ON a.run_id = r.id AND a.number = r.attempt
     WHERE r.id IN (
             (SELECT id FROM jobrunner.runs
               WHERE state IN ('queued', 'running') AND NOT held LIMIT :limit)
              UNION
             (SELECT id FROM jobrunner.runs WHERE held ORDER BY job_id LIMIT :limit)
              UNION
             (SELECT id FROM jobrunner.runs
               WHERE scheduled_for > statement_timestamp() - interval '2 minutes'
                 AND finished_at > statement_timestamp() - make_interval(secs => :recent_seconds)
               ORDER BY scheduled_for DESC LIMIT :limit)
              UNION
              SELECT unnest(CAST(:watched AS uuid[])))
     ORDER BY coalesce(r.finished_at, r.started_at, r.created_at), r.id
""")  # noqa: S608  two constants of this file


def stream_runs(
    connection: Connection, watched: Sequence[uuid.UUID], *, recent_seconds: float, limit: int = 500
) -> tuple[StreamedRun, ...]:
    """Runs that are going on, that ended just now, and the `watched` ones, as it happened."""
    values = {
        "watched": [str(run_id) for run_id in watched],
        "recent_seconds": recent_seconds,
        "limit": limit,
    }
    return tuple(
        StreamedRun(
            run=run_of(row),
            next_run_at=row["next_run_at"],
            now=row["now"],
            failed_at=row["failed_at"],
        )
        for row in connection.execute(_STREAM, values).mappings()
    )


def run_of(row: RowMapping) -> Run:
    """The run of a row that has RUN_COLUMNS, and maybe more."""
    return Run(**{field.name: row[field.name] for field in fields(Run)})
