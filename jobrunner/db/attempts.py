"""Attempts of runs: claim one, keep its lease, end it. Each is one statement.

A claim writes a new token, and every later write carries it, so that whoever was declared dead
cannot overwrite what came after him. Times are the database's.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection, text

from jobrunner.db import holding
from jobrunner.db.prepared import PreparedStatement
from jobrunner.run import AttemptEnd, Outcome, RunState
from jobrunner.spec.models import JobSpec, load_job

LEASE_SECONDS = 20
"""An attempt whose lease was not renewed for this long is lost."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What an attempt is known by: its run and the token of this claim."""

    run_id: uuid.UUID
    token: uuid.UUID


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run in the state running, with what it takes to call its callable and to end it."""

    claim: Claim
    address: str
    attempt: int
    """From 1."""
    lost_attempts: int
    """Lost ones in a row before this one."""
    scheduled_for: datetime
    spec: JobSpec
    """The definition as of the run's dispatch; a stand-in when `problem` says why there is none."""
    args: tuple[Any, ...]
    """The schedule's, or else the job's."""
    kwargs: dict[str, Any]
    """The schedule's, or else the job's, under what was given at the trigger."""
    cancel_requested: bool
    traceparent: str | None = None
    """Of whoever has asked for the run; None: nobody did, or without a trace."""
    given: frozenset[str] = frozenset()
    """Those of `kwargs` that were given at the trigger."""
    problem: str = ""
    """Why the stored definition cannot be read; '' when it can."""
    is_newer: bool = False
    """It cannot, and nothing is wrong with it but keys that a newer version may know."""

    def ended(
        self,
        outcome: Outcome,
        *,
        error_types: tuple[str, ...] = (),
        retry_in: timedelta | None = None,
    ) -> AttemptEnd:
        """Its attempt is over: the question that `decide_end` answers."""
        return AttemptEnd(
            outcome=outcome,
            attempt=self.attempt,
            lost_attempts=self.lost_attempts,
            retry=self.spec.retry,
            on_lost=self.spec.on_lost,
            cancel_requested=self.cancel_requested,
            error_types=error_types,
            retry_in=retry_in,
        )


class ClaimedRow(NamedTuple):
    """The columns of `_COLUMNS`, in order."""

    id: uuid.UUID
    claim_token: uuid.UUID
    attempt: int
    lost_attempts: int
    scheduled_for: datetime
    kwargs: dict[str, Any] | None
    cancel_requested: bool
    address: str
    traceparent: str | None
    schedule: str | None
    spec: str


_COLUMNS = """
    runs.id, runs.claim_token, runs.attempt, runs.lost_attempts, runs.scheduled_for, runs.kwargs,
    runs.cancel_requested_at IS NOT NULL AS cancel_requested, jobs.address, runs.traceparent,
    (SELECT name FROM jobrunner.schedules WHERE schedules.id = runs.schedule_id) AS schedule,
    CAST(definitions.spec AS text) AS spec
"""
# `available_at` guards a retry against a message of the attempt before it that comes late.
_CLAIM = f"""
    WITH claimed AS (
        UPDATE jobrunner.runs
           SET state = 'running', attempt = runs.attempt + 1, claim_token = :token,
               lease_until = clock_timestamp() + make_interval(secs => :lease_seconds),
               started_at = clock_timestamp(), worker = :worker, progress = NULL
          FROM jobrunner.jobs, jobrunner.definitions
         WHERE runs.id = :run_id AND runs.state = 'queued' AND NOT runs.held
           AND runs.delivery = 'claim'
           AND runs.available_at <= clock_timestamp() AND runs.cancel_requested_at IS NULL
           AND (runs.attempt > 0 OR runs.expires_at IS NULL
                OR runs.expires_at > clock_timestamp())
           AND jobs.id = runs.job_id AND jobs.deleted_at IS NULL
           AND {{has_room}}
           AND definitions.id = runs.definition_id
        RETURNING {_COLUMNS}, runs.started_at
    ), started AS (
        INSERT INTO jobrunner.attempts
               (run_id, number, state, claim_token, worker, pid, started_at)
        SELECT id, attempt, 'running', claim_token, :worker, :pid, started_at FROM claimed
    )
    SELECT {", ".join(ClaimedRow._fields[2:])} FROM claimed
"""  # noqa: S608  the columns are a constant of this file; the caller has told the first two
_CLAIM_WITHOUT_LIMIT = PreparedStatement(_CLAIM.format(has_room="jobs.max_concurrency IS NULL"))
# Where a limit counts, claims of the job come one after the other: both statements are one transaction.
_LOCK_LIMITED_JOB = """
    SELECT FROM jobrunner.jobs
     WHERE id = (SELECT job_id FROM jobrunner.runs WHERE id = :run_id)
       AND max_concurrency IS NOT NULL
       FOR NO KEY UPDATE;
"""
_HAS_ROOM = """
    (jobs.max_concurrency IS NULL
     OR jobs.max_concurrency > (
        SELECT count(*) FROM jobrunner.runs AS other
         WHERE other.job_id = jobs.id AND other.state = 'running' AND NOT other.held))
"""
_CLAIM_WITH_LIMIT = text(_LOCK_LIMITED_JOB + _CLAIM.format(has_room=_HAS_ROOM))


