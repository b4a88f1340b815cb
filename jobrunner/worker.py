"""Celery's side of the worker: one task, and what its parent and its children do at start and end.

Loaded by Celery (`include` of `jobrunner.app`). Nothing is decided here: the task calls
`execute_run`, and what the parent sees goes to its heartbeat.
"""

import atexit
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from billiard.einfo import ExceptionInfo
from billiard.process import current_process
from celery import Task, bootsteps, shared_task, signals
from celery.concurrency.prefork import TaskPool
from celery.exceptions import Reject, Terminated, WorkerLostError
from celery.worker.consumer import Consumer as CeleryConsumer
from celery.worker.request import Request
from kombu.asynchronous import get_event_loop
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.cleaner import Cleaner
from jobrunner.crash_points import reach
from jobrunner.db.attempts import Claim, ClaimedRun
from jobrunner.db.engine import Limits, make_engine
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.db.migrate import check_revision
from jobrunner.db.refused import KEPT_BYTES
from jobrunner.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    JobrunnerError,
    SchemaBehind,
    UsageError,
)
from jobrunner.execute import Home, execute_run
from jobrunner.files import read_project
from jobrunner.heartbeat import Heartbeat
from jobrunner.limits import LimitBoard
from jobrunner.logs import plain_formatter, refuse_to_start
from jobrunner.messages import EXECUTE_TASK, problem_of, readable
from jobrunner.output import Capture
from jobrunner.process_tree import (
    adopt_orphans,
    die_with_parent_and_take_all_along,
    how_it_ended,
    kill_descendants,
    kill_tree,
    sweep_orphans,
)
from jobrunner.recover import Death
from jobrunner.run import Outcome
from jobrunner.secrets import Secrets, make_secrets, mask_log
from jobrunner.settings import Settings
from jobrunner.spec.parse import parse_project_file

TOKEN_HEADER = "jobrunner_claim_token"  # noqa: S105  the name, no secret
MAINTAIN_POOL_SECONDS = 1.0
POLL_SECONDS = 1.0
LONGEST_BROKER_WAIT_SECONDS = 3
_HEARTBEAT_LIMITS = Limits(statement_timeout_seconds=5.0, lock_timeout_seconds=2.0)

log = structlog.get_logger("jobrunner.worker")


@dataclass(slots=True)
class Here:
    """What this process has at hand. Celery calls back by signals and by classes that it makes
    itself, so there is no other place for it. Children are forked with the parent's.
    """

    settings: Settings | None = None
    """Set in the parent when the worker is made."""
    allow: tuple[str, ...] = ()
    root: str = "."
    """The project's folder."""
    secrets: Secrets = field(default_factory=Secrets)
    heartbeat: Heartbeat | None = None
    """Set in the parent when its pool is up. Children keep the copy and never touch it: a
    connection that is collected there would hang up here."""
    cleaner: Cleaner | None = None
    """The same."""
    limits: LimitBoard = field(default_factory=LimitBoard)
    """Of the runs in hand; the children's is the parent's."""
    home: Home | None = None
    """Set in each child."""


here = Here()


