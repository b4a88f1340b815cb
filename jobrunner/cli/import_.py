"""`jobrunner import`: crontabs and the schedules of Celery's beats as YAML, disabled, nothing lost."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import click

from jobrunner.cli.command import Group, make_command
from jobrunner.cli.crontab_files import crontab_entries
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import text
from jobrunner.cli.new_file import write_new
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.foreign_schedules import read_django_tasks
from jobrunner.errors import DatabaseUnavailable, JobrunnerError, UsageError
from jobrunner.importing import beat_entry, crontab, django_celery_beat
from jobrunner.importing.celery_app import As, celery_entries, load_beat_schedule
from jobrunner.importing.entries import Import
from jobrunner.importing.machine_zone import machine_zone
from jobrunner.importing.redbeat import PREFIX, read_redbeat, redbeat_entries
from jobrunner.importing.result import Result, make_result
from jobrunner.importing.write import Written, times_lines
from jobrunner.schedule import ScheduleError, load_zone

Function = TypeVar("Function", bound=Callable[..., Any])

_SHARED_BY = 3
_VALUE_OF_VARIABLE = re.compile(r"""(?<=[A-Z0-9_]=)(?:"[^"]*"|'[^']*'|\S+)""")
"""`TOKEN=…` of a command: it stands in the file that is written, and in no log."""


def _out_option(function: Function) -> Function:
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write this file, which must not exist [default: stdout].",
    )(function)


@make_command(
    "crontab",
    "Crontabs as jobs with `command`.\n\n"
    "FILE is a crontab, - is stdin. Without one your own is read by `crontab -l`, or with --system "
    "/etc/crontab and /etc/cron.d.",
    examples=[
        ("jobrunner import crontab --out jobs.d/cron.yaml", "Your own crontab."),
        ("jobrunner import crontab --system", "What the packages of this machine have brought."),
    ],
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]…")
@click.option(
    "--system/--user",
    "system",
    default=None,
    help="Whether a user stands after the time [default: by the place of the file].",
)
@click.option("--timezone", metavar="ZONE", help="Of the cron daemon [default: this machine's].")
@_out_option
def crontab_command(
    session: Session,
    *,
    files: tuple[Path, ...],
    system: bool | None,
    timezone: str | None,
    out: Path | None,
) -> None:
    zone, notes = _zone(session, timezone)
    entries = [*crontab_entries(session, files, zone, system=system)]
    imported = Import(
        command=_typed("crontab", *map(str, files), *(["--system"] if system else [])),
        scheduler="cron",
        namespace="cron",
        defaults=crontab.DEFAULTS,
        notes=(*crontab.NOTES, *notes),
        entries=crontab.without_shared_locks(entries),
    )
    _give(session, imported, out)


@make_command(
    "celery",
    "The beat_schedule of a Celery app as jobs.\n\n"
    "APP is what `celery -A` takes. It is loaded in a process of its own, for 30 seconds at the most.",
    examples=[
        (
            "jobrunner import celery acme.celery:app",
            "The app's own workers go on running its tasks.",
        ),
        (
            "jobrunner import celery acme --as task",
            "jobrunner's workers call the functions themselves.",
        ),
    ],
)
@click.argument("app")
@click.option(
    "--as",
    "write_as",
    type=click.Choice(["celery_task", "task"]),
    default="celery_task",
    show_default=True,
    help="The key that names the task.",
)
@_out_option
def celery_command(session: Session, *, app: str, write_as: As, out: Path | None) -> None:
    with session.output.progress(f"loading {app}"):
        told = load_beat_schedule(app, folder=session.working_directory)
    machine, notes = _zone(session, None) if told["timezone"] is None else ("UTC", ())
    imported = Import(
        command=_typed("celery", app, *(["--as", "task"] if write_as == "task" else [])),
        scheduler="beat",
        namespace="beat",
        defaults=beat_entry.DEFAULTS,
        notes=(*_beat_notes(told["app"]), *notes),
        entries=tuple(celery_entries(told, app, write_as=write_as, machine=machine)),
    )
    _give(session, imported, out)


@make_command(
    "django-celery-beat",
    "The tables of django-celery-beat as jobs. Only reads them.",
    examples=[
        (
            "jobrunner import django-celery-beat --database-url postgresql://web@db/shop",
            "From the Django project's database.",
        ),
        (
            "jobrunner import django-celery-beat --out jobs.d/beat.yaml",
            "From JOBRUNNER_DATABASE_URL, where both share one.",
        ),
    ],
)
@click.option(
    "--database-url",
    metavar="URL",
    envvar="JOBRUNNER_DATABASE_URL",
    help="The Django project's PostgreSQL [default: JOBRUNNER_DATABASE_URL].",
)
@_out_option
def django_command(session: Session, *, database_url: str | None, out: Path | None) -> None:
    url = database_url or session.environ.get("JOBRUNNER_DATABASE_URL", "")
    if not url:
        raise UsageError(
            "No database is named.",
            hint="Name the Django project's own: --database-url postgresql://user@host/name",
        )
    engine = make_engine(url, application_name="jobrunner import", pool_size=1)
    try:
        with session.output.progress("reading the tables"), transaction(engine) as connection:
            tasks = read_django_tasks(connection)
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(
            error.message,
            hint="Check that the server is up and that --database-url, or JOBRUNNER_DATABASE_URL, is right.",
        ) from error
    finally:
        engine.dispose()
    imported = Import(
        command=_typed("django-celery-beat"),
        scheduler="beat",
        namespace="beat",
        defaults=beat_entry.DEFAULTS,
        notes=(*_beat_notes(), *django_celery_beat.NOTES),
        entries=tuple(django_celery_beat.django_entries(tasks)),
    )
    _give(session, imported, out)


