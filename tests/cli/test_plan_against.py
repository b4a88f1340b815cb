"""Plans that ask no database: against another checkout, and against nothing."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.calling import Called, call
from tests.cli.conftest import JOBS, Jobrunner
from tests.cli.test_plan_apply import save


@pytest.fixture
def branch(folder: Path) -> Path:
    """An edited copy of the project, beside it."""
    shutil.copytree(folder, folder / "branch")
    edited = JOBS.replace('"30 5 * * *"', '"45 5 * * *"')
    (folder / "branch" / "jobs.d" / "ops.yaml").write_text(edited, encoding="utf-8")
    return folder / "branch"


def plan(folder: Path, *arguments: str) -> Called:
    return call("plan", *arguments, folder=folder)


def test_offline_everything_is_new_and_nothing_can_be_applied(folder: Path) -> None:
    called = plan(folder, "--offline")
    assert called.exit_code == 0
    assert "Plan: 2 to add, 0 to change, 0 to delete, 0 unchanged." in called.stdout
    assert "against nothing, as no database was asked" in called.stderr
    assert "igest" not in called.stderr


def test_another_checkout_is_compared_field_by_field(branch: Path) -> None:
    told = plan(branch, "--against", "..").stdout
    assert 'schedule.cron  "30 5 * * *" -> "45 5 * * *"  :10' in told
    assert "Plan: 0 to add, 1 to change, 0 to delete, 1 unchanged." in told


def test_a_checkout_of_another_project_is_refused(branch: Path) -> None:
    (branch / "jobrunner.yaml").write_text("project: acme\n", encoding="utf-8")
    called = plan(branch, "--against", "..")
    assert (called.exit_code, called.stdout) == (64, "")
    assert ".. is a checkout of project default, and the files here are of acme" in called.stderr


def test_a_job_with_another_name_looks_like_a_rename(branch: Path) -> None:
    renamed = JOBS.replace("  report:", "  daily-report:")
    (branch / "jobs.d" / "ops.yaml").write_text(renamed, encoding="utf-8")
    told = plan(branch, "--against", "..").stdout
    assert "write moved: [{from: ops/report, to: ops/daily-report}]" in told


def test_the_same_files_are_no_change(folder: Path) -> None:
    called = plan(folder, "--against", ".", "--detailed-exitcode")
    assert (called.exit_code, called.stdout) == (0, "No changes. 2 jobs match the files of ..\n")


def test_changes_exit_2_without_a_database_as_well(branch: Path) -> None:
    assert plan(branch, "--against", "..", "--detailed-exitcode").exit_code == 2


def test_the_form_for_programs_says_what_was_compared_with(branch: Path) -> None:
    document = json.loads(plan(branch, "--against", "..", "--format", "json").stdout)
    assert (document["against"], document["digest"]) == ("the files of ..", "")


def test_a_comment_says_what_was_compared_with(branch: Path) -> None:
    told = plan(branch, "--against", "..", "--format", "markdown").stdout
    assert "\nCompared with `the files of ..`.\n" in told


def test_a_comment_without_a_database_says_why_everything_is_new(folder: Path) -> None:
    told = plan(folder, "--offline", "--format", "markdown").stdout
    assert "\nCompared with `nothing, as no database was asked`.\n" in told


def test_a_sensitive_argument_is_masked_without_any_key(branch: Path) -> None:
    edited = JOBS.replace(
        "kwargs: {region: eu}", "kwargs: {region: canary}\n    sensitive: [region]"
    )
    (branch / "jobs.d" / "ops.yaml").write_text(edited, encoding="utf-8")
    told = plan(branch, "--against", "..")
    assert "(sensitive)" in told.stdout
    assert "canary" not in told.stdout + told.stderr


@pytest.mark.parametrize("option", [["--offline"], ["--against", "."]])
def test_what_cannot_be_applied_is_not_saved(folder: Path, option: list[str]) -> None:
    assert plan(folder, "--out", "plan.jrplan", *option).exit_code == 64
    assert not (folder / "plan.jrplan").exists()


def test_a_folder_that_is_not_there_is_a_sentence(folder: Path) -> None:
    called = plan(folder, "--against", "nowhere")
    assert called.exit_code == 1
    assert "There is no folder nowhere." in called.stderr


def test_mistakes_of_the_other_checkout_are_shown(folder: Path, branch: Path) -> None:
    (branch / "jobs.d" / "ops.yaml").write_text("jobs: 1\n", encoding="utf-8")
    called = plan(folder, "--against", "branch")
    assert called.exit_code == 1
    assert "jobs.d/ops.yaml" in called.stderr


@pytest.mark.parametrize("horizon", ["1s", "7", "400d"])
def test_a_horizon_out_of_bounds_is_refused(folder: Path, horizon: str) -> None:
    assert plan(folder, "--offline", "--horizon", horizon).exit_code == 64


def test_the_load_is_that_of_the_horizon(folder: Path) -> None:
    assert "Load, next 36 hours" in plan(folder, "--offline", "--horizon", "36h").stdout
    assert "Load, next 1 day " in plan(folder, "--offline", "--horizon", "1d").stdout


def test_a_revision_is_compared_with_what_the_files_say_now(
    jobrunner: Jobrunner, folder: Path
) -> None:
    jobrunner("apply", "--yes")
    save(folder, "region: eu", "region: us")
    jobrunner("apply", "--yes")
    save(folder, "region: eu", "region: ap")
    told = jobrunner("plan", "--against", "1")
    assert 'kwargs.region  "eu" -> "ap"' in told.stdout
    assert "against revision 1" in told.stderr
    assert "igest" not in told.stderr
    save(folder, "region: eu", "region: us")
    assert jobrunner("plan", "--against", "2").stdout == "No changes. 2 jobs match revision 2.\n"


def test_a_revision_that_is_not_there_is_a_sentence(jobrunner: Jobrunner) -> None:
    called = jobrunner("plan", "--against", "7")
    assert called.exit_code == 1
    assert "has no revision 7" in called.stderr


def test_a_revision_needs_the_database(folder: Path) -> None:
    assert plan(folder, "--offline", "--against", "7").exit_code == 64
