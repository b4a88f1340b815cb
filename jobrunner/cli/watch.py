"""`jobrunner watch`: apply each time the files change."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click
from sqlalchemy import Engine

from jobrunner.cli.command import make_command
from jobrunner.cli.database import actor_of, open_database, with_commit
from jobrunner.cli.session import Session
from jobrunner.cli.settings import given_of, keyring_of
from jobrunner.cli.stream import FilesStream
from jobrunner.errors import UsageError
from jobrunner.files import read_project
from jobrunner.reconcile import ApplyOptions, Desired
from jobrunner.spec.durations import parse_duration
from jobrunner.watch import OptionsFor, Outcome, ProjectWatch, WatchOptions

_LONGEST_WAIT_SECONDS = 0.25
EXIT_INTERRUPTED = 130


@make_command(
    "watch",
    "Apply each time the files change: when they are quiet, read everything, apply what differs.\n\n"
    "Invalid files change nothing: the last good state stays in force, and the next good save heals "
    "it. A guard that says no waits for a person. It ends with Ctrl-C or SIGTERM.",
    examples=[
        ("jobrunner watch", "While you edit, or beside a git checkout that moves."),
        ("jobrunner watch --poll --resync 10s --keep-going", "On a network share, in a container."),
    ],
)
@click.option("--poll", is_flag=True, help="Look again and again; for file systems without events.")
@click.option(
    "--resync",
    default="30s",
    show_default=True,
    metavar="DURATION",
    help="Read everything this often, whatever events say.",
)
@click.option(
    "--settle",
    default="500ms",
    show_default=True,
    metavar="DURATION",
    help="How long the files are quiet before they count.",
)
@click.option(
    "--keep-going", is_flag=True, help="Wait for a database that is away at the start, too."
)
@click.option("--dry-run", is_flag=True, help="Show what would change; apply nothing.")
def command(
    session: Session, *, poll: bool, resync: str, settle: str, keep_going: bool, dry_run: bool
) -> int:
    options = WatchOptions(
        settle_seconds=_seconds("--settle", settle),
        resync_seconds=_seconds("--resync", resync),
        poll=poll,
        dry_run=dry_run,
    )
    with open_database(session, "watch", check=not keep_going) as engine:
        return _watch(session, engine, options)


def options_for(session: Session) -> OptionsFor:
    """Who applies, and the commit of that moment."""
    author, keyring = actor_of(session), keyring_of(session)

    def ask(desired: Desired) -> ApplyOptions:
        return with_commit(ApplyOptions(author=author, keyring=keyring), desired.root)

    return ask


def _seconds(option: str, given: str) -> float:
    try:
        seconds = parse_duration(given).total_seconds()
    except ValueError as error:
        raise UsageError(f"{option}: {error}.") from error
    if seconds <= 0:
        raise UsageError(f"{option} has to be longer than nothing.")
    return seconds


def _watch(session: Session, engine: Engine, options: WatchOptions) -> int:
    stream = FilesStream(dry_run=options.dry_run)
    folder = _folder_by_its_name(session)

    def report(outcome: Outcome) -> None:
        session.output.told(*stream.lines(outcome, datetime.now(UTC)))

    watch = ProjectWatch(
        engine,
        config=session.config,
        working_directory=folder,
        given=given_of(session),
        options_for=options_for(session),
        report=report,
        options=options,
    )
    stopped_by: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        stopped_by.append(number)  # and nothing else: it may interrupt whoever holds a lock

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    session.output.say(f"Watching {folder}; Ctrl-C ends it.")
    has_told_problem = False
    while not stopped_by:
        watch.run_once()
        if watch.problem and not has_told_problem:
            has_told_problem = True
            session.output.warning(f"No file events ({watch.problem}); polling instead.")
        watch.wait(_LONGEST_WAIT_SECONDS)
    watch.close()
    session.output.say("No longer watching; what was applied stays in force.")
    return EXIT_INTERRUPTED if stopped_by[0] == signal.SIGINT else 0


def _folder_by_its_name(session: Session) -> Path:
    """The working directory by the name it was entered by, links and all.

    A link may come to lead to another release, and the folder of this one may go; the process itself
    only knows the folder. A name by which another project file would be found is not taken.
    """
    folder, named = session.working_directory, Path(session.environ.get("PWD", ""))
    is_link = named.is_absolute() and named != folder
    if not is_link or os.path.realpath(named) != os.path.realpath(folder):
        return folder
    return named if _project_root(named) == _project_root(folder) else folder


def _project_root(folder: Path) -> Path:
    return read_project(config=None, working_directory=folder).root
