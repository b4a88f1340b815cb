"""From a folder to the definitions that a plan wants, without a database."""

from pathlib import Path

import pytest

from jobrunner.errors import ConfigurationError
from jobrunner.reconcile import read_desired
from jobrunner.spec.project import Given

JOB = """
jobs:
  nightly: {task: reports.tasks.build, schedule: "30 5 * * *"}
"""


def test_the_jobs_of_the_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "jobrunner.yaml").write_text("project: acme\n")
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "reports.yaml").write_text(JOB)

    desired = read_desired(config=None, working_directory=tmp_path / "jobs.d", given=Given("prod"))

    assert desired.project.project == "acme"
    assert desired.environment == "prod"
    assert desired.root == tmp_path.resolve()
    assert [job.address for job in desired.jobs] == ["default/nightly"]
    assert (desired.files, desired.missing_folders) == (1, ())


def test_every_mistake_of_every_file_is_carried_by_one_error(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "a.yaml").write_text("jobs:\n  a: {tusk: x.y}\n")
    (tmp_path / "jobs.d" / "b.yaml").write_text("jobs:\n  b: {task: x.y, schedule: '61 * * * *'}\n")

    with pytest.raises(ConfigurationError) as wrong:
        read_desired(config=None, working_directory=tmp_path)

    files = {diagnostic.location.file for diagnostic in wrong.value.diagnostics}  # type: ignore[attr-defined]  # errors.py is below spec
    assert files == {"jobs.d/a.yaml", "jobs.d/b.yaml"}
    assert wrong.value.exit_code == 1


def test_a_folder_that_is_not_there_is_told_from_an_empty_one(tmp_path: Path) -> None:
    assert read_desired(config=None, working_directory=tmp_path).missing_folders == ("jobs.d",)

    (tmp_path / "jobs.d").mkdir()

    assert read_desired(config=None, working_directory=tmp_path).missing_folders == ()


def test_the_content_hash_follows_the_content(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    file = tmp_path / "jobs.d" / "reports.yaml"
    file.write_text(JOB)
    before = read_desired(config=None, working_directory=tmp_path).content_hash

    file.write_text(JOB.replace("30 5", "0 6"))

    assert read_desired(config=None, working_directory=tmp_path).content_hash != before
