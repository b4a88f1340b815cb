"""A project in a folder, and commands that see a fresh database and broker."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.calling import Called, call

JOBS = """\
version: 1
namespace: ops
jobs:
  report:
    description: Writes the report
    task: app.tasks.report
    kwargs: {region: eu}
    owner: data
    tags: [daily]
    schedule: {cron: "30 5 * * *", timezone: Europe/Berlin}
  greet:
    task: app.tasks.greet
    queue: low
"""

Jobrunner = Callable[..., Called]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of two jobs."""
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "ops.yaml").write_text(JOBS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def jobrunner(folder: Path, database_url: str, broker_url: str) -> Jobrunner:
    """`jobrunner("plan", …)` in that project, on a fresh database."""
    environ = {"JOBRUNNER_DATABASE_URL": database_url, "JOBRUNNER_BROKER_URL": broker_url}

    def run(*arguments: str, answer: str = "", terminal: bool = False) -> Called:
        return call(*arguments, folder=folder, environ=environ, answer=answer, terminal=terminal)

    return run
