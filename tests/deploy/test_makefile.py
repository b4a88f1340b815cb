"""`make` finds a Python or says what it needs, and ends as quietly as what it runs."""

import os
import shutil
import signal
import subprocess
import sys
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


def test_ctrl_c_ends_up_without_a_word_of_make(tmp_path: Path) -> None:
    put_environment(tmp_path, "installed-up")
    stdout, stderr = end_by_ctrl_c(tmp_path, "up")
    assert stdout == "started\n"
    assert stderr == ""


def test_ctrl_c_ends_an_example_without_a_word_of_make(tmp_path: Path) -> None:
    put_environment(tmp_path, "installed-dev")
    stdout, stderr = end_by_ctrl_c(tmp_path, "example", "NAME=focus-timer", "PORT=8123")
    assert stdout == (
        "The application will be at http://127.0.0.1:8123\n"
        "A second terminal begins with: cd examples/focus-timer && . ../../.venv/bin/activate\n"
        "started\n"
    )
    assert stderr == ""


def put_environment(path: Path, made_by: str) -> None:
    """What `make` takes for an installed environment; its jobrunner waits for Ctrl-C."""
    (path / "bin").mkdir()
    put_python(path / "bin/python", "exit 1")
    put_python(path / "bin/jobrunner", f'exec {sys.executable} -c "{_WAITS_FOR_CTRL_C}"')
    (path / made_by).touch()


_WAITS_FOR_CTRL_C = (
    "import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(130)); "
    "print('started', flush=True); signal.pause()"
)


def end_by_ctrl_c(environment: Path, *arguments: str) -> tuple[str, str]:
    """What `make` printed to stdout and stderr, with SIGINT to all of it as a terminal sends it."""
    make = shutil.which("make")
    assert make is not None, "make is not installed"
    with subprocess.Popen(
        [make, "--no-print-directory", f"VENV={environment}", *arguments],
        cwd=REPOSITORY,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == "started\n":
                os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
        return "".join(lines) + stdout, stderr
