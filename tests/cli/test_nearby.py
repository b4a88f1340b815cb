"""Paths and our own command as a person would type them."""

import sys
from pathlib import Path

import pytest

from jobrunner.cli.nearby import nearby, own_command


def test_a_path_below_the_working_directory_is_relative_to_it() -> None:
    assert nearby(Path("/srv/acme/.jobrunner/logs"), Path("/srv/acme")) == ".jobrunner/logs"
    assert nearby(Path("/var/log"), Path("/srv/acme")) == "/var/log"


def make_executable(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n", encoding="utf-8")
    file.chmod(0o755)


def test_on_the_path_the_command_is_its_name(tmp_path: Path) -> None:
    make_executable(tmp_path / "bin" / "jobrunner")
    assert own_command({"PATH": str(tmp_path / "bin")}, tmp_path) == "jobrunner"


def test_off_the_path_it_is_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_executable(tmp_path / ".venv" / "bin" / "jobrunner")
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    assert own_command({"PATH": ""}, tmp_path) == ".venv/bin/jobrunner"


def test_where_it_is_not_installed_python_starts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert own_command({}, tmp_path) == "bin/python -m jobrunner"
