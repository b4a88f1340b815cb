"""`jobrunner up`: everything in one terminal, one calm line an event, gone with Ctrl-C."""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType

import click
from kombu.exceptions import KombuError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.broker import make_app
from jobrunner.cli import up_web
from jobrunner.cli.command import make_command
from jobrunner.cli.database import actor_of
from jobrunner.cli.kept_program import KeptProgram
from jobrunner.cli.own_command import JOBRUNNER
from jobrunner.cli.run_directory import prepare_run_directory, published_endpoints
from jobrunner.cli.session import Session
from jobrunner.cli.settings import given_of
from jobrunner.cli.stream import FilesStream, RunStream, event_line
from jobrunner.cli.style import style
from jobrunner.cli.up_also import names_of_programs, run_first, split_commands, with_own_programs
from jobrunner.cli.up_banner import banner
from jobrunner.cli.up_python import CalledPython, SavedPython
from jobrunner.cli.watch import EXIT_INTERRUPTED, options_for
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.migrate import upgrade
from jobrunner.db.overview import callables_in_use, queues_in_use
from jobrunner.db.runs import stream_runs
from jobrunner.embedded.program import Program
from jobrunner.embedded.servers import RunningServers, start_servers
from jobrunner.errors import DatabaseUnavailable, EmbeddedServerError
from jobrunner.files import read_project
from jobrunner.reconcile import ApplyOptions, Desired
from jobrunner.reload import names_of
from jobrunner.settings import Settings, load_settings
from jobrunner.spec.project import ProjectSpec
from jobrunner.watch import Outcome, ProjectWatch, WatchOptions
from jobrunner.wording.foreign_text import safe

_OWN_PROGRAMS = ("beat", "worker", "web", "postgres", "valkey")
_LOOK_AT_RUNS_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 0.25
_RECENT_SECONDS = 10.0
_SLOTS_MAX = 4
_LOOK_AT_PYTHON_SECONDS = 1.0
_ASK_AGAIN_SECONDS = 2.0
_ANSWER_SECONDS = 1.0
_WEB_AFTER_SECONDS = 1.5
"""Nobody has followed the link by then, and the first run has the processors to itself."""
_STOP_TIMEOUT_SECONDS = 3.5
"""With the servers after it, all ends within five seconds."""
_WORKER_GRACE_SECONDS = "1"


@make_command(
    "up",
    "Everything in one terminal: servers, migrations, apply, watch, beat, worker and the pages.\n\n"
    "PostgreSQL and Valkey are private to this folder unless JOBRUNNER_DATABASE_URL and "
    "JOBRUNNER_BROKER_URL say otherwise; their data stays in .jobrunner/. Ctrl-C ends all of it.",
    examples=[
        ("jobrunner up", "Then edit a job, save, and see it in the stream."),
        ("jobrunner up -c 8", "With eight worker processes."),
        ("jobrunner up --reload", "The worker starts anew after each save of a .py file."),
        (
            'jobrunner up --first "python manage.py migrate" --also "python manage.py runserver"',
            "With an application beside it, in the same database.",
        ),
    ],
)
@click.option(
    "-c",
    "--concurrency",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Worker processes [default: one a CPU, at most 4].",
)
@click.option(
    "--reload",
    is_flag=True,
    help="Start the worker anew whenever a .py file below the project changes.",
)
@click.option("--no-web", is_flag=True, help="Without the pages; nothing listens then.")
@click.option(
    "--first",
    "first_commands",
    multiple=True,
    callback=split_commands,
    metavar="COMMAND",
    help="Run this to its end before anything is applied, such as migrations; may be repeated.",
)
@click.option(
    "--also",
    "also_commands",
    multiple=True,
    callback=split_commands,
    metavar="COMMAND",
    help="Keep this running, too, such as your own server; may be repeated.",
)
def command(
    session: Session,
    *,
    concurrency: int | None,
    reload: bool,
    no_web: bool,
    first_commands: Sequence[Sequence[str]],
    also_commands: Sequence[Sequence[str]],
) -> int:
    # The endpoints of a running `up` are none of ours: only what the environment names counts.
    given = load_settings(session.environ, Path("/"))
    read = read_project(config=session.config, working_directory=session.working_directory)
    root, project = read.root, read.project
    folder = root / given.run_directory
    with ExitStack() as opened:
        with session.output.progress("starting the servers"):
            servers = start_servers(
                folder, postgres=not given.database_url, valkey=not given.broker_url
            )
        opened.callback(servers.stop)
        # Only now: another one that runs here has the folder's lock.
        session.output.told(*banner(session, root, folder, given))
        prepare_run_directory(folder)
        settings = given.model_copy(
            update={
                "database_url": given.database_url or servers.database_url,
                "broker_url": given.broker_url or servers.broker_url,
            }
        )
        engine = make_engine(settings.database_url, application_name="jobrunner up", pool_size=2)
        opened.callback(engine.dispose)
        with session.output.progress("migrating"):
            upgrade(engine)
        if settings != given:
            opened.enter_context(published_endpoints(folder, settings))
        port = None if no_web or not up_web.is_installed() else up_web.find_port()
        if port is not None:
            subject = actor_of(session)
            session.output.told(*up_web.web_banner(engine, settings, port, subject=subject))
        up = _Up(session, engine, servers, settings, root, folder, concurrency or _slots(), port)
        up.started_with = up.named_now = _named_at_start(project)
        for words in first_commands:
            run_first(words, root=root, environ=up.environment())
        up.add_programs(also_commands)
        if reload:
            up.saved = SavedPython(root)
            opened.callback(up.saved.close)
        return up.run()


