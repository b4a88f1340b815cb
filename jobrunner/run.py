"""What a run is and what may become of it: the decisions of dispatch and of execution, without I/O.

    (dispatch) ──► queued ──claim──► running ──► succeeded | failed | cancelled | lost
                   ▲  │ held            │
                   │  │                 └── failed or lost with retries left ──► queued, available later
                   │  └──► cancelled | expired | handed_over | lost (the last two: another app's workers)
    (dispatch) ──► skipped | missed          ends that never started

`transition` is that table; `docs/explanation/states.md` says what each state means. A change of state
in the database is a compare-and-set that goes one of these ways and no other.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha1
from typing import NamedTuple

from jobrunner.spec.models import Retry

LOST_IN_A_ROW_MAX = 3
"""A run that takes its worker down this often ends, whatever retries are left."""


TRIGGERS = ("schedule", "catch_up", "manual", "backfill")
"""What starts a run: its time, its time long ago, somebody now, somebody for a time that has passed."""


class RunState(StrEnum):
    """The states of a run. The first two are active, the rest are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"
    MISSED = "missed"
    EXPIRED = "expired"
    HANDED_OVER = "handed_over"

    @property
    def is_final(self) -> bool:
        """Nothing follows."""
        return self not in {RunState.QUEUED, RunState.RUNNING}


class Event(StrEnum):
    """What can happen to a run that is not over, and to one that was given up."""

    CLAIM = "claim"
    EXPIRE = "expire"
    CANCEL = "cancel"
    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY = "retry"
    LOSE = "lose"
    HAND_OVER = "hand_over"


_TRANSITIONS: Mapping[tuple[RunState, Event], RunState] = {
    (RunState.QUEUED, Event.CLAIM): RunState.RUNNING,
    (RunState.QUEUED, Event.EXPIRE): RunState.EXPIRED,
    (RunState.QUEUED, Event.CANCEL): RunState.CANCELLED,
    (RunState.QUEUED, Event.HAND_OVER): RunState.HANDED_OVER,
    # Handed to another app's workers, and never heard of again.
    (RunState.QUEUED, Event.LOSE): RunState.LOST,
    (RunState.RUNNING, Event.SUCCEED): RunState.SUCCEEDED,
    (RunState.RUNNING, Event.FAIL): RunState.FAILED,
    (RunState.RUNNING, Event.RETRY): RunState.QUEUED,
    (RunState.RUNNING, Event.LOSE): RunState.LOST,
    (RunState.RUNNING, Event.CANCEL): RunState.CANCELLED,
    # A worker that was only out of touch may still say how the attempt ended.
    (RunState.LOST, Event.SUCCEED): RunState.SUCCEEDED,
    (RunState.LOST, Event.FAIL): RunState.FAILED,
}


def transition(state: RunState, event: Event) -> RunState:
    """The state after `event`; ValueError when that cannot happen to a run in `state`."""
    try:
        return _TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"{event} cannot happen to a run that is {state}") from None


# --- Dispatch: what a new run meets ----------------------------------------------------------------


class Start(StrEnum):
    """How a new run enters: sent, waiting for another, not started at all, or in another's place."""

    SEND = "send"
    HOLD = "hold"
    SKIP = "skip"
    GIVE_WAY = "give_way"
    """Not started, because a later time of the same schedule is due in the same tick."""
    REPLACE = "replace"
    REPLACE_AND_HOLD = "replace_and_hold"

    @property
    def is_held(self) -> bool:
        """The new run waits for the end of another."""
        return self is Start.HOLD or self is Start.REPLACE_AND_HOLD

    @property
    def is_skipped(self) -> bool:
        """The new run is over at once."""
        return self is Start.SKIP or self is Start.GIVE_WAY

    @property
    def is_replacing(self) -> bool:
        """The job's other runs are to end."""
        return self is Start.REPLACE or self is Start.REPLACE_AND_HOLD


class Active(NamedTuple):
    """The job's runs that are not over: `queued` ones may start, `held` ones wait for the others."""

    running: int = 0
    queued: int = 0
    held: int = 0
    """Whether there is one is all that decides; the database counts no further."""
    backfill: int = 0
    """Runs of backfills that may start or have: they overlap with nothing, and take places."""
    limit: int | None = None
    """The job's `max_concurrency`."""

    @property
    def started(self) -> int:
        """Those a new run could overlap with."""
        return self.running + self.queued

    @property
    def has_room(self) -> bool:
        """One more may be active."""
        return self.limit is None or self.started + self.backfill < self.limit


