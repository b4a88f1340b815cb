"""Runs of `celery_task` jobs → ordinary Celery messages to another app's own workers.

T1 makes a batch of one app's runs · T2 locks it, sends it, ends it. When T2 is committed, nothing that the
broker has is ever sent again; a beat that dies before leaves it to another, which sends it with the same ids.
It goes on in a thread of its own: an app that cannot be imported or reached keeps nobody else waiting.
"""

import sys
import time
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner import foreign_apps
from jobrunner.db import foreign, outbox
from jobrunner.db.engine import transaction
from jobrunner.errors import DatabaseUnavailable, JobrunnerError, first_line
from jobrunner.files import read_project
from jobrunner.foreign_apps import ForeignApps, Sent
from jobrunner.settings import Settings
from jobrunner.woken_thread import WokenThread

BATCH_MESSAGES = 100
REST_SECONDS = 5.0
"""An app that failed is left alone for so long."""
REFUSED_REST_SECONDS = 30.0
"""A run that its app does not take is not tried again for so long: others are behind it."""
_LOG_AGAIN_SECONDS = 30.0
_TOLD_SECONDS = 60.0
"""A failure counts for so long: while runs wait, it is met again sooner."""

log = structlog.get_logger("jobrunner.hand_over")


class HandOver:
    """The thread of a beat. It sleeps until it is woken."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._apps: ForeignApps | None = None
        self._thread = WokenThread("hand over", self._send_all_or_say)
        self._rests_until: dict[str, float] = {}
        self._refused_until: dict[str, float] = {}
        self._said_at: dict[str, float] = {}
        self._failures: dict[str, tuple[float, str]] = {}
        """By app: until when it counts, and what is told of it."""

    def wake(self) -> None:
        """There is something to send or to revoke. The first call starts the thread."""
        self._thread.wake()

    def close(self) -> None:
        """No new batch is begun."""
        self._thread.close()

    @property
    def failures(self) -> list[str]:
        """Why runs of other apps are not sent now; none: they are, or there are none."""
        now = time.monotonic()
        return [told for until, told in tuple(self._failures.values()) if until > now]

    def _send_all_or_say(self) -> None:
        try:
            while self.run_once() and not self._thread.is_over:
                pass
        except (DatabaseUnavailable, DBAPIError) as error:
            self._say("database_unavailable", "", first_line(error))
        except JobrunnerError as error:
            self._say("hand_over_failed", "", error.message)
        except Exception:
            # Whatever it is, other apps are owed their messages; without this thread nobody sends.
            log.exception("hand_over_failed")

    def run_once(self) -> bool:
        """One batch of messages, or of revocations; False when there is nothing to do now."""
        now = time.monotonic()
        resting = [app for app, until in self._rests_until.items() if until > now]
        self._refused_until = {run: at for run, at in self._refused_until.items() if at > now}
        with transaction(self._engine) as connection:
            app = foreign.next_app(connection, resting=resting, refused=[*self._refused_until])
            revoked = foreign.to_revoke(connection, resting=resting, limit=BATCH_MESSAGES)
        if app is None and not revoked:
            return False
        path = revoked[0].app if app is None else app
        try:
            if revoked:
                path = revoked[0].app
                self._revoke(path, [one.run_id for one in revoked if one.app == path])
            if app is not None:
                path = app
                self._send(path)
        except DatabaseUnavailable:
            raise
        except JobrunnerError as error:
            self._rests_until[path] = time.monotonic() + REST_SECONDS
            self._failures[path] = (time.monotonic() + _TOLD_SECONDS, error.message)
            self._say("hand_over_failed", path, error.message)
        else:
            self._failures.pop(path, None)
        return True

    def _send(self, path: str) -> None:
        app = self._open_apps().open(path)  # before the batch is made: it may take long
        with transaction(self._engine) as connection:
            taken = foreign.take_unsent(
                connection, path, refused=[*self._refused_until], limit=BATCH_MESSAGES
            )
        if taken is None:
            return
        with transaction(self._engine) as connection:
            if not outbox.begin_to_send(connection, taken.batch):
                return  # this process stood still for long: others have it, or will
            sent = foreign_apps.send(app, path, taken.runs)
            foreign.end_sent(connection, sent.run_ids)
            outbox.give_back(connection, taken.batch.without(sent.run_ids))
        self._note_refused(path, sent)
        if sent.failure is not None:
            raise sent.failure
        log.debug("handed_over", app=path, runs=len(sent.run_ids))

    def _note_refused(self, path: str, sent: Sent) -> None:
        until = time.monotonic() + REFUSED_REST_SECONDS
        self._refused_until |= dict.fromkeys(sent.refused, until)
        if sent.refusal is not None:
            self._say("run_refused", path, sent.refusal.message)

    def _revoke(self, path: str, run_ids: list[str]) -> None:
        foreign_apps.revoke(self._open_apps().open(path), path, run_ids)
        with transaction(self._engine) as connection:
            foreign.note_revoked(connection, run_ids)

    def _open_apps(self) -> ForeignApps:
        """What this beat may load is decided on its own side: by its settings and its project file."""
        if self._apps is None:
            named = self._settings.config
            files = read_project(
                config=Path(named) if named else None, working_directory=Path.cwd()
            )
            if str(files.root) not in sys.path:  # modules beside the file are found
                sys.path.insert(0, str(files.root))
            allow = self._settings.allow_tasks or files.project.allow.tasks
            self._apps = ForeignApps(self._settings, allow=allow, own=files.project.celery.app)
        return self._apps

    def _say(self, event: str, app: str, error: str) -> None:
        """One line at once and one each half minute, however often it happens."""
        now = time.monotonic()
        if now >= self._said_at.get(app + event, 0.0):
            self._said_at[app + event] = now + _LOG_AGAIN_SECONDS
            log.warning(event, app=app, error=error)
