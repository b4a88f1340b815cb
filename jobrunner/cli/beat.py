"""`jobrunner beat`: Celery's own beat with our app and our scheduler."""

import click

from jobrunner.cli.celery_process import become_celery
from jobrunner.cli.command import make_command
from jobrunner.cli.session import Session


@make_command(
    "beat",
    "The scheduler. Any number may run side by side; each due time gets one run.\n\n"
    "It is `celery -A jobrunner.app beat -S jobrunner`, and takes the options of `celery beat`.",
    examples=[
        ("jobrunner beat", "One scheduler; start a second one elsewhere for safety."),
        ("jobrunner beat --loglevel debug", "Celery's own options pass through."),
    ],
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[CELERY OPTIONS]…")
def command(session: Session, *, arguments: tuple[str, ...]) -> None:
    become_celery(session, "beat", ("-S", "jobrunner", *arguments))
