"""`make` finds a Python or says what it needs."""

import shutil
import subprocess
from pathlib import Path

from tests.deploy.compose import REPOSITORY


def make_environment(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """`make` for an environment of its own, with nothing on the path but what is in `tmp_path`."""
    make = shutil.which("make")
    assert make is not None, "make is not installed"
    return subprocess.run(
        [make, f"VENV={tmp_path / 'environment'}", str(tmp_path / "environment/bin/python")],
        cwd=REPOSITORY,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


def put_python(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_no_python_at_all_is_said_with_what_to_install(tmp_path: Path) -> None:
    done = make_environment(tmp_path)
    assert done.returncode == 2
    assert "No Python 3.11 or later with the modules venv and ensurepip" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_a_python_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    put_python(tmp_path / "python3.11", "exit 1")
    put_python(tmp_path / "python3", 'test "$1" = -c && exit 0; echo "called with $*"')
    done = make_environment(tmp_path)
    assert done.returncode == 0
    assert f"called with -m venv --clear {tmp_path / 'environment'}" in done.stdout


def test_the_newest_python_comes_first(tmp_path: Path) -> None:
    put_python(tmp_path / "python3.12", 'echo "3.12: $*"')
    put_python(tmp_path / "python3.14", 'echo "3.14: $*"')
    assert "3.14: -m venv" in make_environment(tmp_path).stdout