def claim(connection: Connection, wanted: Claim, *, worker: str, pid: int) -> ClaimedRun | None:
    """Start an attempt of a queued run, with a lease of 20 s and the caller's new token.

    None when there is nothing to start: it is claimed already, over, held, not yet available,
    expired, its job is deleted or has as many running as it may. `worker` and `pid` are shown, and
    decide nothing.
    """
    values = {
        "run_id": str(wanted.run_id),
        "token": str(wanted.token),
        "lease_seconds": LEASE_SECONDS,
        "worker": worker,
        "pid": pid,
    }
    row = _CLAIM_WITHOUT_LIMIT.first(connection, values)
    if row is None:
        row = connection.execute(_CLAIM_WITH_LIMIT, values).first()
    return None if row is None else _claimed_run(ClaimedRow(wanted.run_id, wanted.token, *row))


# A run that no worker may start any more ends here, where its message is in hand.
_END_UNCLAIMABLE = text("""
    WITH refused AS (
        SELECT runs.id,
               CASE WHEN runs.cancel_requested_at IS NOT NULL THEN 'cancelled'
                    WHEN jobs.deleted_at IS NOT NULL THEN 'cancelled'
                    ELSE 'expired' END AS state,
               CASE WHEN runs.cancel_requested_at IS NOT NULL THEN 'cancelled before it started'
                    WHEN jobs.deleted_at IS NOT NULL THEN 'the job was deleted'
                    ELSE 'not started before ' || runs.expires_at END AS error
          FROM jobrunner.runs
          JOIN jobrunner.jobs ON jobs.id = runs.job_id
         WHERE runs.id = :run_id AND runs.state = 'queued' AND NOT runs.held
           AND (runs.cancel_requested_at IS NOT NULL OR jobs.deleted_at IS NOT NULL
                OR (runs.attempt = 0 AND runs.expires_at <= clock_timestamp()))
    )
    UPDATE jobrunner.runs
       SET state = refused.state, error = refused.error, finished_at = clock_timestamp()
      FROM refused
     WHERE runs.id = refused.id AND runs.state = 'queued' AND NOT runs.held
    RETURNING runs.state
""")


def end_unclaimable(connection: Connection, run_id: uuid.UUID) -> RunState | None:
    """End a queued run that has expired, was cancelled, or whose job is deleted. None: it is none."""
    state = connection.execute(_END_UNCLAIMABLE, {"run_id": run_id}).scalar_one_or_none()
    return None if state is None else RunState(state)


_FROM_RUNNING = """
      FROM jobrunner.runs
      JOIN jobrunner.jobs ON jobs.id = runs.job_id
      JOIN jobrunner.definitions ON definitions.id = runs.definition_id
     WHERE runs.state = 'running'
"""
_READ_RUNNING = text(f"""
    SELECT {_COLUMNS} {_FROM_RUNNING} AND runs.id = :run_id AND runs.claim_token = :token
""")


def read_running(connection: Connection, held: Claim) -> ClaimedRun | None:
    """The attempt, while it is running under that token.

    It also answers whether a claim came through whose answer was lost with the connection.
    """
    row = connection.execute(
        _READ_RUNNING, {"run_id": held.run_id, "token": held.token}
    ).one_or_none()
    return None if row is None else _claimed_run(ClaimedRow(*row))


# After a start of the server every worker must first get the chance to renew.
_LOST = text(f"""
    SELECT {_COLUMNS} {_FROM_RUNNING}
       AND runs.lease_until < clock_timestamp()
       AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :settle_seconds)
     ORDER BY runs.lease_until
     LIMIT :limit
       FOR NO KEY UPDATE OF runs SKIP LOCKED
""")