class ExecuteRequest(Request):
    """What the parent knows of a message, and tells its heartbeat.

    The parent makes the token of the claim: so it can speak for its child's attempt, and only for
    that one, without asking anybody.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._claim = Claim(uuid.UUID(self.id), uuid.uuid4())
        self.request_dict[TOKEN_HEADER] = str(self._claim.token)
        # The pool knows no limits: those of the message may be forged. The heartbeat has the claim's.
        self.time_limits = (None, None)

    def on_accepted(self, pid: Any, time_accepted: float) -> None:
        """A child has the message; `pid` is an int, whatever the stubs say."""
        if here.heartbeat is not None:
            here.heartbeat.accepted(self._claim, pid)
        reach("message_accepted")
        super().on_accepted(pid, time_accepted)

    def on_failure(
        self,
        exc_info: ExceptionInfo,
        send_failed_event: bool = True,  # noqa: FBT001, FBT002  Celery's signature
        return_ok: bool = False,  # noqa: FBT001, FBT002  Celery's signature
    ) -> Any:
        """The death of the child, or an error of our own."""
        # What was raised in a child comes wrapped, with the text of its traceback.
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        match error:
            case WorkerLostError() | Terminated():
                self._kill(Outcome.LOST, f"its process died: {_death(error)}")
            case Reject() | SystemExit() | KeyboardInterrupt():
                pass
            case _:
                # A callable may have spoilt what its process needs; the next run would fail as well.
                told = f"its process failed by itself with {type(error).__name__}, see the worker's log"
                self._kill(Outcome.LOST, told)
                # Celery raises a MemoryError again, in here, which ends the worker.
                exc_info.exception = WorkerLostError(told)
        return super().on_failure(exc_info, send_failed_event, return_ok)

    def acknowledge(self) -> None:
        """Late acknowledgement: the message is done with, however the run ended."""
        self._ended()
        reach("message_done")
        super().acknowledge()

    def reject(self, requeue: bool = False) -> None:  # noqa: FBT001, FBT002  Celery's signature
        """The message goes back, or is thrown away."""
        self._ended()
        super().reject(requeue)

    def _kill(self, outcome: Outcome, told: str) -> None:
        if here.heartbeat is not None:
            here.heartbeat.report(Death(self._claim, outcome, told))
        if self.worker_pid is not None:
            kill_tree(int(self.worker_pid))

    def _ended(self) -> None:
        if here.heartbeat is not None:
            here.heartbeat.ended(self._claim)


class ExecuteTask(Task[Any, Any]):
    """Celery looks the request's class up by this name."""

    Request = f"{__name__}:ExecuteRequest"


@shared_task(
    name=EXECUTE_TASK,
    base=ExecuteTask,
    bind=True,
    acks_late=True,
    ignore_result=True,
    max_retries=0,
)
def execute(self: ExecuteTask, version: int, run_id: str) -> None:
    """Make an attempt of a run. The message decides nothing: the database does, at the claim.

    Its arguments are what `messages.problem_of` has let pass.
    """
    del version
    wanted = uuid.UUID(run_id)
    token = uuid.UUID(self.request.get(TOKEN_HEADER))
    assert here.home is not None  # noqa: S101  a child has one from its start on
    try:
        execute_run(here.home, Claim(wanted, token))
    except DatabaseUnavailable as error:
        log.warning("claim_failed", run=str(wanted), error=error.message)
        raise Reject(error.message, requeue=True) from error


class Consumer(CeleryConsumer):
    """Celery's own, which would wait two seconds longer after each failure, up to 30."""

    def ensure_connected(self, conn: Any) -> Any:
        """For as long as it takes: runs that wait are started seconds after the broker is back."""
        ensure = conn.ensure_connection
        conn.ensure_connection = lambda *args, callback: ensure(
            *args,
            interval_start=1,
            interval_step=1,
            interval_max=LONGEST_BROKER_WAIT_SECONDS,
            callback=partial(_still_waiting, callback),
        )
        return super().ensure_connected(conn)

    def connect(self) -> Any:
        """To a Redis that hands out only what kombu can read."""
        connection = super().connect()
        client = getattr(connection.default_channel, "client", None)
        if isinstance(client, Redis):
            client.set_response_callback("BRPOP", _readable_reply)
        return connection

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """What is not exactly ours never comes to where Celery would read it."""
        handle = super().create_task_handler(*args, **kwargs)

        def handle_ours(message: Any) -> None:
            problem = problem_of(message.content_type, message.headers, message.body)
            if problem:
                self._refuse(message, problem)
            else:
                handle(message)

        return handle_ours

    def _refuse(self, message: Any, problem: str) -> None:
        log.warning("message_refused", problem=problem)
        if here.heartbeat is not None:
            here.heartbeat.refused(problem, f"{message.headers} {message.body!r:.{KEPT_BYTES}}")
        message.reject_log_error(log, vars(self)["connection_errors"])  # the stubs do not know it


