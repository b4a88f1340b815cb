"""Celery's scheduler, backed by the database: `celery -A jobrunner.app beat -S jobrunner`.

Any number of them run side by side. Nothing is decided here: a tick calls the flows and then waits
until something is due, somebody notifies, or a second has passed.
"""

import gc
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from random import SystemRandom
from typing import Any

import structlog
from celery import Celery
from celery.beat import Scheduler
from sqlalchemy.exc import DBAPIError

from jobrunner.broker import Sender
from jobrunner.clock import ClockWatch
from jobrunner.counting import Counting
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.glance import Glance, glance
from jobrunner.db.migrate import check_revision
from jobrunner.db.processes import SIGN_OF_LIFE_SECONDS, Process, sign_in, sign_out
from jobrunner.db.wakeups import Listener
from jobrunner.dispatch import BATCH_MESSAGES, dispatch_due, send_unsent
from jobrunner.errors import (
    BrokerUnavailable,
    DatabaseBusy,
    DatabaseUnavailable,
    JobrunnerError,
    SchemaBehind,
    SchemaMismatch,
    first_line,
)
from jobrunner.hand_over import HandOver
from jobrunner.logs import refuse_to_start
from jobrunner.notify.alerter import Alerter
from jobrunner.recording import BATCH_SCHEDULES
from jobrunner.recover import (
    QueueKey,
    Suspicion,
    end_lost_attempts,
    end_or_free_waiting_runs,
    give_back_abandoned,
    resend_after_a_loss_of_all,
    resend_lost_messages,
)
from jobrunner.retime import follow_zone_data
from jobrunner.settings import Settings

POLL_SECONDS = 1.0
"""The guarantee: whatever a NOTIFY would have said is seen this much later at most."""
RECOVER_SECONDS = 1.0
OTHERS_SECONDS = 0.02
"""Between two looks at what is due and cannot be had."""
LAG_SECONDS = 10.0
"""A beat that is so late says so."""
LONGEST_BACKOFF_SECONDS = 4.0
"""A database that is back is in use again in under 5 s, the time to connect included."""
LOG_AGAIN_SECONDS = 30.0

_CHANCE = SystemRandom()  # Python's shared one may have been seeded by whoever else is here

log = structlog.get_logger("jobrunner.beat")


class DatabaseScheduler(Scheduler):
    """Celery builds it twice, once with `lazy=True` for its banner: nothing is opened then."""

    def __init__(self, app: Celery, *, lazy: bool = False, **kwargs: Any) -> None:
        self._loop: Loop | None = None
        super().__init__(app, lazy=lazy, **kwargs)

    def setup_schedule(self) -> None:
        """Called once, and not for a lazy scheduler."""
        settings: Settings = self.app.conf.jobrunner_settings
        # What has been imported stays: to look through it for garbage would cost a tick its time.
        gc.freeze()
        try:
            self._loop = Loop(settings, Sender(self.app))
        except JobrunnerError as error:
            refuse_to_start(error)

    def tick(self, *_args: object, **_kwargs: object) -> float:
        """Do what is due, wait, and ask to be called again at once. No exception leaves it."""
        assert self._loop is not None  # noqa: S101  Celery ticks only a scheduler that is not lazy
        self._loop.run_once()
        return 0.0

    def close(self) -> None:
        """An orderly stop."""
        if self._loop is not None:
            self._loop.close()

    @property
    def info(self) -> str:
        """One line of Celery's banner."""
        return "    . schedules -> database"