def lost_attempts(
    connection: Connection, *, limit: int, settle_seconds: float = LEASE_SECONDS
) -> tuple[ClaimedRun, ...]:
    """Attempts whose lease has run out, locked. None within `settle_seconds` of the server's start."""
    rows = connection.execute(_LOST, {"settle_seconds": settle_seconds, "limit": limit})
    return tuple(_claimed_run(ClaimedRow(*row)) for row in rows)


# One that somebody has locked would keep all of them waiting until their leases are over.
_RENEW = text("""
    WITH free AS (
        SELECT runs.id
          FROM unnest(CAST(:run_ids AS uuid[]), CAST(:tokens AS uuid[])) AS held (run_id, token)
          JOIN jobrunner.runs ON runs.id = held.run_id AND runs.claim_token = held.token
         WHERE runs.state = 'running'
           FOR NO KEY UPDATE OF runs SKIP LOCKED
    )
    UPDATE jobrunner.runs
       SET lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
      FROM free
     WHERE runs.id = free.id
    RETURNING runs.id, runs.claim_token
""")


def renew_leases(connection: Connection, held: Sequence[Claim]) -> frozenset[Claim]:
    """Another 20 s for each attempt that is still running under its token, and not locked; returns those."""
    rows = connection.execute(_RENEW, {**_claim_arrays(held), "lease_seconds": LEASE_SECONDS})
    return frozenset(Claim(row.id, row.claim_token) for row in rows)


@dataclass(frozen=True, slots=True)
class WatchedRun:
    """What a worker's parent has to know of a running attempt."""

    claim: Claim
    cancel_requested: bool
    is_retried_when_lost: bool
    """By its `on_lost`: another worker may start it once the lease is over."""


_WATCH = text("""
    SELECT runs.id, runs.claim_token, runs.cancel_requested_at IS NOT NULL AS cancel_requested,
           coalesce(
               definitions.spec ->> 'on_lost',
               CASE WHEN CAST(definitions.spec #>> '{retry,max_retries}' AS int) >= 1
                    THEN 'retry' ELSE 'fail' END
           ) = 'retry' AS is_retried_when_lost
      FROM unnest(CAST(:run_ids AS uuid[]), CAST(:tokens AS uuid[])) AS held (run_id, token)
      JOIN jobrunner.runs ON runs.id = held.run_id AND runs.claim_token = held.token
      JOIN jobrunner.definitions ON definitions.id = runs.definition_id
     WHERE runs.state = 'running'
""")


