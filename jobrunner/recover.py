"""Put right what went wrong on the way: attempts whose worker is gone, messages that are lost, runs
whose time to start has passed, runs that wait for nothing.

A lost attempt is a failed attempt. With retries left its run is queued again, otherwise it ends.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom

import structlog
from sqlalchemy import Connection, Engine

from jobrunner.broker import Waiting
from jobrunner.crash_points import reach
from jobrunner.db import attempts, foreign, holding, outbox, unclaimed
from jobrunner.db.attempts import LEASE_SECONDS, Claim, ClaimedRun, Ending
from jobrunner.db.engine import transaction
from jobrunner.run import Outcome, RunState, decide_end

_LOST_BATCH = 100
_WAITING_BATCH = 1_000
MESSAGE_LOST_AFTER = timedelta(seconds=5)

QueueKey = tuple[str, int]
"""A queue and a priority: messages overtake each other only across priorities."""

_CHANCE = SystemRandom()  # Python's shared one may have been seeded by whoever else is here

log = structlog.get_logger("jobrunner.recover")


@dataclass(frozen=True, slots=True)
class Death:
    """How an attempt ended that can no longer speak for itself."""

    claim: Claim
    outcome: Outcome
    """lost, timed_out or cancelled."""
    error: str
    """One line."""
    memory_peak_bytes: int | None = None
    """The most that one of its processes was seen to hold."""


def end_lost_attempts(
    engine: Engine,
    *,
    in_touch_for: timedelta | None = None,
    settle_for: timedelta = timedelta(seconds=LEASE_SECONDS),
) -> int:
    """End attempts whose lease has run out; how many there were.

    After an outage of the database every worker must first get the chance to renew: nothing is
    lost before the server has been up `settle_for`, nor before the caller itself has been
    `in_touch_for` as long with it (None: the caller cannot tell).
    """
    if in_touch_for is not None and in_touch_for < settle_for:
        return 0
    with transaction(engine) as connection:
        lost = attempts.lost_attempts(
            connection, limit=_LOST_BATCH, settle_seconds=settle_for.total_seconds()
        )
        for run in lost:
            told = _WHY_LOST[run.spec.delivery]
            _end(connection, run, Death(run.claim, Outcome.LOST, told))
            reach("lost_attempt_ended")
    return len(lost)


_WHY_LOST = {
    "claim": "the worker died, or was cut off from the database",
    "tracked": "its Celery app's worker reported no end within the time limit",
}


def end_dead_attempt(engine: Engine, death: Death) -> RunState | None:
    """End an attempt whose process is gone; None when it has already ended, or never began."""
    with transaction(engine) as connection:
        run = attempts.read_running(connection, death.claim)
        return None if run is None else _end(connection, run, death)


def _end(connection: Connection, run: ClaimedRun, death: Death) -> RunState | None:
    end = decide_end(
        run.ended(death.outcome),
        random_fraction=_CHANCE.random(),
    )
    ending = Ending(
        state=end.state,
        attempt_state=attempts.attempt_state(death.outcome),
        retry_in=end.retry_in,
        error_type={Outcome.TIMED_OUT: "timeout"}.get(death.outcome, death.outcome.value),
        error=death.error,
        memory_peak_bytes=death.memory_peak_bytes,
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


def give_back_abandoned(engine: Engine) -> int:
    """Take what a beat was sending that is gone, so that the next tick sends it; how many runs."""
    with transaction(engine) as connection:
        given_back = outbox.give_back_abandoned(connection)
        reach("batch_given_back")
    return given_back


def end_or_free_waiting_runs(engine: Engine) -> int:
    """End queued runs that have expired, or that another app was given and has not started in time;
    free those that wait for a run that is over.
    """
    with transaction(engine) as connection:
        expired = unclaimed.expire_runs(connection, limit=_WAITING_BATCH)
        expired += foreign.lose_unstarted(connection, limit=_WAITING_BATCH)
        reach("runs_expired")
        freed = holding.release_held(connection, limit=_WAITING_BATCH)
    return expired + freed


def resend_after_a_loss_of_all(engine: Engine, has_begun_anew: Callable[[], bool]) -> int:
    """Give back all runs that were sent, when the broker has lost its mark; how many there were.

    The mark lies beside the messages, so whatever took it has taken them. Nobody waits for more
    evidence. A process that dies in between has only the other way left, which takes seconds more.
    """
    if not has_begun_anew():
        return 0
    reach("mark_set")
    with transaction(engine) as connection:
        return unclaimed.unsend_all(connection)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Evidence that messages of a queue are gone: everything sent before `sent_before`."""

    since: datetime
    sent_before: datetime


def resend_lost_messages(
    engine: Engine,
    look: Callable[[str], Waiting],
    suspicions: Mapping[QueueKey, Suspicion],
) -> Mapping[QueueKey, Suspicion]:
    """Give back runs whose message is lost, so that the next tick sends them again.

    Lost means evidence, not age: for five seconds the queue has been empty, or its oldest message
    was sent so much later than the run that it cannot have overtaken it. A long queue is not a
    loss. `suspicions` is what the last call returned.
    """
    with transaction(engine) as connection:
        waiting = unclaimed.sent_and_waiting(connection, age=MESSAGE_LOST_AFTER)
    if not waiting:
        return {}
    now = waiting[0].now
    found = _suspect(waiting, look, suspicions)
    proved = {key: s.sent_before for key, s in found.items() if now - s.since >= MESSAGE_LOST_AFTER}
    if proved:
        reach("loss_proved")
        with transaction(engine) as connection:
            for (queue, priority), sent_before in proved.items():
                unclaimed.unsend(connection, queue, priority, sent_before=sent_before)
    return {key: suspicion for key, suspicion in found.items() if key not in proved}


def _suspect(
    waiting: Sequence[unclaimed.SentAndWaiting],
    look: Callable[[str], Waiting],
    suspicions: Mapping[QueueKey, Suspicion],
) -> dict[QueueKey, Suspicion]:
    """The queues with evidence now; one that had it before keeps its beginning and its bound."""
    found: dict[QueueKey, Suspicion] = {}
    queues = {key.queue: look(key.queue) for key in waiting}
    for sent in waiting:
        oldest = queues[sent.queue].oldest_sent_at.get(sent.priority)
        if oldest is None and queues[sent.queue].depth and not queues[sent.queue].oldest_sent_at:
            continue  # the broker cannot tell how old its messages are
        sent_before = (sent.now if oldest is None else oldest) - outbox.IN_THE_BROKER_AFTER
        if sent.oldest_sent_at < sent_before:
            key = (sent.queue, sent.priority)
            found[key] = suspicions.get(key) or Suspicion(sent.now, sent_before)
    return found