def _named_at_start(project: ProjectSpec) -> object:
    """What of the project file a beat and a worker read only when they start."""
    return project.allow.tasks, project.celery.app


def _slots() -> int:
    return min(os.cpu_count() or 1, _SLOTS_MAX)


@dataclass
class _Up:
    """The loop: files, programs and runs, each looked at in turn, by one thread."""

    session: Session
    engine: Engine
    servers: RunningServers
    settings: Settings
    root: Path
    folder: Path
    concurrency: int
    port: int | None
    """Of the pages; None: there are none."""
    also: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The user's own programs by name."""
    files: FilesStream = field(default_factory=partial(FilesStream, takes_new_queues=True))
    stream: RunStream = field(default_factory=lambda: RunStream(since=datetime.now(UTC)))
    programs: dict[str, KeptProgram] = field(default_factory=dict)
    queues: tuple[str, ...] = ("default",)
    """What the worker serves."""
    signals: list[int] = field(default_factory=list)
    """Those that asked to end."""
    started_with: object = None
    """What the project file named when beat and worker started, see `_named_at_start`."""
    named_now: object = None
    queues_may_differ: bool = False
    queues_at: float = 0.0
    runs_at: float = 0.0
    database_is_away: bool = False
    problem_told: bool = False
    saved: SavedPython | None = None
    """For which the worker starts anew; None without --reload."""
    called: CalledPython = field(default_factory=CalledPython)
    callables_may_differ: bool = False
    called_at: float = 0.0

    def run(self) -> int:
        """Until somebody asks to end."""
        watch = self._make_watch()
        watch.run_once()
        self._serve_queues()
        self.programs = {name: self._kept(name) for name in ("beat", "worker", *self.also)}
        if self.port is not None:
            self.programs["web"] = self._kept("web", after_seconds=_WEB_AFTER_SECONDS)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        while not self.signals:
            if not self.servers.supervisor.is_alive:
                raise EmbeddedServerError(
                    "The process that keeps all the others has ended, and they with it.",
                    hint="Start `jobrunner up` again; the data is kept.",
                )
            watch.run_once()
            self._tell_problem(watch)
            self._serve_queues()
            self._reload()
            self._keep_programs()
            if time.monotonic() >= self.runs_at:
                self._look_at_runs()
            watch.wait(_LONGEST_WAIT_SECONDS)
        self.session.output.result("", "Ending …")
        watch.close()
        return EXIT_INTERRUPTED if self.signals[0] == signal.SIGINT else 0

    def add_programs(self, commands: Sequence[Sequence[str]]) -> None:
        """They run as long as `up` does, started again when they end."""
        names = names_of_programs(commands, taken=_OWN_PROGRAMS)
        self.also = dict(zip(names, commands, strict=True))

    def _reload(self) -> None:
        if self.saved is None:
            self._tell_what_stays()
            return
        for changed in self.saved.since():
            words = f"{names_of(changed, self.root)} changed; it starts anew"
            self._event(style("●", "good"), "worker", safe(words))
            self.programs["worker"].restart()

    def _tell_what_stays(self) -> None:
        """The worker goes on with code that it has imported, whatever a person has saved since."""
        if time.monotonic() < self.called_at:
            return
        self.called_at = time.monotonic() + _LOOK_AT_PYTHON_SECONDS
        if changed := self.called.saved():
            named = names_of(changed, self.root)
            words = f"{named} changed; without --reload it keeps what it has imported"
            self._event(style("○", "warn"), "worker", safe(words))
        if self.callables_may_differ:
            with suppress(DatabaseUnavailable, DBAPIError), transaction(self.engine) as connection:
                self.called.follow(self.root, callables_in_use(connection))
                self.callables_may_differ = False

    def _stop(self, number: int, _: FrameType | None) -> None:
        """The first asks politely; any further one waits for nobody."""
        self.signals.append(number)
        if len(self.signals) > 1:
            for program in self.programs.values():
                program.kill()

    def _make_watch(self) -> ProjectWatch:
        ask = options_for(self.session)

        def options_of(desired: Desired) -> ApplyOptions:
            self.named_now = _named_at_start(desired.project)
            return ask(desired)

        return ProjectWatch(
            self.engine,
            config=self.session.config,
            working_directory=self.session.working_directory,
            given=given_of(self.session),
            options_for=options_of,
            report=self._report,
            options=WatchOptions(),
        )

    def _report(self, outcome: Outcome) -> None:
        self._look_at_runs()
        self.session.output.told(*self.files.lines(outcome, datetime.now(UTC)))
        self.queues_may_differ = outcome.applied is not None
        self.callables_may_differ |= outcome.applied is not None
        if outcome.applied is not None and self.named_now != self.started_with:
            self.started_with = self.named_now
            self._start_anew("beat", "worker")

    def _start_anew(self, *names: str) -> None:
        for name in names:
            if name in self.programs:
                words = "the project file has another `allow` or `celery`; it starts anew"
                self._event(style("●", "good"), name, words)
                self.programs[name].restart()

    def _serve_queues(self) -> None:
        """The worker takes up queues that have come with an apply, without being started anew.

        Tried again until it has answered: it may be starting, the broker may be away.
        """
        if not self.queues_may_differ or time.monotonic() < self.queues_at:
            return
        self.queues_at = time.monotonic() + _ASK_AGAIN_SECONDS
        with suppress(DatabaseUnavailable, DBAPIError, KombuError, OSError):
            with transaction(self.engine) as connection:
                wanted = queues_in_use(connection)
            for queue in [queue for queue in wanted if queue not in self.queues]:
                if self._asks_worker_to_serve(queue):
                    self.queues = (*self.queues, queue)
            self.queues_may_differ = not set(wanted) <= set(self.queues)

    def _asks_worker_to_serve(self, queue: str) -> bool:
        if not self.programs:
            return True  # it is not started yet, and will be told at its start
        control = make_app(self.settings).control
        return bool(control.add_consumer(queue, reply=True, timeout=_ANSWER_SECONDS))

    def _tell_problem(self, watch: ProjectWatch) -> None:
        if watch.problem and not self.problem_told:
            self.problem_told = True
            self.session.output.warning(f"No file events ({watch.problem}); polling instead.")

    def _kept(self, name: str, *, after_seconds: float = 0.0) -> KeptProgram:
        return KeptProgram(
            self.servers.supervisor,
            partial(self._program, name),
            starts_at=time.monotonic() + after_seconds,
        )

    def _program(self, name: str) -> Program:
        return Program(
            name=name,
            argv=tuple(self._arguments(name)),
            env=self.environment(),
            cwd=str(self.root),
            stop_timeout_seconds=_STOP_TIMEOUT_SECONDS,
            log_file=str(self.folder / "logs" / f"{name}.log"),
        )

    def _arguments(self, name: str) -> Sequence[str]:
        match name:
            case "beat":
                return (*JOBRUNNER, "beat")
            case "worker":
                served = ("-Q", ",".join(self.queues), "-c", str(self.concurrency))
                return (*JOBRUNNER, "worker", *served, "-n", "celery")
            case "web":
                assert self.port is not None  # noqa: S101  without one there is no such program
                return up_web.web_arguments(self.port)
        return self.also[name]

    def environment(self) -> Mapping[str, str]:
        """Of every program here: where the servers are and which project it is."""
        named = (
            {}
            if self.session.config is None
            else {"JOBRUNNER_CONFIG": str(self.session.config.absolute())}
        )
        return {
            "JOBRUNNER_WORKER_GRACE_SECONDS": _WORKER_GRACE_SECONDS,
            **with_own_programs(self.session.environ),
            **named,
            "JOBRUNNER_DATABASE_URL": self.settings.database_url,
            "JOBRUNNER_BROKER_URL": self.settings.broker_url,
            "PYTHONUNBUFFERED": "1",
        }

    def _keep_programs(self) -> None:
        for name, program in self.programs.items():
            told = program.run_once(time.monotonic())
            if told:
                self._look_at_runs()
                mark = style("●", "good") if told.startswith("started") else style("✕", "bad")
                self._event(mark, name, safe(told))

    def _look_at_runs(self) -> None:
        """Now and then, and before another event is told: the stream never goes back in time."""
        self.runs_at = time.monotonic() + _LOOK_AT_RUNS_SECONDS
        try:
            with transaction(self.engine) as connection:
                seen = stream_runs(connection, self.stream.watched, recent_seconds=_RECENT_SECONDS)
        except (DatabaseUnavailable, DBAPIError) as error:
            if not self.database_is_away:
                self._event(style("✕", "bad"), "database", safe(str(error).partition("\n")[0]))
            self.database_is_away = True
            return
        self.session.output.told(*self.stream.lines(seen))
        if self.database_is_away:
            self._event(style("●", "good"), "database", "back")
        self.database_is_away = False

    def _event(self, mark: str, subject: str, words: str) -> None:
        self.session.output.told(event_line(datetime.now(UTC), mark, subject, words))