def decide_start(
    overlap: str, active: Active, *, in_order: bool = False, is_newest: bool = True
) -> Start:
    """What `overlap` and the limit say when a run becomes due.

    `in_order`: a slot of `catch_up: all`. `is_newest`: no later time of its schedule is due as well.
    """
    if overlap == "skip" and not in_order and not is_newest:
        # Of several that are late only one can run: the one that is wanted now.
        return Start.GIVE_WAY
    if active.started + active.held == 0:
        return take_place(active)
    if in_order:
        return Start.HOLD
    match overlap:
        case "allow":
            return Start.HOLD if active.held else take_place(active)
        case "queue":
            return Start.SKIP if active.held else Start.HOLD
        case "replace":
            # What only waits is cancelled at once; what runs is asked to end and waited for.
            left = active._replace(queued=0, held=0)
            return Start.REPLACE if left.started == 0 and left.has_room else Start.REPLACE_AND_HOLD
        case _:
            return Start.SKIP


def take_place(active: Active) -> Start:
    """What the limit says, whatever `overlap` would."""
    return Start.SEND if active.has_room else Start.HOLD


def after_start(active: Active, start: Start) -> Active:
    """The counts once the decision is carried out, for the next slot of the same job."""
    match start:
        case Start.SEND:
            # By name it would take four times as long, and this is the way of every tick.
            running, queued, held, backfill, limit = active
            return Active(running, queued + 1, held, backfill, limit)
        case Start.HOLD:
            return active._replace(held=active.held + 1)
        case Start.REPLACE:
            return active._replace(running=0, queued=1, held=0)
        case Start.REPLACE_AND_HOLD:
            return active._replace(queued=0, held=1)
        case Start.SKIP | Start.GIVE_WAY:
            return active


# --- Release: which held runs are free now ----------------------------------------------------------


def waits_alone(overlap: str, trigger: str) -> bool:
    """It waits until no other run of its job is active; any other waits for a free place."""
    return (
        trigger == "catch_up"
        or overlap in {"queue", "replace"}
        or (overlap == "skip" and trigger == "schedule")
    )


def count_free(overlap: str, active: Active, triggers: Iterable[str]) -> int:
    """How many of the held runs may start, the oldest first; none overtakes an older one.

    `triggers`: of the job's held runs without those of backfills, by the time owed. `db.holding`
    asks the same in SQL.
    """
    free = 0
    for trigger in triggers:
        if waits_alone(overlap, trigger) and active.started:
            break
        if not active.has_room:
            break
        active, free = after_start(active, Start.SEND), free + 1
    return free


# --- Dispatch: what goes to the broker -------------------------------------------------------------


class OutgoingRun(NamedTuple):
    """What a message is made of. It carries only the id; the rest routes and labels it."""

    run_id: str
    attempt: int
    """Attempts started so far."""
    address: str
    queue: str
    priority: int | None


_RUN_IDS = uuid.UUID("6f1f2a52-6f43-5c1e-9d59-7c5a53c1d0b7")


def scheduled_run_id(schedule_id: object, scheduled_for: datetime) -> str:
    """The same for every beat that ever computes it: a second row for the slot cannot exist."""
    return _uuid5_text(f"{schedule_id}/{scheduled_for.isoformat()}")


def paused_run_id(schedule_id: object, paused_at: datetime) -> str:
    """The one row for all times that a pause keeps from running."""
    return _uuid5_text(f"{schedule_id}/paused/{paused_at.isoformat()}")


