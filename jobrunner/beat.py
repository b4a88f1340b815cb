"""Celery's scheduler, backed by the database: `celery -A jobrunner.app beat -S jobrunner`.

Any number of them run side by side. Nothing is decided here: a tick calls the flows and then waits
until something is due, somebody notifies, or a second has passed.
"""

import random
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from celery import Celery
from celery.beat import Scheduler
from sqlalchemy.exc import DBAPIError

from jobrunner.broker import Sender
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.migrate import check_revision_if_up
from jobrunner.db.processes import SIGN_OF_LIFE_SECONDS, Process, sign_in, sign_out
from jobrunner.db.schedules import seconds_until_next
from jobrunner.db.wakeups import Listener
from jobrunner.dispatch import dispatch_due, send_unsent
from jobrunner.errors import BrokerUnavailable, DatabaseUnavailable, JobrunnerError, first_line
from jobrunner.logs import refuse_to_start
from jobrunner.recover import (
    QueueKey,
    Suspicion,
    end_lost_attempts,
    end_or_free_waiting_runs,
    resend_lost_messages,
)
from jobrunner.settings import Settings

POLL_SECONDS = 1.0
"""The guarantee: whatever a NOTIFY would have said is seen this much later at most."""
RECOVER_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 4.0
"""A database that is back is in use again in under 5 s, the time to connect included."""
LOG_AGAIN_SECONDS = 30.0

log = structlog.get_logger("jobrunner.beat")


class DatabaseScheduler(Scheduler):
    """Celery builds it twice, once with `lazy=True` for its banner: nothing is opened then."""

    def __init__(self, app: Celery, *, lazy: bool = False, **kwargs: Any) -> None:
        self._loop: Loop | None = None
        super().__init__(app, lazy=lazy, **kwargs)

    def setup_schedule(self) -> None:
        """Called once, and not for a lazy scheduler."""
        settings: Settings = self.app.conf.jobrunner_settings
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

    UsageError when the database's URL is none, SchemaMismatch when it is up and of no use.
    """

    def __init__(self, settings: Settings, sender: Sender) -> None:
        self._engine = make_engine(settings.database_url, application_name="jobrunner beat")
        check_revision_if_up(self._engine)
        self._sender = sender
        self._listener: Listener | None = None
        self._process: Process | None = None
        self._suspicions: Mapping[QueueKey, Suspicion] = {}
        self._recover_at = self._sign_of_life_at = 0.0
        self._failures = 0
        self._back_since: float | None = None
        self._is_broker_away = False
        self._said_at: dict[str, float] = {}

    def run_once(self) -> None:
        """One pass and one wait; a database that is away is waited for with a bounded back-off."""
        try:
            self._listen()
            worked = self._work()
            if self._failures:
                self._failures, self._back_since = 0, time.monotonic()
            if not worked:
                self._wait()
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
        self._hang_up()
        self._sender.close()

    def _work(self) -> bool:
        """One batch of everything; True when there may be more at once."""
        self._is_broker_away = False
        due = self._guarded(partial(dispatch_due, self._engine, self._sender.send))
        unsent = self._guarded(partial(send_unsent, self._engine, self._sender.send))
        if time.monotonic() >= self._recover_at:
            self._recover()
        return due > 0 or unsent > 0

    def _guarded(self, flow: Callable[[], int]) -> int:
        """A broker that is away stops nothing: runs are recorded and wait."""
        try:
            return flow()
        except BrokerUnavailable as error:
            self._is_broker_away = True
            self._say("broker_unavailable", error=error.message)
            return 0

    def _recover(self) -> None:
        self._recover_at = time.monotonic() + RECOVER_SECONDS
        end_lost_attempts(self._engine, in_touch_for=self._in_touch_for())
        end_or_free_waiting_runs(self._engine)
        try:
            self._suspicions = resend_lost_messages(
                self._engine,
                self._sender.waiting,
                self._sender.delivered_run_ids,
                self._suspicions,
            )
        except BrokerUnavailable:
            self._suspicions = {}
        if time.monotonic() >= self._sign_of_life_at:
            self._sign_of_life_at = time.monotonic() + SIGN_OF_LIFE_SECONDS
            with transaction(self._engine) as connection:
                self._process = sign_in(connection, "beat", earlier=self._process)

    def _in_touch_for(self) -> timedelta | None:
        """Since the database came back; None: this beat has seen no outage."""
        if self._back_since is None:
            return None
        return timedelta(seconds=time.monotonic() - self._back_since)

    def _wait(self) -> None:
        with transaction(self._engine) as connection:
            seconds = seconds_until_next(connection)
        timeout_seconds = POLL_SECONDS if seconds is None else min(seconds, POLL_SECONDS)
        if self._is_broker_away:
            # What waits to be sent is overdue all the time; without a pause it would be tried, and
            # its rows written, without end.
            timeout_seconds = POLL_SECONDS
        if timeout_seconds > 0 and self._listener is not None:
            self._listener.wait(timeout_seconds)

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = Listener(self._engine)
            log.info("database_connected")

    def _database_failed(self, error: Exception) -> None:
        self._say("database_unavailable", error=first_line(error))
        self._hang_up()
        self._back_off()

    def _back_off(self) -> None:
        self._failures += 1
        bound = min(0.1 * 2**self._failures, LONGEST_BACKOFF_SECONDS)
        time.sleep(bound * random.uniform(0.5, 1.0))  # noqa: S311  spreads reconnects, no secret

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
