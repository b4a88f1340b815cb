"""`jobrunner worker`: Celery's own worker with our app."""

import os
from collections.abc import Sequence

import click

from jobrunner.cli.celery_process import become_celery, celery_environment
from jobrunner.cli.command import make_command
from jobrunner.cli.own_command import JOBRUNNER
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.files import read_project
from jobrunner.wording.foreign_text import safe

_OWN_OPTIONS = (
    # Workers tell each other nothing: what one has to know stands in the database. To ask around
    # would delay the first run by a second.
    "--without-mingle",
    "--without-gossip",
)


@make_command(
    "worker",
    "A worker: it loads callables by their dotted path and runs them.\n\n"
    "It is `celery -A jobrunner.app worker`, and takes the other options of `celery worker`, too. "
    "SIGTERM lets runs end within JOBRUNNER_WORKER_GRACE_SECONDS and hands back the rest.",
    examples=[
        ("jobrunner worker -Q high,default -c 4 -n blue", "Two queues, four processes, a name."),
        ("jobrunner worker --reload", "For development: anew after each save of a .py file."),
    ],
    context_settings={"ignore_unknown_options": True},
)
@click.option("-Q", "--queues", metavar="NAME,…", help="The queues it serves [default: default].")
@click.option(
    "-c",
    "--concurrency",
    metavar="N",
    type=click.IntRange(min=1),
    help="How many runs at once, each in a process of its own [default: one a CPU].",
)
@click.option(
    "-n",
    "--name",
    metavar="NAME",
    help="Shown with its runs; @ and this host are added [default: worker-PID].",
)
@click.option(
    "--reload",
    is_flag=True,
    help="For development: start anew whenever a .py file below the project changes.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[CELERY OPTIONS]…")
def command(
    session: Session,
    *,
    queues: str | None,
    concurrency: int | None,
    name: str | None,
    reload: bool,
    arguments: tuple[str, ...],
) -> int:
    given = list(arguments)
    if queues is not None:
        given += ["--queues", queues]
    if concurrency is not None:
        given += ["--concurrency", str(concurrency)]
    if not any(argument.startswith("--hostname") for argument in arguments):
        given += ["--hostname", _full_name(name or f"worker-{os.getpid()}")]
    if reload:
        return _reload(session, given)
    return become_celery(session, "worker", [*_OWN_OPTIONS, *given])


def _reload(session: Session, arguments: Sequence[str]) -> int:
    # What it takes is of no use to any other command.
    from jobrunner.reload import Reloading  # noqa: PLC0415

    config, directory = session.config, session.working_directory
    root = read_project(config=config, working_directory=directory).root
    return Reloading(
        [*JOBRUNNER, "worker", *arguments],
        celery_environment(session),
        root,
        lambda words: session.output.say(style(f"reload: {safe(words)}", "strong")),
    ).run()


def _full_name(name: str) -> str:
    """Unique by itself: Celery calls all workers of a host the same."""
    return name if "@" in name else f"{name}@%h"
