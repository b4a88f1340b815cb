"""Where alerts go is applied with the files, and a secret stays a reference."""

from collections.abc import Mapping

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from jobrunner.db.notifiers import read_notifiers
from tests.project import Project

JOB = """\
version: 1
namespace: demo
jobs:
  work: {command: ["true"]}
"""
REFERENCE = {"secret": "env:ONCALL_URL"}
ONCALL = 'notifiers: {oncall: {url: {secret: "env:ONCALL_URL"}}}\n'


def configure(project: Project, notifiers: str) -> None:
    project.write("jobrunner.yaml", f"version: 1\nallow: {{commands: true}}\n{notifiers}")


def in_force(engine: Engine) -> Mapping[str, object]:
    with transaction(engine) as connection:
        return read_notifiers(connection, "default")


@pytest.fixture
def applied(project: Project) -> Project:
    """A project with `oncall`, applied."""
    project.write("jobs.d/demo.yaml", JOB)
    configure(project, ONCALL)
    done = project.call("apply", "--yes")
    assert done.returncode == 0, done.stderr
    return project


def test_a_reference_is_never_opened_by_an_apply(applied: Project, engine: Engine) -> None:
    assert "ONCALL_URL" not in applied.environment
    assert in_force(engine) == {"oncall": REFERENCE}


def test_those_that_change_are_written_without_a_change_of_a_job(
    applied: Project, engine: Engine
) -> None:
    configure(applied, 'notifiers: {pager: {url: "https://pager.example.com/in"}}\n')
    assert applied.call("apply", "--yes").returncode == 0
    assert in_force(engine) == {"pager": "https://pager.example.com/in"}


def test_an_apply_without_changes_writes_no_row(applied: Project, engine: Engine) -> None:
    before = _row_versions(engine)
    assert applied.call("apply", "--yes").returncode == 0
    assert _row_versions(engine) == before


def test_a_saved_plan_brings_them_along(applied: Project, engine: Engine) -> None:
    configure(applied, ONCALL.replace("oncall", "pager"))
    applied.write("jobs.d/demo.yaml", JOB.replace("true", "false"))
    assert applied.call("plan", "--out", "plan.json").returncode == 0
    assert applied.call("apply", "plan.json", "--yes").returncode == 0
    assert in_force(engine) == {"pager": REFERENCE}


def test_a_rollback_leaves_them_as_they_are(applied: Project, engine: Engine) -> None:
    configure(applied, ONCALL.replace("oncall", "pager"))
    applied.write("jobs.d/demo.yaml", JOB.replace("true", "false"))
    applied.call("apply", "--yes")
    assert applied.call("rollback", "1", "--yes").returncode == 0
    assert in_force(engine) == {"pager": REFERENCE}


def _row_versions(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT CAST(xmin AS text) FROM jobrunner.notifiers"))
        return list(rows.scalars())
