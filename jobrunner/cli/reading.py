"""The files of a project as a command reads them: found, shared with a second process, progress shown."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jobrunner.cli.session import Session
from jobrunner.files import ProjectFiles, read_project
from jobrunner.second_reader import reading_beside
from jobrunner.spec.project import Given, TaskCheck
from jobrunner.spec.readings import KnownReadings


@contextmanager
def reading_files(
    session: Session, given: Given, *, mode: TaskCheck, only: Sequence[Path] = ()
) -> Iterator[tuple[ProjectFiles, KnownReadings | None]]:
    """All files, or `only` these and those of these folders; and what another process reads of them while
    the block lasts, None where there is none.
    """
    with session.output.progress("looking for the files"):
        read = read_project(
            config=session.config, working_directory=session.working_directory, only=only
        )
    with (
        reading_beside(read, given, mode=mode) as readings,
        session.output.progress("reading the files"),
    ):
        yield read, readings
