"""The settings of this call of `jobrunner`."""

import fcntl
from pathlib import Path

from jobrunner.cli.session import Session
from jobrunner.errors import UsageError
from jobrunner.sealing import Keyring, make_keyring
from jobrunner.settings import (
    Settings,
    find_endpoints_file,
    load_settings,
    misspelt_names,
    variables_of,
)
from jobrunner.spec.project import Given


def settings_of(session: Session) -> Settings:
    """From the environment and a running `up`; a variable that looks like a misspelt setting is told of.

    Raises UsageError for a value that cannot be used.
    """
    if not session.has_told_misspelt_names:
        session.has_told_misspelt_names = True
        for name, meant in misspelt_names(session.environ):
            session.output.warning(f"{name} is no setting. Did you mean {meant}?")
    return load_settings(session.environ, session.working_directory)


def given_of(session: Session) -> Given:
    """The environment that was chosen, the variables of `${NAME}`, and how tasks are checked."""
    settings = settings_of(session)
    return Given(settings.environment, variables_of(session.environ), settings.check_tasks)


def keyring_of(session: Session) -> Keyring:
    """The keys for sensitive arguments. Raises UsageError for one that is none."""
    return make_keyring(settings_of(session))


def servers_of(session: Session) -> Settings:
    """The same, for commands that speak to the servers.

    Raises UsageError when they were those of an `up` that was killed: its endpoints are still there.
    """
    settings = settings_of(session)
    named = session.environ.get("JOBRUNNER_RUN_DIRECTORY", "")
    file = find_endpoints_file(session.working_directory, named)
    # Where there are no endpoints, only what the environment names is left.
    if file is None or settings == load_settings(session.environ, Path("/")):
        return settings
    if not _is_held(file.parent):
        raise UsageError(
            f"No `jobrunner up` runs in {file.parent.parent} any more.",
            hint="Start it again with `jobrunner up`, or set JOBRUNNER_DATABASE_URL and "
            "JOBRUNNER_BROKER_URL.",
        )
    return settings


def _is_held(run_directory: Path) -> bool:
    """Whether an `up` has its lock, or servers of one that are still ending."""
    try:
        with (run_directory / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # it is locked; or it is another user's, and cannot be looked at
        return True
    return False
