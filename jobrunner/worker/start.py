"""What the parent and its children do at start and end, as Celery's signals and steps call for it."""

import atexit
import gc
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from billiard.process import current_process
from celery import bootsteps, signals
from celery.concurrency.prefork import TaskPool
from celery.worker import state
from kombu.asynchronous import get_event_loop
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.cleaner import Cleaner
from jobrunner.db.attempts import ClaimedRun
from jobrunner.db.engine import make_engine
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.db.migrate import check_revision
from jobrunner.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    JobrunnerError,
    SchemaBehind,
    UsageError,
)
from jobrunner.execute import Home
from jobrunner.files import read_project
from jobrunner.heartbeat import Heartbeat
from jobrunner.logs import plain_formatter, refuse_to_start
from jobrunner.output import Capture
from jobrunner.process_tree import (
    adopt_orphans,
    die_with_parent_and_take_all_along,
    kill_descendants,
    sweep_orphans,
)
from jobrunner.secrets import make_secrets, mask_log
from jobrunner.settings import Settings
from jobrunner.spec.parse import parse_project_file
from jobrunner.tracing import export_spans, send_spans
from jobrunner.worker.consumer import sign_of_the_loop
from jobrunner.worker.here import here, open_engine

MAINTAIN_POOL_SECONDS = 1.0
POLL_SECONDS = 1.0
_JOBS_TOLD_MAX = 100

log = structlog.get_logger("jobrunner.worker")


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
            open_engine("jobrunner worker", pool_size=2),
            worker=parent.hostname,
            queues=lambda: sorted(parent.app.amqp.queues.consume_from),
            concurrency=parent.concurrency,
            figures=partial(_figures, parent),
            memory_limit_bytes=parent.app.conf.jobrunner_settings.worker_memory_mebibytes * 1024**2,
            limits=here.limits,
        )
        here.heartbeat.start()
        # A cold shutdown sends no signal at its end.
        atexit.register(here.heartbeat.stop)
        assert here.settings is not None  # noqa: S101  set when this step was made
        here.cleaner = Cleaner(
            open_engine("jobrunner worker", pool_size=1),
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


def _figures(worker: Any) -> dict[str, Any]:
    """Its processes, and how many runs of which jobs it has taken; of the jobs, those with the most."""
    # Copied in one go: the event loop goes on meanwhile. What the pool says of itself fails after its end.
    taken = Counter(dict(state.total_count))
    pool = worker.pool._pool  # noqa: SLF001
    return {
        "processes": [] if pool is None else [child.pid for child in tuple(pool._pool)],  # noqa: SLF001
        "taken": dict(taken.most_common(_JOBS_TOLD_MAX)),
    }


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
    # What has been imported stays: to look through it for garbage would cost a run its time, and the
    # memory that is shared with the parent.
    gc.freeze()
    os.setpgid(0, 0)
    adopt_orphans()
    die_with_parent_and_take_all_along()
    mask_log(here.secrets)
    problem = export_spans(os.environ, service="jobrunner-worker")
    if problem:
        log.warning("spans_not_exported", problem=problem)
    capture = Capture()
    capture.install(plain_formatter())
    capture.take_descriptors()
    here.home = Home(
        database=KeptConnection(open_engine("jobrunner run", pool_size=1)),
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
    send_spans()


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
