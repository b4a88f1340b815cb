"""The watcher on real files and a real database."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from jobrunner.db.processes import read_processes
from jobrunner.spec.text import read_text
from jobrunner.spec.tree import Source
from jobrunner.watch import ConfigState, Outcome
from tests.waiting import wait_until

JOBS = "version: 1\nnamespace: ops\njobs:\n  report: {task: app.report}\n"

Reported = Callable[[], Outcome]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in a folder below another project's."""
    root = tmp_path / "acme"
    (root / "jobs.d").mkdir(parents=True)
    (root / "jobs.d" / "ops.yaml").write_text(JOBS, encoding="utf-8")
    (root / "jobrunner.yaml").write_text("project: acme\n", encoding="utf-8")
    return root


def test_a_project_file_that_vanishes_is_told_of_and_waits_for_a_person(
    root: Path, reported: Reported
) -> None:
    assert reported().state == ConfigState.IN_FORCE
    (root / "jobrunner.yaml").rename(root / "elsewhere.yaml")
    refused = reported()
    assert refused.state == ConfigState.REFUSED
    assert (
        refused.message == f"The project file {root}/jobrunner.yaml has gone. Nothing was changed."
    )
    (root / "elsewhere.yaml").rename(root / "jobrunner.yaml")
    assert reported().state == ConfigState.IN_FORCE


def test_the_project_of_a_folder_above_does_not_take_its_place(
    root: Path, reported: Reported
) -> None:
    (root.parent / "jobrunner.yaml").write_text("project: other\n", encoding="utf-8")
    assert reported().state == ConfigState.IN_FORCE
    (root / "jobrunner.yaml").unlink()
    assert "has gone" in reported().message


def test_a_link_to_another_release_is_followed(
    root: Path, reported: Reported, tmp_path: Path
) -> None:
    release = tmp_path / "release-1"
    root.rename(release)
    root.symlink_to(release)
    assert reported().state == ConfigState.IN_FORCE
    other = tmp_path / "release-2"
    release.rename(other)
    (other / "jobs.d" / "ops.yaml").write_text(JOBS.replace("app.report", "app.mail"), "utf-8")
    root.unlink()
    root.symlink_to(other)
    applied = reported().applied
    assert applied is not None
    assert [change.address for change in applied.plan.changes] == ["ops/report"]


def test_fault_53_the_database_knows_each_mistake_and_its_place(
    root: Path, reported: Reported, engine: Engine
) -> None:
    assert reported().state == ConfigState.IN_FORCE
    (root / "jobs.d" / "ops.yaml").write_text(JOBS.replace("report}", "report, qeue: x}"), "utf-8")
    assert reported().state == ConfigState.INVALID
    wait_until(lambda: details_of_watch(engine)["config"] == "invalid")
    assert details_of_watch(engine)["mistakes"] == [
        {
            "code": "E201",
            "file": "jobs.d/ops.yaml",
            "line": 4,
            "column": 30,
            "message": "unknown key 'qeue' in a job",
            "help": "did you mean 'queue'?",
        }
    ]
    (root / "jobs.d" / "ops.yaml").write_text(JOBS, "utf-8")
    assert reported().state == ConfigState.IN_FORCE
    wait_until(lambda: details_of_watch(engine)["config"] == "in_force")
    assert details_of_watch(engine)["mistakes"] == []


def details_of_watch(engine: Engine) -> Mapping[str, Any]:
    with transaction(engine) as connection:
        (watch,) = read_processes(connection, kind="watch")
    return watch.process.details


def test_a_file_that_has_not_changed_is_not_parsed_again(
    root: Path, reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "jobs.d" / "more.yaml").write_text("jobs: {more: {task: app.more}}\n", "utf-8")
    assert reported().state == ConfigState.IN_FORCE
    parsed: list[str] = []

    def recording(path: str, *others: Any) -> tuple[Source, str]:
        parsed.append(path)
        return read_text(path, *others)

    monkeypatch.setattr("jobrunner.spec.yaml.read_text", recording)
    (root / "jobs.d" / "more.yaml").write_text("jobs: {more: {task: app.most}}\n", "utf-8")
    assert reported().state == ConfigState.IN_FORCE
    # Where the files are is asked of the project file at each look.
    assert set(parsed) == {"jobrunner.yaml", "jobs.d/more.yaml"}


def test_what_a_hand_changes_in_the_database_is_put_right_at_the_next_save_of_another_file(
    root: Path, reported: Reported, engine: Engine
) -> None:
    (root / "jobs.d" / "more.yaml").write_text("jobs: {more: {task: app.more}}\n", "utf-8")
    assert reported().state == ConfigState.IN_FORCE
    (root / "jobs.d" / "ops.yaml").write_text(JOBS.replace("app.report", "app.mail"), "utf-8")
    assert reported().state == ConfigState.IN_FORCE  # that of the other file is known by now
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobrunner.jobs SET queue = 'other' WHERE name = 'more'"))

    (root / "jobs.d" / "ops.yaml").write_text(JOBS, "utf-8")
    applied = reported().applied

    assert applied is not None
    assert [change.address for change in applied.plan.changes] == ["default/more", "ops/report"]


def test_a_sensitive_argument_without_a_key_changes_nothing_until_the_next_good_save(
    root: Path, reported: Reported
) -> None:
    assert reported().state == ConfigState.IN_FORCE
    sensitive = JOBS.replace("app.report", "app.report, kwargs: {token: abc}, sensitive: [token]")
    (root / "jobs.d" / "ops.yaml").write_text(sensitive, encoding="utf-8")
    invalid = reported()
    assert invalid.state == ConfigState.INVALID
    assert "JOBRUNNER_ENCRYPTION_KEYS is not set" in invalid.message
    (root / "jobs.d" / "ops.yaml").write_text(JOBS, encoding="utf-8")
    assert reported().state == ConfigState.IN_FORCE
