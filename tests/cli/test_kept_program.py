"""A program that ends is told of with what helps, and started again."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobrunner.cli.kept_program import KeptProgram
from jobrunner.embedded.children import Supervisor
from jobrunner.embedded.program import Program
from tests.waiting import wait_until

Told = Callable[[str], str]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """`told(code)`: what is said when a Python program with this code has ended."""
    with Supervisor() as supervisor:

        def run(code: str) -> str:
            kept = KeptProgram(supervisor, lambda: program(tmp_path, code))
            assert kept.run_once(now=0.0) == "started"
            said: list[str] = []

            def look() -> str:
                said.append(kept.run_once(now=0.0))
                return said[-1]

            wait_until(look)
            return said[-1]

        yield run


def program(folder: Path, code: str) -> Program:
    return Program(
        name="worker",
        argv=(sys.executable, "-c", code),
        env={},
        cwd=str(folder),
        log_file=str(folder / "worker.log"),
    )


def test_one_that_gave_up_has_its_last_line_shown(told: Told) -> None:
    said = told("print('earlier'); print('No database is known.'); raise SystemExit(3)")
    assert said == "ended with exit code 3; again in 0.5 s   No database is known."


def test_a_last_line_that_is_long_is_cut(told: Told) -> None:
    said = told("print('word ' * 1000); raise SystemExit(1)")
    assert len(said) < 220
    assert said.endswith("…")


def test_one_that_was_killed_names_the_signal_and_its_log_and_no_old_line(
    told: Told, tmp_path: Path
) -> None:
    said = told("import os; print('earlier', flush=True); os.kill(os.getpid(), 9)")
    assert said == f"ended by SIGKILL; again in 0.5 s; its log is {tmp_path / 'worker.log'}"


def test_one_that_ended_well_has_nothing_to_add(told: Told) -> None:
    assert told("print('earlier')") == "ended with exit code 0; again in 0.5 s"
