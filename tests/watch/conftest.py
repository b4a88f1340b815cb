"""Projects that are looked after: by a real `jobrunner watch`, and by what it is made of."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobrunner.reconcile import ApplyOptions
from jobrunner.spec.project import Given
from jobrunner.watch import Outcome, ProjectWatch, WatchOptions
from tests.project import Project
from tests.waiting import wait_until

JOBS = """\
version: 1
namespace: ops
jobs:
  report: {task: app.report, schedule: {every: 1h}}
  mail: {task: app.mail}
"""


@pytest.fixture
def acme(project: Project) -> Project:
    """`ops/report`, hourly, and `ops/mail`, by hand."""
    project.write("jobrunner.yaml", "project: acme\n")
    project.write("jobs.d/ops.yaml", JOBS)
    return project


@pytest.fixture
def outcomes() -> list[Outcome]:
    """What `watch` has reported and nobody has looked at."""
    return []


@pytest.fixture
def watch(root: Path, engine: Engine, outcomes: list[Outcome]) -> Iterator[ProjectWatch]:
    """In this process, for the project at the module's own `root`."""
    watch = ProjectWatch(
        engine,
        config=None,
        working_directory=root,
        given=Given(),
        options_for=lambda _: ApplyOptions(author="watcher"),
        report=outcomes.append,
        options=WatchOptions(settle_seconds=0.0, poll=True),
    )
    yield watch
    watch.close()


@pytest.fixture
def reported(watch: ProjectWatch, outcomes: list[Outcome]) -> Callable[[], Outcome]:
    """`reported()`: the next outcome that is reported."""

    def look() -> list[Outcome]:
        watch.run_once()
        return outcomes

    def wait() -> Outcome:
        wait_until(look)
        return outcomes.pop(0)

    return wait
