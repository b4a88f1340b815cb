"""Runs that are over → totals, in a thread of a beat: to count them delays nothing that is due."""

import time

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.db.engine import transaction
from jobrunner.db.totals import count_ended
from jobrunner.errors import DatabaseUnavailable, first_line
from jobrunner.woken_thread import WokenThread

BATCH_RUNS = 5_000
_LOG_AGAIN_SECONDS = 30.0

log = structlog.get_logger("jobrunner.counting")


class Counting:
    """The thread. It sleeps until it is woken."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = WokenThread("counting", self._count_all_or_say)
        self._say_at = 0.0

    def wake(self) -> None:
        """There is something to count. The first call starts the thread."""
        self._thread.wake()

    def close(self) -> None:
        """No new batch is begun."""
        self._thread.close()

    def _count_all_or_say(self) -> None:
        try:
            self._count_all()
        except (DatabaseUnavailable, DBAPIError) as error:
            self._say(first_line(error))
        except Exception:
            # Whatever it is, the next runs are to be counted; without this thread nobody does.
            log.exception("counting_failed")

    def _count_all(self) -> None:
        while not self._thread.is_over:
            started_at = time.monotonic()
            if not self.run_once():
                return
            # As long a rest as there was work: what fires meanwhile finds the disk free half of the time.
            self._thread.rest(time.monotonic() - started_at)

    def run_once(self) -> bool:
        """One batch; whether it was full."""
        with transaction(self._engine) as connection:
            return count_ended(connection, limit=BATCH_RUNS) == BATCH_RUNS

    def _say(self, problem: str) -> None:
        """At once, and once each half minute, however often it happens."""
        if time.monotonic() >= self._say_at:
            self._say_at = time.monotonic() + _LOG_AGAIN_SECONDS
            log.warning("counting_failed", error=problem)
