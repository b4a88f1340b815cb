"""The settings of this call of `jobrunner`."""

from jobrunner.cli.session import Session
from jobrunner.settings import Settings, load_settings


def settings_of(session: Session) -> Settings:
    """From the environment and a running `up`. Raises UsageError for a value that cannot be used."""
    return load_settings(session.environ, session.working_directory)