def _uuid5_text(name: str) -> str:
    """`str(uuid5(_RUN_IDS, name))`, which takes twice as long, for each run of a tick."""
    digest = sha1(_RUN_IDS.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def backfill_run_id(schedule_id: uuid.UUID, scheduled_for: datetime, key: str) -> uuid.UUID:
    """The same for every backfill with that key: spans that overlap give a time one run."""
    return uuid.uuid5(_RUN_IDS, f"{schedule_id}/{scheduled_for.isoformat()}/{key}")


def backfill_id(schedule_id: uuid.UUID, from_at: datetime, to_at: datetime, key: str) -> uuid.UUID:
    """The same span with the same key is the same backfill."""
    span = f"{from_at.isoformat()}/{to_at.isoformat()}"
    return uuid.uuid5(_RUN_IDS, f"{schedule_id}/backfill/{span}/{key}")


def requested_run_id(job_id: uuid.UUID, caller: str, request_key: str) -> uuid.UUID:
    """The same for the same caller and key: asking fifty times at once gives one run."""
    return uuid.uuid5(_RUN_IDS, f"{job_id}/{caller}/{request_key}")


# --- Execution: how an attempt ends ----------------------------------------------------------------


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    REFUSED = "refused"
    """The callable may not be run here; trying again cannot help."""
    AGAIN = "again"
    """The callable itself has asked to be called again, by Celery's `self.retry`."""


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """An attempt that is over, with what `decide_end` needs of its run."""

    outcome: Outcome
    attempt: int
    """This attempt's number, from 1."""
    lost_attempts: int
    """Lost attempts in a row before this one."""
    retry: Retry
    on_lost: str | None
    cancel_requested: bool
    error_types: tuple[str, ...] = ()
    """Dotted names of the exception's class and its bases, nearest first."""
    retry_in: timedelta | None = None
    """Given exactly when `outcome` is AGAIN."""


@dataclass(frozen=True, slots=True)
class End:
    """What becomes of the run. `retry_in` is None exactly when `state` is final."""

    state: RunState
    retry_in: timedelta | None = None


def decide_end(ended: AttemptEnd, *, random_fraction: float) -> End:
    """Final, or queued again after a back-off. `random_fraction` in [0, 1) spreads the delay."""
    event = _event(ended)
    retry_in = None
    if event is Event.RETRY:
        retry_in = ended.retry_in
        if retry_in is None:
            retry_in = backoff(ended.retry, ended.attempt, random_fraction)
    return End(transition(RunState.RUNNING, event), retry_in)


def _event(ended: AttemptEnd) -> Event:
    """What the end of the attempt means for its run."""
    if ended.outcome is Outcome.SUCCEEDED:
        return Event.SUCCEED
    if ended.cancel_requested or ended.outcome is Outcome.CANCELLED:
        return Event.CANCEL
    if _may_retry(ended):
        return Event.RETRY
    return Event.LOSE if ended.outcome is Outcome.LOST else Event.FAIL


def _may_retry(ended: AttemptEnd) -> bool:
    match ended.outcome:
        case Outcome.LOST:
            again = ended.on_lost or ("retry" if ended.retry.max_retries >= 1 else "fail")
            # `on_lost: retry` without retries still means: once more, the worker was at fault.
            allowed = max(ended.retry.max_retries, 1)
            return (
                again == "retry"
                and ended.attempt <= allowed
                and ended.lost_attempts + 1 < LOST_IN_A_ROW_MAX
            )
        case Outcome.FAILED:
            return ended.attempt <= ended.retry.max_retries and _is_retried(ended)
        case Outcome.TIMED_OUT:
            return ended.attempt <= ended.retry.max_retries
        case Outcome.AGAIN:
            return True  # Celery's own `max_retries` has been counted by the task itself
        case _:
            return False


def _is_retried(ended: AttemptEnd) -> bool:
    if _names_any(ended.retry.not_for, ended.error_types):
        return False
    return not ended.retry.retry_for or _names_any(ended.retry.retry_for, ended.error_types)


def _names_any(listed: Iterable[str], error_types: Iterable[str]) -> bool:
    """`TimeoutError` names the built-in; everything else is a full dotted path."""
    known = set(error_types)
    return any(name in known or f"builtins.{name}" in known for name in listed)


def backoff(retry: Retry, attempt: int, random_fraction: float) -> timedelta:
    """The wait after failed attempt number `attempt`, never above `max_delay`.

    With `jitter` it lies between one half and the whole of that: enough to part runs that failed
    together, and never so early that the delay means nothing ("equal jitter", M. Brooker, 2015).
    """
    seconds = retry.delay_after(attempt).total_seconds()
    if retry.jitter:
        seconds *= 0.5 + 0.5 * random_fraction
    return timedelta(seconds=seconds)