def watch_runs(connection: Connection, held: Sequence[Claim]) -> tuple[WatchedRun, ...]:
    """Those of `held` that are running under their token; one that is not claimed yet is absent."""
    return tuple(
        WatchedRun(Claim(row.id, row.claim_token), row.cancel_requested, row.is_retried_when_lost)
        for row in connection.execute(_WATCH, _claim_arrays(held))
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended and what becomes of its run."""

    state: RunState
    attempt_state: str
    """succeeded, failed, cancelled or lost."""
    retry_in: timedelta | None = None
    """Given exactly when `state` is queued."""
    result: str | None = None
    """JSON text."""
    error_type: str | None = None
    error: str | None = None
    """One line."""
    traceback: str | None = None
    memory_peak_bytes: int | None = None
    """The most that its process held in memory; None: not known."""


def attempt_state(outcome: Outcome) -> str:
    """What stands in the attempt's own row; its run may go another way, by retry or cancel."""
    match outcome:
        case Outcome.SUCCEEDED | Outcome.CANCELLED | Outcome.LOST:
            return outcome.value
        case Outcome.FAILED | Outcome.TIMED_OUT | Outcome.REFUSED | Outcome.AGAIN:
            return "failed"


# `ending` also hears a cancel request that came after the worker had looked for one: such a run is
# not queued again.
_FINISH = PreparedStatement("""
    WITH ending AS (
        SELECT id,
               CASE WHEN :state = 'queued' AND cancel_requested_at IS NOT NULL
                    THEN 'cancelled' ELSE :state END AS state
          FROM jobrunner.runs
         WHERE id = :run_id
    ), ended AS (
        UPDATE jobrunner.runs
           SET state = ending.state,
               lease_until = NULL,
               lost_attempts = CASE WHEN :attempt_state = 'lost'
                                    THEN runs.lost_attempts + 1 ELSE 0 END,
               available_at = CASE WHEN ending.state = 'queued'
                                   THEN clock_timestamp() + make_interval(secs => :retry_seconds)
                                   ELSE runs.available_at END,
               sent_at = CASE WHEN ending.state <> 'queued' OR runs.delivery = 'tracked'
                              THEN runs.sent_at END,
               finished_at = CASE WHEN ending.state <> 'queued' THEN clock_timestamp() END,
               -- What was cleaned up after a loss that was none is cleaned up after the end.
               on_end_at = CASE WHEN runs.state = 'lost' AND runs.on_end_tries > 0
                                THEN clock_timestamp() ELSE runs.on_end_at END,
               result = CAST(:result AS jsonb),
               error = :error
          FROM ending
         WHERE runs.id = ending.id AND runs.claim_token = :token
           AND (runs.state = 'running'
                OR (runs.state = 'lost' AND ending.state IN ('succeeded', 'failed')))
        RETURNING runs.*
    ), attempt AS (
        -- Its row is there; an UPDATE that was planned while the table was small would read all of it.
        INSERT INTO jobrunner.attempts
               (run_id, number, state, claim_token, worker, pid, started_at, finished_at, error_type,
                error, traceback, memory_peak_bytes)
        SELECT id, attempt, :attempt_state, claim_token, worker, 0, started_at, clock_timestamp(),
               :error_type, :error, :traceback, :memory_peak_bytes
          FROM ended
            ON CONFLICT (run_id, number) DO UPDATE
           SET state = excluded.state, finished_at = excluded.finished_at,
               error_type = excluded.error_type, error = excluded.error,
               traceback = excluded.traceback, memory_peak_bytes = excluded.memory_peak_bytes
    )
    SELECT state, job_id,
           state <> 'queued'
             AND (SELECT held FROM jobrunner.runs AS other
                   WHERE other.job_id = ended.job_id AND other.held
                   ORDER BY other.backfill_id LIMIT 1) AS is_waited_for
      FROM ended
""")


def finish(connection: Connection, held: Claim, ending: Ending) -> RunState | None:
    """End an attempt under its token; runs that waited for this one are free to be sent.

    Returns the run's new state: the one wanted, or `cancelled` where it would have been tried
    again and somebody had asked to cancel it. None when the token is no longer the last one, or
    the run is over: then nothing was written. A success or a failure that comes after the attempt
    was given up replaces `lost`.
    """
    values = {
        "run_id": str(held.run_id),
        "token": str(held.token),
        "state": ending.state.value,
        "attempt_state": ending.attempt_state,
        "retry_seconds": (ending.retry_in or timedelta(0)).total_seconds(),
        "result": ending.result,
        "error_type": ending.error_type,
        "error": ending.error,
        "traceback": ending.traceback,
        "memory_peak_bytes": ending.memory_peak_bytes,
    }
    row = _FINISH.first(connection, values)
    if row is None:
        return None
    state, job_id, is_waited_for = row
    if is_waited_for:
        holding.release(connection, [job_id])
    return RunState(state)


def _claim_arrays(claims: Sequence[Claim]) -> dict[str, Any]:
    return {
        "run_ids": [held.run_id for held in claims],
        "tokens": [held.token for held in claims],
    }


def _claimed_run(row: ClaimedRow) -> ClaimedRun:
    spec, problem, is_newer = _load_spec(row.spec)
    args, kwargs = spec.arguments_for(row.schedule)
    return ClaimedRun(
        claim=Claim(row.id, row.claim_token),
        address=row.address,
        attempt=row.attempt,
        lost_attempts=row.lost_attempts,
        scheduled_for=row.scheduled_for,
        spec=spec,
        args=args,
        kwargs={**kwargs, **(row.kwargs or {})},
        cancel_requested=row.cancel_requested,
        traceparent=row.traceparent,
        given=frozenset(row.kwargs or ()),
        problem=problem,
        is_newer=is_newer,
    )


_STAND_IN = JobSpec(namespace="default", name="unreadable", task="unreadable.definition")


@lru_cache(maxsize=512)
def _load_spec(stored: str) -> tuple[JobSpec, str, bool]:
    """The definition and '', or a stand-in, why it cannot be read, and whether a newer version may.

    No exception: one run that a newer version or a hand has spoilt must not keep a process from
    ending all the others. A worker runs the same few definitions again and again; reading one costs
    more than a claim.
    """
    try:
        return load_job(json.loads(stored)), "", False
    except ValidationError as error:
        first, *others = error.errors()
        where = ".".join(map(str, first["loc"]))
        is_newer = all(one["type"] == "extra_forbidden" for one in (first, *others))
        told = f"The stored definition cannot be read: {where}: {first['msg']}."
        return _STAND_IN, told, is_newer