def _readable_reply(reply: Sequence[bytes] | None) -> tuple[bytes, bytes] | None:
    return (reply[0], readable(reply[1])) if reply else None


def _still_waiting(callback: Callable[[], None]) -> None:
    """Each second of a wait for the broker, and as often as Celery asks whether it is to stop."""
    sign_of_the_loop()
    callback()


def sign_of_the_loop() -> None:
    """In the parent, on its event loop, or in what stands in for it."""
    if here.heartbeat is not None:
        here.heartbeat.turned()


def _wait_for_tables(engine: Engine) -> None:
    """Somebody upgrades the database, before or after this process has been started.

    A database that is away may have them or not: it is waited for later, run by run.
    """
    said = ""
    while True:
        try:
            check_revision(engine)
        except SchemaBehind as error:
            if error.message != said:
                said = error.message
                log.warning("database_not_ready", error=error.message, hint=error.hint)
        except (DatabaseUnavailable, DBAPIError):
            return
        else:
            return
        time.sleep(POLL_SECONDS)


class HeartbeatStep(bootsteps.StartStopStep):
    """Starts the heartbeat once the pool has its children."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        """While the worker is made; what is wrong here ends the start, in a signal it would not."""
        super().__init__(parent, **kwargs)
        try:
            self._prepare(parent)
        except JobrunnerError as error:
            refuse_to_start(error)

    def _prepare(self, parent: Any) -> None:
        if not (isinstance(parent.pool_cls, type) and issubclass(parent.pool_cls, TaskPool)):
            raise UsageError(
                f"The pool {parent.pool_cls.__name__} cannot enforce time limits.",
                hint="Start the worker with --pool=prefork, which is the default.",
            )
        settings: Settings = parent.app.conf.jobrunner_settings
        engine = make_engine(settings.database_url, application_name="jobrunner worker")
        _wait_for_tables(engine)
        engine.dispose()  # nothing is connected when the children are forked
        project = _read_project()
        adopt_orphans()
        here.settings = settings
        here.allow = settings.allow_tasks or project.allow_tasks
        here.secrets = make_secrets(settings, os.environ)
        here.root = project.root
        if project.root not in sys.path:  # as `celery -A` does: modules beside the file are found
            sys.path.insert(0, project.root)

    def start(self, parent: Any) -> None:
        """In the parent, on its main thread."""
        here.heartbeat = Heartbeat(
            _engine("jobrunner worker", pool_size=2),
            worker=parent.hostname,
            queues=lambda: sorted(parent.app.amqp.queues.consume_from),
            concurrency=parent.concurrency,
            memory_limit_bytes=parent.app.conf.jobrunner_settings.worker_memory_mebibytes * 1024**2,
            limits=here.limits,
        )
        here.heartbeat.start()
        # A cold shutdown sends no signal at its end.
        atexit.register(here.heartbeat.stop)
        assert here.settings is not None  # noqa: S101  set when this step was made
        here.cleaner = Cleaner(
            _engine("jobrunner worker", pool_size=1),
            here.settings,
            allow=here.allow,
            queues=lambda: sorted(parent.app.amqp.queues.consume_from),
        )
        here.cleaner.start()
        atexit.register(here.cleaner.stop)

    def register_with_event_loop(self, parent: Any, hub: Any) -> None:
        """A dead child is replaced within a second; Celery itself may take five to notice."""
        hub.call_repeatedly(MAINTAIN_POOL_SECONDS, parent.pool.maintain_pool)
        hub.call_repeatedly(MAINTAIN_POOL_SECONDS, partial(_sweep, parent.pool))
        hub.call_repeatedly(MAINTAIN_POOL_SECONDS, sign_of_the_loop)


def _sweep(pool: TaskPool) -> None:
    """What a child has left behind that died. On the thread that starts the children."""
    swept = sweep_orphans(pool.info["processes"])
    if swept:
        log.warning("orphans_killed", processes=swept)


@signals.worker_init.connect(weak=False)
def add_heartbeat(sender: Any, **_: object) -> None:
    """In the parent, before the worker's parts are put together."""
    sender.app.steps["worker"].add(HeartbeatStep)


