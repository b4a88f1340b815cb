"""What the files say, for the commands that compare it with the database."""

from jobrunner.cli.session import Session
from jobrunner.cli.settings import given_of
from jobrunner.reconcile import Desired, read_desired


def read_desired_of(session: Session) -> Desired:
    """Raises ConfigurationError with every mistake."""
    with session.output.progress("reading the files"):
        return read_desired(
            config=session.config,
            working_directory=session.working_directory,
            given=given_of(session),
        )
