"""Put right what went wrong on the way: attempts whose worker is gone.

A lost attempt is a failed attempt. With retries left its run is queued again, otherwise it ends.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Connection, Engine

from jobrunner.db import attempts
from jobrunner.db.attempts import LEASE_SECONDS, Claim, ClaimedRun, Ending
from jobrunner.db.engine import transaction
from jobrunner.run import AttemptEnd, Outcome, RunState, decide_end

_LOST_BATCH = 100

log = structlog.get_logger("jobrunner.recover")


@dataclass(frozen=True, slots=True)
class Death:
    """How an attempt ended that can no longer speak for itself."""

    claim: Claim
    outcome: Outcome
    """lost, timed_out or cancelled."""
    error: str
    """One line."""


def end_lost_attempts(engine: Engine, *, in_touch_for: timedelta | None = None) -> int:
    """End attempts whose lease has run out; how many there were.

    After an outage of the database every worker must first get the chance to renew: nothing is
    lost within one lease of the server's start, nor before the caller itself has been
    `in_touch_for` a lease with it (None: the caller cannot tell).
    """
    if in_touch_for is not None and in_touch_for < timedelta(seconds=LEASE_SECONDS):
        return 0
    with transaction(engine) as connection:
        lost = attempts.lost_attempts(connection, limit=_LOST_BATCH)
        for run in lost:
            told = "the worker died, or was cut off from the database"
            _end(connection, run, Death(run.claim, Outcome.LOST, told))
    return len(lost)


def end_dead_attempt(engine: Engine, death: Death) -> RunState | None:
    """End an attempt whose process is gone; None when it has already ended, or never began."""
    with transaction(engine) as connection:
        run = attempts.read_running(connection, death.claim)
        return None if run is None else _end(connection, run, death)


def _end(connection: Connection, run: ClaimedRun, death: Death) -> RunState | None:
    end = decide_end(
        AttemptEnd(
            outcome=death.outcome,
            attempt=run.attempt,
            lost_attempts=run.lost_attempts,
            retry=run.spec.retry,
            on_lost=run.spec.on_lost,
            cancel_requested=run.cancel_requested,
        ),
        random_fraction=random.random(),  # noqa: S311  spreads retries, no secret
    )
    ending = Ending(
        state=end.state,
        attempt_state=attempts.attempt_state(death.outcome),
        retry_in=end.retry_in,
        error_type={Outcome.TIMED_OUT: "timeout"}.get(death.outcome, death.outcome.value),
        error=death.error,
    )
    state = attempts.finish(connection, run.claim, ending)
    log.warning(
        "attempt_ended_for_it",
        run=str(run.claim.run_id),
        job=run.address,
        attempt=run.attempt,
        outcome=death.outcome.value,
        state=None if state is None else state.value,
        error=death.error,
    )
    return state