@signals.worker_shutting_down.connect(weak=False)
def begin_grace(**_: object) -> None:
    """In the parent, on SIGTERM and the like: leases are renewed until the last run has ended."""
    hub: Any = get_event_loop()
    if hub is not None and hub._waker is not None:  # noqa: SLF001  `call_soon` wakes for other threads only
        hub._waker.wake()  # noqa: SLF001  it would look half a second later whether it is to stop
    if here.heartbeat is not None and here.settings is not None:
        here.heartbeat.end_by(here.settings.worker_grace_seconds)
    if here.cleaner is not None and here.settings is not None:
        here.cleaner.end_by(here.settings.worker_grace_seconds)


@signals.worker_shutdown.connect(weak=False)
def end_heartbeat(**_: object) -> None:
    """In the parent, when the pool is gone."""
    sweep_orphans(())
    if here.cleaner is not None:
        here.cleaner.stop()
    if here.heartbeat is not None:
        here.heartbeat.stop()


@signals.worker_process_init.connect(weak=False)
def prepare_child(sender: Any, **_: object) -> None:
    """In a child, right after the fork; `sender` is the worker's name. Nothing is opened yet.

    It leads a group of its own and adopts what loses its parent, so that a hard limit ends all that
    a run has started, and so does the death of the worker.
    """
    assert here.settings is not None  # noqa: S101  set before the pool is made
    os.setpgid(0, 0)
    adopt_orphans()
    die_with_parent_and_take_all_along()
    mask_log(here.secrets)
    capture = Capture()
    capture.install(plain_formatter())
    capture.take_descriptors()
    here.home = Home(
        database=KeptConnection(_engine("jobrunner run", pool_size=1)),
        worker=str(sender),
        allow=here.allow,
        capture=capture,
        secrets=here.secrets,
        allow_commands=here.settings.allow_commands,
        root=here.root,
        end_leftovers=kill_descendants,
        announce=partial(_announce, vars(current_process())["index"]),
    )


def _announce(place: int, run: ClaimedRun) -> None:
    spec = run.spec
    here.limits.write(place, run.claim.token, timeout=spec.timeout, soft_timeout=spec.soft_timeout)


@signals.worker_process_shutdown.connect(weak=False)
def close_child(**_: object) -> None:
    """In a child that ends in order."""
    if here.home is not None:
        here.home.close()


def _engine(application_name: str, *, pool_size: int) -> Engine:
    assert here.settings is not None  # noqa: S101  set before the pool is made
    return make_engine(
        here.settings.database_url,
        application_name=application_name,
        limits=_HEARTBEAT_LIMITS,
        pool_size=pool_size,
    )


@dataclass(frozen=True, slots=True)
class _Project:
    root: str
    allow_tasks: tuple[str, ...]


def _read_project() -> _Project:
    """The worker's own copy of the project file, if it has one.

    Raises ConfigurationError for one that cannot be read: to go on as if there were none would
    allow what it forbids.
    """
    named = os.environ.get("JOBRUNNER_CONFIG")
    files = read_project(config=Path(named) if named else None, working_directory=Path.cwd())
    project, diagnostics = parse_project_file(files.config)
    if any(found.severity == "error" for found in diagnostics):
        raise ConfigurationError(
            f"The project file in {files.root} cannot be read.",
            diagnostics=diagnostics,
            hint="Correct it; `jobrunner validate` shows where.",
        )
    return _Project(str(files.root), project.allow.tasks)


def _death(error: WorkerLostError | Terminated) -> str:
    """From `Worker exited prematurely: signal 9 (SIGKILL) Job: 7.`, or `exitcode 3`; or `Terminated(15)`."""
    told = re.search(r"prematurely: (signal|exitcode) (\d+)", str(error))
    if told is None:
        return "it was terminated"
    kind, number = told.groups()
    return how_it_ended(-int(number) if kind == "signal" else int(number))
