"""Other Celery apps, as a sender sees them: loaded by their dotted path, given ordinary messages.

Nothing of them is used but what `app.send_task` uses: broker, serializer, routes. Their code is the
user's, and so is what it raises.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from celery import Celery

from jobrunner.broker import PRIORITY_MAX, make_app
from jobrunner.callables import load_object
from jobrunner.db.foreign import ForeignRun
from jobrunner.errors import BrokerUnavailable, CallableError, JobrunnerError, first_line
from jobrunner.settings import Settings
from jobrunner.spec.celery_task import ROUTED_QUEUE
from jobrunner.spec.paths import is_allowed
from jobrunner.tracing import traceparent_of_run

RUN_HEADER = "jobrunner_run"
"""A message's header that tells a run of ours from the app's other tasks."""
SEND_SECONDS = 2.0
"""Who sends holds the batch by a transaction. With the wait for a connection it must stay below the time
after which the server ends one that is idle: all would be sent again."""


class ForeignApps:
    """The apps that this process sends to, each loaded once."""

    def __init__(self, settings: Settings, *, allow: Sequence[str], own: str | None) -> None:
        """`own`: the app of the project file here, which is allowed whatever `allow` says."""
        self._settings = settings
        self._allow = tuple(allow)
        self._own = own
        self._apps: dict[str, Celery] = {}

    def open(self, path: str) -> Celery:
        """The app behind a dotted path; jobrunner's own broker for ''. Raises JobrunnerError."""
        found = self._apps.get(path)
        if found is None:
            found = self._apps[path] = self._load(path) if path else make_app(self._settings)
        return found

    def _load(self, path: str) -> Celery:
        if path != self._own and not is_allowed(path, self._allow):
            raise CallableError(
                f"The Celery app {path} may not be loaded here.",
                kind="refused",
                hint="Add it to JOBRUNNER_ALLOW_TASKS of this beat.",
            )
        found = load_object(path)
        if not isinstance(found, Celery):
            raise CallableError(
                f"{path} is no Celery app but a value of class {type(found).__name__}.",
                kind="missing",
                hint="Correct celery: {app: …} in the project file.",
            )
        return found


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a batch. Runs that the broker has must never be sent again."""

    run_ids: frozenset[str]
    refused: frozenset[str]
    """Runs that the app does not take, such as for a queue that it does not know."""
    refusal: JobrunnerError | None
    """Why, for the first of them."""
    failure: JobrunnerError | None
    """Why all the others were not sent, unless it is the time."""


def send(app: Celery, path: str, runs: Sequence[ForeignRun]) -> Sent:
    """Publish one message a run, in order, with the run's id as the task's.

    Whatever the app or its broker raises is told and no exception. One run that the app refuses keeps
    none behind it waiting. After `SEND_SECONDS` no further one is begun.
    """
    sent: set[str] = set()
    refused: dict[str, JobrunnerError] = {}
    failure: JobrunnerError | None = None
    ends_at = time.monotonic() + SEND_SECONDS
    try:
        with _connection(app) as connection, app.amqp.Producer(connection) as producer:
            for run in runs:
                if time.monotonic() > ends_at:
                    break
                try:
                    _send_one(app, path, run, producer)
                    sent.add(run.run_id)
                except Exception as error:  # its routes and signals are the user's code
                    if _is_of_connection(connection, error):
                        raise
                    refused[run.run_id] = _refuses(path, run, error)
    except Exception as error:  # noqa: BLE001  the same
        failure = _unavailable(path, error)
    refusal = next(iter(refused.values()), None)
    return Sent(frozenset(sent), frozenset(refused), refusal, failure)


def _is_of_connection(connection: Any, error: Exception) -> bool:
    # Celery's QueueNotFound is a KeyError, and kombu counts each of those as one of Redis.
    return isinstance(error, connection.connection_errors) and not isinstance(error, KeyError)


def _send_one(app: Celery, path: str, run: ForeignRun, producer: Any) -> None:
    app.send_task(
        run.task,
        args=list(run.args),
        kwargs=run.kwargs,
        task_id=run.run_id,
        producer=producer,
        retry=False,
        headers={
            RUN_HEADER: run.run_id,
            "traceparent": traceparent_of_run(UUID(run.run_id), run.traceparent),
        },
        expires=run.expires_at,
        **_route(path, run, is_redis=producer.connection.transport.driver_type == "redis"),
    )


def revoke(app: Celery, path: str, run_ids: Sequence[str]) -> None:
    """Tell the app's workers to drop these, and to end those that run. Raises BrokerUnavailable."""
    try:
        with _connection(app) as connection:
            app.control.revoke(list(run_ids), terminate=True, connection=connection)
    except Exception as error:
        raise _unavailable(path, error) from error


def _connection(app: Celery) -> Any:
    connection = app.connection_for_write(connect_timeout=2)
    connection.ensure_connection(max_retries=0)
    return connection


def _route(path: str, run: ForeignRun, *, is_redis: bool) -> Mapping[str, Any]:
    """Options of `send_task`; what is not given is the app's own business."""
    options: dict[str, Any] = {}
    if run.queue != ROUTED_QUEUE or not path:
        options["queue"] = run.queue
    if run.priority is not None:
        # Ours is 9 highest, as in AMQP. Redis counts the other way.
        options["priority"] = PRIORITY_MAX - run.priority if is_redis else run.priority
    return options


def _refuses(path: str, run: ForeignRun, error: Exception) -> JobrunnerError:
    return CallableError(
        f"The Celery app {path or 'of jobrunner'} does not take run {run.run_id} of {run.task}: "
        f"{type(error).__name__}: {first_line(error)}",
        kind="refused",
        hint="It is tried again every half minute; cancel it with `jobrunner runs cancel`.",
    )


def _unavailable(path: str, error: Exception) -> JobrunnerError:
    return BrokerUnavailable(
        f"The Celery app {path or 'of jobrunner'} cannot be sent to: "
        f"{type(error).__name__}: {first_line(error)}",
        hint="Its runs wait in the database and are sent when it is back.",
    )
