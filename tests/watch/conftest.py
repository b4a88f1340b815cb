"""A project that a real `jobrunner watch` looks after."""

import pytest

from tests.project import Project

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
