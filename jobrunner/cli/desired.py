"""What the files say, for the commands that compare it with the database."""

from collections.abc import Callable
from typing import TypeVar

from jobrunner.cli.reading import reading_files
from jobrunner.cli.session import Session
from jobrunner.cli.settings import given_of
from jobrunner.desired import Desired, understand

_Ready = TypeVar("_Ready")


def read_desired_of(
    session: Session, *, meanwhile: Callable[[str], _Ready | None] = lambda _: None
) -> tuple[Desired, _Ready | None]:
    """What the files say, and what was got ready. Raises ConfigurationError with every mistake.

    `meanwhile` is called with the project's name once another process has begun to read the files of a
    large project, which then reads the more of them. Without another process it is not called.
    """
    given = given_of(session)
    with reading_files(session, given, mode=given.check_tasks) as (read, readings):
        ready = None if readings is None else meanwhile(read.project.project)
        return understand(read, given, readings), ready