class Loop:
    """One beat: its connections, and when it did what. Times are of the monotonic clock.

    UsageError when the database's URL is none, SchemaMismatch when it is newer than this program.
    """

    def __init__(self, settings: Settings, sender: Sender) -> None:
        self._engine = make_engine(settings.database_url, application_name="jobrunner beat")
        self._sender = sender
        self._hand_over = HandOver(self._engine, settings)
        self._alerter = Alerter(settings)
        self._counting = Counting(self._engine)
        self._listener: Listener | None = None
        self._process: Process | None = None
        self._suspicions: Mapping[QueueKey, Suspicion] = {}
        self._clock = ClockWatch()
        self._is_due = self._is_notified = False
        self._is_broker_away = self._is_broker_known = False
        self._recover_at = self._sign_of_life_at = self._try_broker_at = 0.0
        self._failures = 0
        self._back_since: float | None = None
        self._said_at: dict[str, float] = {}
        self._follows_zone_data = False
        self._is_ready = self._has_tables()

    def run_once(self) -> None:
        """One pass and one wait; a database that is away is waited for with a bounded back-off."""
        try:
            if not self._is_ready:
                self._wait_for_tables()
                return
            self._listen()
            if self._is_due and time.monotonic() < self._recover_at:
                self._dispatch()  # what is due is due: a look around would only delay it
            else:
                if self._is_notified:  # most likely somebody has asked for a run, and waits
                    self._is_notified = False
                    self._send_unsent()
                self._look_and_work()
            if self._failures:
                self._failures, self._back_since = 0, time.monotonic()
        except DatabaseBusy as error:
            self._say("tick_blocked", error=error.message)
        except (DatabaseUnavailable, DBAPIError) as error:
            self._database_failed(error)
        except Exception:
            # Whatever it is, the next tick is owed: a scheduler that ends helps nobody.
            log.exception("tick_failed")
            self._hang_up()
            self._back_off()

    def close(self) -> None:
        """Say good-bye and hang up."""
        if self._process is not None:
            try:
                with transaction(self._engine) as connection:
                    sign_out(connection, self._process)
            except (DatabaseUnavailable, DBAPIError):
                log.warning("sign_out_failed")
        self._hand_over.close()
        self._alerter.close()
        self._counting.close()
        self._hang_up()
        self._sender.close()

    def _has_tables(self) -> bool:
        """Whether they are known to be there; a database that is away may have them or not."""
        try:
            check_revision(self._engine)
        except SchemaBehind as error:
            self._say("database_not_ready", error=error.message, hint=error.hint)
            return False
        except (DatabaseUnavailable, DBAPIError):
            return False
        return True

    def _wait_for_tables(self) -> None:
        """Somebody upgrades the database, before or after this process has been started."""
        try:
            check_revision(self._engine)
            self._is_ready = True
        except SchemaMismatch as error:
            self._say("database_not_ready", error=error.message, hint=error.hint)
            time.sleep(POLL_SECONDS)

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = Listener(self._engine)
            self._alerter.start()
            log.info("database_connected")

    def _look_and_work(self) -> None:
        recover = time.monotonic() >= self._recover_at
        asked_at = steady_seconds()
        seen = glance(self._engine, recover=recover)
        self._watch_clock(asked_at, seen.now)
        worked = self._look_for_mark() if recover else 0
        if _is_now(seen.due_in):
            self._tell_lag(seen)
            worked += self._dispatch()
        else:
            self._clock.settle()
        if _is_now(seen.unsent_in):
            worked += self._send_unsent()
        if seen.has_foreign:
            self._hand_over.wake()
        if seen.has_uncounted:
            self._counting.wake()
        if _is_now(seen.abandoned_in):
            worked += give_back_abandoned(self._engine)
        if not self._follows_zone_data:
            self._follows_zone_data = follow_zone_data(self._engine)
            worked += not self._follows_zone_data
        if recover:
            self._recover(seen)
        if not worked:
            self._wait(seen)

    def _look_for_mark(self) -> int:
        """Before anything is sent: what is sent after the loss is not lost."""
        if self._is_broker_away:
            return 0
        try:
            number = resend_after_a_loss_of_all(self._engine, self._sender.has_begun_anew)
        except BrokerUnavailable:
            return 0
        if number:
            log.warning("broker_was_empty", sent_again=number)
        return number

    def _dispatch(self) -> int:
        send = None if self._is_broker_away else self._sender.send
        why_held = partial(self._why_held, steady_seconds())
        due = self._guarded(partial(dispatch_due, self._engine, send, why_held=why_held))
        self._is_due = due >= BATCH_SCHEDULES
        if not self._is_due:
            self._clock.settle()
        return due

    def _why_held(self, asked_at: float, now: datetime) -> str:
        self._watch_clock(asked_at, now.timestamp())
        return self._clock.why_held

    def _watch_clock(self, asked_at: float, database_seconds: float) -> None:
        """What a jump ahead makes overdue was missed by nobody: somebody decides what becomes of it."""
        jump = self._clock.look(
            database_seconds, steady_before=asked_at, steady_after=steady_seconds()
        )
        if jump is not None:
            log.warning(
                "clock_jumped", seconds=round(jump), catch_up="held for what is overdue now"
            )

    def _send_unsent(self) -> int:
        """While the broker is away one run tries it, once a second; the others are left alone."""
        was_away = self._is_broker_away
        if was_away and time.monotonic() < self._try_broker_at:
            return 0
        self._is_broker_away = False
        limit = 1 if was_away else BATCH_MESSAGES
        sent = self._guarded(partial(send_unsent, self._engine, self._sender.send, limit=limit))
        if was_away and not self._is_broker_away:
            log.info("broker_connected")
        return sent

    def _guarded(self, flow: Callable[[], int]) -> int:
        """A broker that is away stops nothing: runs are recorded and wait."""
        try:
            return flow()
        except BrokerUnavailable as error:
            self._is_broker_away = True
            self._try_broker_at = time.monotonic() + POLL_SECONDS
            self._say("broker_unavailable", error=error.message)
            return 1

    def _recover(self, seen: Glance) -> None:
        self._recover_at = time.monotonic() + RECOVER_SECONDS
        if seen.has_lost:
            end_lost_attempts(self._engine, in_touch_for=self._in_touch_for())
        if seen.has_expired or seen.has_held or seen.has_handed_over:
            end_or_free_waiting_runs(self._engine)
        self._suspicions = self._lost_messages() if seen.has_unclaimed else {}
        if time.monotonic() >= self._sign_of_life_at:
            self._sign_of_life_at = time.monotonic() + SIGN_OF_LIFE_SECONDS
            self._warn_of_broker()
            cannot_send = self._hand_over.failures
            details = {"cannot_send": cannot_send} if cannot_send else {}
            with transaction(self._engine) as connection:
                self._process = sign_in(connection, "beat", details=details, earlier=self._process)

    def _warn_of_broker(self) -> None:
        """Once, as soon as it answers; what it throws away is sent again, but seconds late."""
        if not self._is_broker_known:
            try:
                risk = self._sender.risk()
            except BrokerUnavailable:
                return
            self._is_broker_known = True
            if risk:
                log.error("broker_loses_messages", error=risk)

    def _lost_messages(self) -> Mapping[QueueKey, Suspicion]:
        try:
            return resend_lost_messages(self._engine, self._sender.waiting, self._suspicions)
        except BrokerUnavailable:
            return {}

    def _in_touch_for(self) -> timedelta | None:
        """Since the database came back; None: this beat has seen no outage."""
        if self._back_since is None:
            return None
        return timedelta(seconds=time.monotonic() - self._back_since)

    def _wait(self, seen: Glance) -> None:
        """Until something is due, somebody notifies, or a poll is over."""
        unsent_in = seen.unsent_in
        if self._is_broker_away:
            unsent_in = self._try_broker_at - time.monotonic()
        coming = [s for s in (seen.due_in, unsent_in, seen.abandoned_in) if s is not None]
        seconds = min([POLL_SECONDS, *coming])
        if seconds <= 0:  # it is in another beat's hands, or behind somebody's lock
            seconds = OTHERS_SECONDS
        assert self._listener is not None  # noqa: S101  see run_once
        self._is_notified = self._listener.wait(seconds)
        self._is_due = seen.due_in == seconds and not self._is_notified

    def _tell_lag(self, seen: Glance) -> None:
        if seen.due_in is not None and seen.due_in < -LAG_SECONDS:
            self._say("tick_late", seconds=f"{-seen.due_in:.1f}")

    def _database_failed(self, error: Exception) -> None:
        self._say("database_unavailable", error=first_line(error))
        self._hang_up()
        self._back_off()

    def _back_off(self) -> None:
        self._failures += 1
        bound = min(0.1 * 2**self._failures, LONGEST_BACKOFF_SECONDS)
        time.sleep(bound * _CHANCE.uniform(0.5, 1.0))

    def _hang_up(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._engine.dispose()

    def _say(self, event: str, **fields: str) -> None:
        """One line at once and one each half minute, however often it happens."""
        now = time.monotonic()
        if now >= self._said_at.get(event, 0.0):
            self._said_at[event] = now + LOG_AGAIN_SECONDS
            log.warning(event, **fields)


def steady_seconds() -> float:
    """Of a clock that nobody can set, and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _is_now(seconds: float | None) -> bool:
    return seconds is not None and seconds <= 0
