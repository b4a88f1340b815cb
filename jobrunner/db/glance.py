"""What there is to do for a beat, asked in one statement: a beat at rest asks nothing else."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine

from jobrunner.db.engine import alone, single_statement
from jobrunner.db.outbox import ABANDONED_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Glance:
    """Seconds are from now by the database's clock, negative when it is late; None: there is none."""

    now: float
    """The database's clock, in seconds since 1970."""
    due_in: float | None
    """The next schedule."""
    unsent_in: float | None
    """The first run that waits to be sent."""
    abandoned_in: float | None
    """The oldest batch that somebody sends is taken for abandoned then, if nobody holds it."""
    has_lost: bool
    """Attempts whose lease has run out. This and what follows: False unless asked for."""
    has_expired: bool
    """Runs that wait beyond their time to start."""
    has_held: bool
    """Runs that wait for others."""
    has_unclaimed: bool
    """Runs that were sent a while ago and that nobody has claimed."""
    has_foreign: bool
    """Runs that another app's workers are to be given, or told to drop; the latter only if asked for."""
    has_handed_over: bool
    """Runs that another app's workers were given and have not started."""
    has_uncounted: bool
    """Runs that are over and that the totals do not have."""


# The conditions are those under which one is taken: what is seen here and never taken would keep
# every beat awake. `:recover` is written into the statement, so the planner leaves out the rest.
_GLANCE = alone("""
    SELECT extract(epoch FROM clock_timestamp()) AS now,
           (SELECT extract(epoch FROM min(next_run_at)) FROM jobrunner.schedules
             WHERE next_run_at IS NOT NULL) AS due_at,
           (SELECT extract(epoch FROM min(available_at)) FROM jobrunner.runs
             WHERE state = 'queued' AND sent_at IS NULL AND NOT held AND delivery = 'claim'
               AND (attempt > 0 OR expires_at IS NULL
                    OR expires_at > statement_timestamp())) AS unsent_at,
           (SELECT extract(epoch FROM min(sent_at)) FROM jobrunner.outbox) AS sent_at,
           :recover AND EXISTS (SELECT FROM jobrunner.runs
             WHERE state = 'running' AND lease_until < clock_timestamp()) AS has_lost,
           :recover AND EXISTS (SELECT FROM jobrunner.runs
             WHERE state = 'queued' AND attempt = 0
               AND expires_at <= statement_timestamp()) AS has_expired,
           :recover AND (SELECT job_id FROM jobrunner.runs
             WHERE held ORDER BY job_id LIMIT 1) IS NOT NULL AS has_held,
           :recover AND EXISTS (SELECT FROM jobrunner.runs
             WHERE state = 'queued' AND delivery = 'claim'
               AND sent_at < statement_timestamp() - interval '5 seconds') AS has_unclaimed,
           EXISTS (SELECT FROM jobrunner.runs
             WHERE state = 'queued' AND sent_at IS NULL AND NOT held AND delivery <> 'claim'
               AND available_at <= statement_timestamp()
               AND (expires_at IS NULL OR expires_at > statement_timestamp()))
             OR :recover AND EXISTS (SELECT FROM jobrunner.runs
             WHERE delivery = 'tracked' AND cancel_requested_at IS NOT NULL
               AND revoked_at IS NULL) AS has_foreign,
           :recover AND EXISTS (SELECT FROM jobrunner.runs
             WHERE delivery = 'tracked' AND finished_at IS NULL AND state = 'queued'
               AND sent_at IS NOT NULL) AS has_handed_over,
           :recover AND EXISTS (SELECT FROM jobrunner.runs
             WHERE finished_at IS NOT NULL AND NOT is_counted) AS has_uncounted
""")


def glance(engine: Engine, *, recover: bool) -> Glance:
    """What there is to do now; with `recover` also what goes wrong, which is seldom urgent."""
    with single_statement(engine) as connection:
        row = connection.execute(_GLANCE, {"recover": recover}).one()
    return Glance(
        now=float(row.now),
        due_in=_after(row.due_at, row.now),
        unsent_in=_after(row.unsent_at, row.now),
        abandoned_in=_after(row.sent_at, row.now, ABANDONED_AFTER_SECONDS),
        has_lost=row.has_lost,
        has_expired=row.has_expired,
        has_held=row.has_held,
        has_unclaimed=row.has_unclaimed,
        has_foreign=row.has_foreign,
        has_handed_over=row.has_handed_over,
        has_uncounted=row.has_uncounted,
    )


def _after(at: Decimal | None, now: Decimal, delay_seconds: float = 0.0) -> float | None:
    return None if at is None else float(at - now) + delay_seconds
