"""A project in a folder of its own, with tasks that are read or imported."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobrunner.check_tasks import check_tasks
from jobrunner.files import read_project
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.parse import parse_project
from jobrunner.spec.project import TaskCheck

Write = Callable[[str, str], None]
Check = Callable[..., list[Diagnostic]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of the project."""

    def write_file(path: str, text: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    return write_file


@pytest.fixture
def check(tmp_path: Path, write: Write) -> Check:
    """What is said of these jobs, which start in line 2."""

    def check_jobs(jobs: str, mode: TaskCheck = "static") -> list[Diagnostic]:
        write("jobs.d/jobs.yaml", f"jobs:\n{jobs}")
        read = read_project(config=None, working_directory=tmp_path)
        parsed = parse_project(read.config, read.files)
        return list(check_tasks(read, parsed, mode=mode, names_missing_modules=True))

    return check_jobs
