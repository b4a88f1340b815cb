"""What the files say, for the commands that compare it with the database."""

from dataclasses import replace
from pathlib import Path

from jobrunner.cli.git import git_commit, git_committed_at, git_is_behind, git_is_dirty
from jobrunner.cli.session import Session
from jobrunner.cli.settings import given_of
from jobrunner.files import read_project
from jobrunner.reconcile import ApplyOptions, Desired, understand
from jobrunner.second_reader import reading_beside


def read_desired_of(session: Session) -> Desired:
    """Raises ConfigurationError with every mistake."""
    given = given_of(session)
    with session.output.progress("looking for the files"):
        read = read_project(config=session.config, working_directory=session.working_directory)
    with (
        reading_beside(read, given, mode=given.check_tasks) as readings,
        session.output.progress("reading the files"),
    ):
        return understand(read, given, readings)


def with_commit(options: ApplyOptions, folder: Path) -> ApplyOptions:
    """The same for an apply of what is checked out in `folder`."""
    return replace(
        options,
        git_commit=git_commit(folder),
        git_dirty=git_is_dirty(folder),
        git_committed_at=git_committed_at(folder),
        is_ancestor=lambda commit: git_is_behind(folder, commit),
    )
