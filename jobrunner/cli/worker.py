"""`jobrunner worker`: Celery's own worker with our app."""

import click

from jobrunner.cli.celery_process import become_celery
from jobrunner.cli.command import make_command
from jobrunner.cli.session import Session


@make_command(
    "worker",
    "A worker: it loads callables by their dotted path and runs them.\n\n"
    "It is `celery -A jobrunner.app worker`, and takes the options of `celery worker`.",
    examples=[
        ("jobrunner worker", "The queue `default`, one process a CPU."),
        ("jobrunner worker -Q high,default -c 4", "Two queues, four processes."),
    ],
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[CELERY OPTIONS]…")
def command(session: Session, *, arguments: tuple[str, ...]) -> None:
    become_celery(session, "worker", arguments)
