"""Where alerts go is planned and applied with the files, and a secret stays a reference."""

import json
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


BOTH = """\
notifiers:
  oncall: {url: {secret: "env:ONCALL_URL"}}
  pager: {url: {secret: "env:PAGER_URL"}}
"""


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


def test_an_edit_of_one_is_a_plan_with_changes(applied: Project) -> None:
    configure(applied, ONCALL.replace("ONCALL_URL", "OTHER_URL"))
    planned = applied.call("plan", "--detailed-exitcode")
    assert planned.returncode == 2
    assert (
        "  ~ notifier oncall  (secret env:ONCALL_URL) -> (secret env:OTHER_URL)  jobrunner.yaml:3\n"
        in planned.stdout
    )


def test_an_apply_of_them_alone_is_a_revision_that_history_shows(applied: Project) -> None:
    configure(applied, "")
    assert "Applied as revision 2" in applied.call("apply", "--yes").stdout
    assert "- notifier oncall  (secret env:ONCALL_URL)" in applied.call("history", "2").stdout
    (told,) = json.loads(applied.call("history", "-n", "1", "-o", "json").stdout)
    assert told["summary"]["notifiers"] == 1
    told = json.loads(applied.call("history", "2", "-o", "json").stdout)
    assert ([one["kind"] for one in told["notifiers"]], told["changes"]) == (["removed"], [])


def test_a_saved_plan_of_them_alone_leaves_what_was_added_meanwhile(
    applied: Project, engine: Engine
) -> None:
    configure(applied, ONCALL.replace("ONCALL_URL", "OTHER_URL"))
    applied.call("plan", "--out", "plan.json")
    configure(applied, BOTH)
    assert applied.call("apply", "--yes").returncode == 0
    assert applied.call("apply", "plan.json", "--yes").returncode == 0
    assert in_force(engine) == {
        "oncall": {"secret": "env:OTHER_URL"},
        "pager": {"secret": "env:PAGER_URL"},
    }


def test_a_saved_plan_is_stale_when_a_notifier_of_it_has_changed(applied: Project) -> None:
    configure(applied, ONCALL.replace("ONCALL_URL", "OTHER_URL"))
    applied.call("plan", "--out", "plan.json")
    configure(applied, ONCALL.replace("ONCALL_URL", "THIRD_URL"))
    applied.call("apply", "--yes")
    refused = applied.call("apply", "plan.json", "--yes")
    assert refused.returncode == 3
    assert "The notifier oncall has another address by now." in refused.stderr


def test_an_apply_with_a_target_leaves_those_that_it_does_not_need(
    applied: Project, engine: Engine
) -> None:
    configure(applied, ONCALL.replace("oncall", "pager"))
    applied.write("jobs.d/demo.yaml", JOB.replace("true", "false"))
    done = applied.call("apply", "--target", "demo/work", "--yes")
    assert "2 other changes are left out" in done.stdout
    assert in_force(engine) == {"oncall": REFERENCE}


def test_a_checkout_is_compared_with_its_own(applied: Project) -> None:
    applied.write("other/jobrunner.yaml", "version: 1\nallow: {commands: true}\n")
    applied.write("other/jobs.d/demo.yaml", JOB)
    planned = applied.call("plan", "--against", "other")
    assert "+ notifier oncall  (secret env:ONCALL_URL)" in planned.stdout
    assert "1 to add" not in planned.stdout


def test_a_revision_is_compared_without_them(applied: Project) -> None:
    configure(applied, ONCALL.replace("oncall", "pager"))
    assert applied.call("plan", "--against", "1").stdout.startswith("No changes.")


def test_what_a_hand_has_changed_is_drift(applied: Project, engine: Engine) -> None:
    assert applied.call("drift", "--detailed-exitcode").returncode == 0
    with engine.begin() as connection:
        connection.execute(text('UPDATE jobrunner.notifiers SET url = \'{"secret": "env:X"}\''))
    told = applied.call("drift", "--detailed-exitcode")
    assert told.returncode == 2
    assert (
        "~ notifier oncall  (secret env:X) in the database, (secret env:ONCALL_URL) applied"
        in told.stdout
    )


def test_what_a_hand_has_removed_is_drift(applied: Project, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM jobrunner.notifiers"))
    assert "- notifier oncall  is gone" in applied.call("drift").stdout


def test_one_of_which_no_revision_tells_is_no_drift(applied: Project, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.revisions SET changes = changes - 0"))
    assert applied.call("drift").stdout.startswith("No drift.")


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
    done = applied.call("rollback", "1", "--yes")
    assert "notifiers stay as they are: pager" in done.stdout + done.stderr
    assert in_force(engine) == {"pager": REFERENCE}


def test_a_rollback_names_alerts_whose_notifier_is_gone(applied: Project) -> None:
    """Files that say so would be refused."""
    alerts = "alerts: [{when: [failure], to: [oncall]}]"
    applied.write("jobs.d/demo.yaml", JOB.replace('["true"]', f'["true"], {alerts}'))
    assert applied.call("apply", "--yes").returncode == 0
    applied.write("jobs.d/demo.yaml", JOB)
    configure(applied, ONCALL.replace("oncall", "pager"))
    assert applied.call("apply", "--yes").returncode == 0

    done = applied.call("rollback", "2", "--yes")

    assert done.returncode == 0, done.stderr
    told = "There is no notifier oncall any more: alerts of demo/work reach"
    assert told in done.stdout + done.stderr


def _row_versions(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT CAST(xmin AS text) FROM jobrunner.notifiers"))
        return list(rows.scalars())