@make_command(
    "redbeat",
    "The keys of redbeat in Redis as jobs. Only reads them.",
    examples=[
        (
            "jobrunner import redbeat --redis-url redis://cache:6379/1",
            "With redbeat's usual prefix.",
        ),
        (
            "jobrunner import redbeat --redis-url redis://cache --prefix acme: --timezone Europe/Paris",
            "An app with a prefix and a time zone of its own.",
        ),
    ],
)
@click.option("--redis-url", metavar="URL", required=True, help="What redbeat_redis_url says.")
@click.option("--prefix", default=PREFIX, show_default=True, help="What redbeat_key_prefix says.")
@click.option(
    "--timezone", default="UTC", show_default=True, help="Of the Celery app: no key tells it."
)
@_out_option
def redbeat_command(
    session: Session, *, redis_url: str, prefix: str, timezone: str, out: Path | None
) -> None:
    zone, _ = _zone(session, timezone)
    with session.output.progress("reading the keys"):
        keys = read_redbeat(redis_url, prefix)
    imported = Import(
        command=_typed("redbeat"),
        scheduler="redbeat",
        namespace="beat",
        defaults=beat_entry.DEFAULTS,
        notes=_beat_notes(),
        entries=tuple(redbeat_entries(keys, zone)),
    )
    _give(session, imported, out)


def _typed(*words: str) -> str:
    """Without addresses, which may hold a password."""
    return " ".join(("jobrunner import", *words))


def _beat_notes(app: str = "…") -> tuple[str, ...]:
    return beat_entry.notes_of_beat(app, version("celery"))


def _zone(session: Session, given: str | None) -> tuple[str, tuple[str, ...]]:
    """The zone, and what is to be said of it."""
    if given is not None:
        try:
            return load_zone(given).key, ()
        except ScheduleError as error:
            raise UsageError(f"--timezone: {error.message}.") from None
    found = machine_zone(session.environ)
    if found is not None:
        return found, ()
    return "UTC", (
        "This machine's time zone has no name that can be found: UTC is assumed; see --timezone.",
    )


def _give(session: Session, imported: Import, out: Path | None) -> None:
    """Write the file, and report on stderr."""
    with session.output.progress("comparing times"):
        result = make_result(imported, datetime.now(UTC))
    if out is None:
        session.output.result_text(result.text)
    elif not write_new(session.working_directory / out, result.text):
        raise JobrunnerError(
            f"{session.working_directory / out} exists, and an import overwrites nothing.",
            hint="Name another file after --out.",
        )
    _report(session, imported, result, out)


def _report(session: Session, imported: Import, result: Result, out: Path | None) -> None:
    say = session.output.explain
    shared = _shared_notes(result)
    for written in result.jobs:
        say(*_job_lines(imported, written, shared))
    for left in result.left:
        original = _VALUE_OF_VARIABLE.sub("…", text(left.original))
        say(f"{style('✕', 'bad')} {text(left.where)}  {style(original, 'quiet')}".rstrip())
        say(f"    no job: {text(left.reason)}")
    for note, number in shared.items():
        say(f"{style(f'note for {number} jobs:', 'quiet')} {text(note)}")
    for note in imported.notes if result.jobs else ():
        say(f"{style('note:', 'quiet')} {note}")
    place = "" if out is None else f" in {out}"
    lost = f"; left out and told of: {len(result.left)}" if result.left else ""
    say(f"{count(len(result.jobs), 'job')}, disabled{place}{lost}.")
    if out is not None and result.jobs:
        say("Next: read the notes in it, then `jobrunner validate`.")


def _shared_notes(result: Result) -> Mapping[str, int]:
    """Notes that several jobs have, by the number of these: they are told once."""
    counted = Counter(note for written in result.jobs for note in written.job.notes)
    return {note: number for note, number in counted.items() if number >= _SHARED_BY}


def _job_lines(imported: Import, written: Written, shared: Mapping[str, int]) -> Iterator[str]:
    mark = style("●", "good") if written.comparison.is_same else style("○", "warn")
    address = f"{imported.namespace}/{written.name}"
    yield f"{mark} {style(address, 'strong')}  {style(text(written.job.where), 'quiet')}"
    yield from (f"    {line}" for line in times_lines(written.comparison, imported.scheduler))
    own = [note for note in written.job.notes if note not in shared]
    yield from (f"    - {text(note)}" for note in (*own, *written.comparison.differences))


command = Group(
    "import",
    help="Other schedulers' entries as YAML: disabled, with the next times of both, nothing lost.",
    commands={
        "crontab": crontab_command,
        "celery": celery_command,
        "django-celery-beat": django_command,
        "redbeat": redbeat_command,
    },
    examples=[
        ("jobrunner import crontab --system --out jobs.d/cron.yaml", "The machine's crontabs."),
        ("jobrunner import celery acme.celery:app", "A Celery app's beat_schedule, to stdout."),
    ],
)
