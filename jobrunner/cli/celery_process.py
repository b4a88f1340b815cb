"""From `jobrunner beat` and `jobrunner worker` to Celery's own commands, in the same process."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from jobrunner.cli.session import Session
from jobrunner.cli.settings import servers_of
from jobrunner.errors import UsageError

APP = "jobrunner.app"


def celery_arguments(name: str, arguments: Sequence[str]) -> list[str]:
    """The command line of Celery's `name` with our app."""
    return [sys.executable, "-m", "celery", "-A", APP, name, *arguments]


def become_celery(session: Session, name: str, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by Celery's. Raises UsageError when no server is known."""
    environment = celery_environment(session)
    command_line = celery_arguments(name, arguments)
    os.execve(command_line[0], command_line, environment)  # noqa: S606  our own interpreter


def celery_environment(session: Session) -> dict[str, str]:
    """What Celery's process finds in its environment. Raises UsageError when no server is known.

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
