"""A beat's thread for alerts: it looks for what went wrong, and sends what is owed, a few at a time.

It has a connection of its own, and the messages processes of their own; a tick waits for neither.
"""

import threading
import time

import structlog
from sqlalchemy.exc import DBAPIError

from jobrunner.alerts.message import Message
from jobrunner.alerts.tries import next_try_in
from jobrunner.db import notifications
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.notifications import Notification
from jobrunner.errors import DatabaseUnavailable, first_line
from jobrunner.notify.child import ALIVE_SECONDS, Answer, Assignment, check_settings
from jobrunner.notify.look import look
from jobrunner.notify.rests import Rests
from jobrunner.notify.under_way import UnderWay
from jobrunner.settings import Settings

LEASE_SECONDS = ALIVE_SECONDS + 20
"""Another beat sends it again when nothing was heard of it for so long."""
LOOK_SECONDS = 2.0
_ANSWER_SECONDS = 0.2
"""So long it waits for an answer before it looks whether it is to stop."""
_LOG_AGAIN_SECONDS = 30.0

log = structlog.get_logger("jobrunner.alerts")


class Alerter:
    """The thread and what it has started; `close` once. Raises UsageError for a key that is too short."""

    def __init__(self, settings: Settings) -> None:
        check_settings(settings)
        self._settings = settings
        self._engine = make_engine(
            settings.database_url, application_name="jobrunner alerts", pool_size=1
        )
        self._under_way = UnderWay()
        self._rests = Rests()
        self._over = threading.Event()
        self._look_at = self._say_at = 0.0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if it is not there yet."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._repeat, name="alerts", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """What is under way is stopped: another beat sends it again."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(1.0)
        self._under_way.close()
        self._engine.dispose()

    def _repeat(self) -> None:
        while not self._over.wait(0 if self._under_way.receivers() else LOOK_SECONDS):
            self.run_once()

    def run_once(self) -> None:
        """One look at what is under way, at what went wrong and at what is owed; a database that is away
        is waited for.
        """
        try:
            is_somebody_free = self._note_answers()
            is_time = time.monotonic() >= self._look_at
            if is_time:
                self._look_at = time.monotonic() + LOOK_SECONDS
                look(self._engine)
            if is_time or is_somebody_free:
                self._send_due()
        except (DatabaseUnavailable, DBAPIError) as error:
            self._say("database_unavailable", first_line(error))
        except Exception:
            # Whatever it is, others are owed their messages; without this thread nobody is told.
            log.exception("alerts_failed")

    def _note_answers(self) -> bool:
        """Whether there was one: its receiver may have the next message."""
        answers = list(self._under_way.answers(_ANSWER_SECONDS))
        for notification, answer in answers:
            self._note(notification, answer)
        return bool(answers)

    def _send_due(self) -> None:
        room = self._under_way.room()
        if not room:
            return
        with transaction(self._engine) as connection:
            taken = notifications.take_due(
                connection,
                busy=[*self._under_way.receivers(), *self._rests.receivers()],
                limit=room,
                lease_seconds=LEASE_SECONDS,
            )
        for notification in taken:
            self._begin(notification)

    def _begin(self, notification: Notification) -> None:
        if notification.url is None:
            self._note(notification, Answer(error="the project has no such notifier any more"))
            return
        message = Message.model_validate(notification.message)
        assignment = Assignment(settings=self._settings, url=notification.url, message=message)
        try:
            self._under_way.begin(notification, assignment)
        except OSError as error:  # no process, no memory or no descriptor is left
            self._note(notification, Answer(error=f"its process cannot be started: {error}"))

    def _note(self, notification: Notification, answer: Answer) -> None:
        note_rest = self._rests.note_failed if answer.error else self._rests.note_taken
        note_rest(notification.receiver)
        with transaction(self._engine) as connection:
            if answer.error:
                retry_in = next_try_in(notification.tries, notification.age)
                notifications.note_failed(connection, notification, answer.error, retry_in)
            else:
                notifications.note_sent(connection, notification)
        fields = {"notifier": notification.notifier, "tries": notification.tries}
        if answer.error:
            log.warning("alert_not_sent", **fields, error=answer.error)
        else:
            log.info("alert_sent", **fields, answer=answer.said)

    def _say(self, event: str, error: str) -> None:
        """One line at once and one each half minute, however often it happens."""
        if time.monotonic() >= self._say_at:
            self._say_at = time.monotonic() + _LOG_AGAIN_SECONDS
            log.warning(event, error=error)
