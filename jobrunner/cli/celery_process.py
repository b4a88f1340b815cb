"""From `jobrunner beat` and `jobrunner worker` to Celery's own commands, in the same process."""

import os
from collections.abc import Sequence
from typing import NoReturn

from jobrunner.cli.session import Session
from jobrunner.cli.settings import servers_of
from jobrunner.errors import UsageError


def become_celery(session: Session, name: str, arguments: Sequence[str]) -> NoReturn:
    """Go on as Celery's `name`, in this process. Raises UsageError when no server is known."""
    os.environ.update(celery_environment(session))
    # Celery takes longest of all to load, and `--help` and wrong usage need nothing of it.
    from jobrunner.cli.celery_command import run_celery  # noqa: PLC0415

    run_celery(name, arguments)


def celery_environment(session: Session) -> dict[str, str]:
    """What Celery finds in its environment. Raises UsageError when no server is known.

    A server that is known and away is no error: beat and worker wait for it.
    """
    settings = servers_of(session)
    for url, variable in (
        (settings.database_url, "JOBRUNNER_DATABASE_URL"),
        (settings.broker_url, "JOBRUNNER_BROKER_URL"),
    ):
        if not url:
            raise UsageError(
                f"{variable} is not set, and no `jobrunner up` runs here.",
                hint=f"Set {variable}, or start everything with `jobrunner up`.",
            )
    environment = dict(session.environ)
    if session.config is not None:
        environment["JOBRUNNER_CONFIG"] = str(session.config.absolute())
    return environment
