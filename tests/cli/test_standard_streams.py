"""Standard streams as a shell may leave them: closed, full, or with a reader that has gone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import Engine

from tests.cli.conftest import JOBS
from tests.cli.test_plan_apply import revisions
from tests.cli.test_run_logs import Written
from tests.project import Project

DEV_FULL = Path("/dev/full")
has_dev_full = pytest.mark.skipif(not DEV_FULL.exists(), reason="this system has no /dev/full")


@pytest.fixture
def unread() -> Iterator[IO[str]]:
    """A pipe whose reader has gone before anything was written."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as file:
        yield file


@pytest.fixture
def full() -> Iterator[IO[str]]:
    """A disk without room."""
    with DEV_FULL.open("w") as file:
        yield file


@pytest.fixture
def jobs(project: Project) -> Project:
    """A project of two jobs."""
    project.write("jobs.d/ops.yaml", JOBS)
    return project


def run(
    project: Project,
    *arguments: str,
    stdout: IO[str] | int = subprocess.PIPE,
    stderr: IO[str] | int = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    return _started(project, [sys.executable, "-m", "jobrunner", *arguments], stdout, stderr)


def run_without(
    project: Project, redirection: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """The same by a shell that closes a stream first."""
    argv = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "jobrunner"]
    return _started(project, [*argv, *arguments], subprocess.PIPE, subprocess.PIPE)


def _started(
    project: Project, argv: list[str], stdout: IO[str] | int, stderr: IO[str] | int
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        cwd=project.path, env=project.environment, stdin=subprocess.DEVNULL,
        stdout=stdout, stderr=stderr, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("with_stderr", [False, True])
def test_an_apply_whose_reader_has_gone_is_done_and_exits_0(
    with_stderr: bool,  # noqa: FBT001  a parameter of pytest
    jobs: Project,
    unread: IO[str],
    engine: Engine,
) -> None:
    stderr = subprocess.STDOUT if with_stderr else subprocess.PIPE
    done = run(jobs, "apply", "--yes", stdout=unread, stderr=stderr)
    assert (done.returncode, revisions(engine)) == (0, 1)
    assert "error" not in (done.stderr or "")


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("plan",), 0),
        (("plan", "--detailed-exitcode"), 2),
        (("list",), 0),
        (("--help",), 0),
        (("apply", "--help"), 0),
        (("apply",), 64),
        (("status",), 1),
    ],
)
def test_a_command_whose_reader_has_gone_keeps_its_exit_code(
    arguments: tuple[str, ...], exit_code: int, jobs: Project, unread: IO[str]
) -> None:
    assert run(jobs, *arguments, stdout=unread).returncode == exit_code


def test_a_plan_is_saved_also_when_the_reader_has_gone(jobs: Project, unread: IO[str]) -> None:
    done = run(jobs, "plan", "--out", "plan.jrplan", stdout=unread)
    assert (done.returncode, (jobs.path / "plan.jrplan").exists()) == (0, True)


def test_a_watch_ends_when_its_reader_has_gone(jobs: Project, unread: IO[str]) -> None:
    assert run(jobs, "watch", stdout=unread).returncode == 0


def test_who_follows_a_run_ends_when_the_reader_has_gone(
    project: Project, unread: IO[str], engine: Engine
) -> None:
    written = Written(engine)
    written.write("first\n")
    done = run(project, "runs", "logs", str(written.run_id), "-f", stdout=unread)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [("--version",), ("plan", "--offline"), ("--help",)])
def test_a_closed_stdout_is_as_nowhere(arguments: tuple[str, ...], jobs: Project) -> None:
    done = run_without(jobs, ">&-", *arguments)
    assert (done.returncode, "error" in done.stderr) == (0, False)


def test_a_closed_stderr_is_as_nowhere(jobs: Project) -> None:
    done = run_without(jobs, "2>&-", "plan", "--detailed-exitcode")
    assert done.returncode == 2
    assert "Plan: 2 to add" in done.stdout


def test_without_any_stream_an_apply_is_done(jobs: Project, engine: Engine) -> None:
    done = run_without(jobs, "<&- >&- 2>&-", "apply", "--yes")
    assert (done.returncode, revisions(engine)) == (0, 1)


def test_a_closed_stdin_is_nobody_who_can_answer(jobs: Project) -> None:
    done = run_without(jobs, "<&-", "apply")
    assert done.returncode == 64
    assert "Nobody is here to say yes" in done.stderr


@has_dev_full
def test_an_apply_whose_output_is_lost_says_so_and_what_is_in_force(
    jobs: Project, full: IO[str], engine: Engine
) -> None:
    done = run(jobs, "apply", "--yes", stdout=full)
    assert (done.returncode, revisions(engine)) == (1, 1)
    assert (
        "error: Revision 1 of default is applied and stays in force. The output could not be written: "
        "No space left on device.\n  → See what it is: jobrunner history 1\n"
    ) in done.stderr


@has_dev_full
@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_output_that_is_lost_is_a_sentence(argument: str, project: Project, full: IO[str]) -> None:
    done = run(project, argument, stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith("error: The output could not be written: No space left")


@has_dev_full
def test_a_stderr_that_is_lost_keeps_no_result_back(jobs: Project, full: IO[str]) -> None:
    done = run(jobs, "plan", "--detailed-exitcode", stderr=full)
    assert done.returncode == 2
    assert "Plan: 2 to add" in done.stdout
