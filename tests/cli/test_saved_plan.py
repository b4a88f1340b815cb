"""plan --out, show and apply FILE at the command line."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.cli.calling import call
from tests.cli.conftest import JOBS, Jobrunner
from tests.cli.test_plan_apply import revisions, save


@pytest.fixture
def saved(jobrunner: Jobrunner, folder: Path) -> Path:
    """`plan.jrplan`: an edit of ops/report, beside ops/greet that it does not touch."""
    jobrunner("apply", "--yes")
    save(folder, "region: eu", "region: us")
    assert jobrunner("plan", "--out", "plan.jrplan").exit_code == 0
    return folder / "plan.jrplan"


def region(engine: Engine) -> str:
    statement = text(
        "SELECT d.spec #>> '{kwargs,region}' FROM jobrunner.jobs j"
        "  JOIN jobrunner.definitions d ON d.id = j.definition_id WHERE j.address = 'ops/report'"
    )
    with engine.connect() as connection:
        return str(connection.execute(statement).scalar_one())


def test_a_saved_plan_names_its_digest_and_what_to_type_and_is_for_its_owner_alone(
    jobrunner: Jobrunner, folder: Path
) -> None:
    called = jobrunner("plan", "--out", "plan.jrplan")
    digest = json.loads((folder / "plan.jrplan").read_text("utf-8"))["digest"]
    assert (
        f"Saved plan.jrplan, digest {digest}. Apply with: jobrunner apply plan.jrplan"
        in called.stderr
    )
    assert (folder / "plan.jrplan").stat().st_mode & 0o777 == 0o600


def test_a_plan_that_cannot_be_put_in_its_place_leaves_nothing_behind(
    jobrunner: Jobrunner, folder: Path
) -> None:
    (folder / "plans").mkdir()
    before = sorted(folder.rglob("*"))
    called = jobrunner("plan", "--out", "plans")
    assert (called.exit_code, sorted(folder.rglob("*"))) == (1, before)
    assert "plans cannot be written: Is a directory." in called.stderr


@pytest.mark.usefixtures("saved")
def test_where_nobody_can_answer_the_command_to_paste_names_the_file(
    jobrunner: Jobrunner, folder: Path
) -> None:
    (folder / "plan.jrplan").rename(folder / "the plan")
    called = jobrunner("apply", "the plan")
    hint = called.stderr.partition("→ ")[2].partition(",")[0]
    assert (called.exit_code, hint) == (64, "jobrunner apply 'the plan' --yes")
    assert jobrunner(*shlex.split(hint)[1:]).exit_code == 0


@pytest.mark.usefixtures("saved")
def test_show_prints_it_as_plan_did_and_says_that_it_can_be_applied(jobrunner: Jobrunner) -> None:
    planned, shown = jobrunner("plan"), jobrunner("show", "plan.jrplan")
    assert shown.stdout == planned.stdout
    assert (shown.exit_code, "It can be applied" in shown.stderr) == (0, True)


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("form", ["json", "markdown"])
def test_show_offline_asks_no_database(form: str, folder: Path) -> None:
    shown = call("show", "plan.jrplan", "--offline", "--format", form, folder=folder)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "ops/report" in shown.stdout


def test_apply_tells_of_the_whole_project_what_the_saved_plan_told(
    jobrunner: Jobrunner, folder: Path
) -> None:
    jobrunner("apply", "--yes")
    save(folder, "  greet:\n", "  greet:\n    owner: ops\n")
    save(folder, "region: eu", "region: us")
    planned = jobrunner("plan", "--target", "ops/greet", "--out", "plan.jrplan")
    assert "Limited to ops/greet; 1 other change is left out." in planned.stdout
    assert planned.stdout in jobrunner("apply", "plan.jrplan", "--yes").stdout


def test_a_saved_plan_is_applied_without_the_files(
    jobrunner: Jobrunner, folder: Path, saved: Path, engine: Engine
) -> None:
    shutil.rmtree(folder / "jobs.d")
    assert jobrunner("apply", saved.name, "--yes").exit_code == 0
    assert (region(engine), revisions(engine)) == ("us", 2)


@pytest.mark.usefixtures("saved")
def test_what_the_files_say_by_now_is_not_applied_with_it(
    jobrunner: Jobrunner, folder: Path, engine: Engine
) -> None:
    save(folder, "region: eu", "region: ap")
    assert jobrunner("apply", "plan.jrplan", "--yes").exit_code == 0
    assert region(engine) == "us"


@pytest.mark.usefixtures("saved")
def test_fault_62_a_plan_is_stale_when_a_job_of_it_has_changed_and_names_it(
    jobrunner: Jobrunner, folder: Path, engine: Engine
) -> None:
    save(folder, "region: eu", "region: ap")
    jobrunner("apply", "--yes")
    shown, applied = jobrunner("show", "plan.jrplan"), jobrunner("apply", "plan.jrplan", "--yes")
    assert (shown.exit_code, applied.exit_code) == (3, 3)
    assert "ops/report has been changed in revision 2." in shown.stderr
    assert "ops/report has been changed in revision 2." in applied.stderr
    assert region(engine) == "ap"


@pytest.mark.usefixtures("saved")
def test_a_plan_is_not_stale_when_something_else_has_changed(
    jobrunner: Jobrunner, folder: Path, engine: Engine
) -> None:
    save(folder, "queue: low", "queue: high")
    jobrunner("apply", "--yes")
    assert jobrunner("apply", "plan.jrplan", "--yes").exit_code == 0
    assert (region(engine), revisions(engine)) == ("us", 3)


@pytest.mark.usefixtures("saved")
def test_a_plan_that_has_been_applied_is_stale(jobrunner: Jobrunner) -> None:
    assert jobrunner("apply", "plan.jrplan", "--yes").exit_code == 0
    again = jobrunner("apply", "plan.jrplan", "--yes")
    assert again.exit_code == 3
    assert "ops/report has been changed in revision 2." in again.stderr


def test_an_edited_file_is_refused_in_one_sentence(jobrunner: Jobrunner, saved: Path) -> None:
    edited = saved.read_text("utf-8").replace('"region": "us"', '"region": "xx"')
    saved.write_text(edited, encoding="utf-8")
    called = jobrunner("apply", "plan.jrplan", "--yes")
    assert called.exit_code == 1
    assert "plan.jrplan has been edited" in called.stderr
    assert "Traceback" not in called.stderr


def test_a_file_that_is_not_there_is_a_sentence(jobrunner: Jobrunner) -> None:
    called = jobrunner("apply", "nothing.jrplan", "--yes")
    assert called.exit_code == 1
    assert "nothing.jrplan cannot be read: No such file or directory." in called.stderr


@pytest.mark.usefixtures("saved")
def test_a_saved_plan_on_a_terminal_is_shown_and_asked_for(jobrunner: Jobrunner) -> None:
    called = jobrunner("apply", "plan.jrplan", answer="y\n", terminal=True)
    assert "kwargs.region" in called.stdout
    assert "Apply this? [y/N]" in called.stderr
    assert "as revision 2 of default." in called.stdout


@pytest.mark.usefixtures("saved")
def test_a_saved_plan_with_another_digest_than_expected_exits_3(jobrunner: Jobrunner) -> None:
    called = jobrunner("apply", "plan.jrplan", "--yes", "--expect", "000000000000")
    assert called.exit_code == 3


@pytest.mark.usefixtures("saved")
def test_a_saved_plan_is_applied_as_a_whole(jobrunner: Jobrunner) -> None:
    assert jobrunner("apply", "plan.jrplan", "--yes", "--target", "ops/greet").exit_code == 64


@pytest.mark.usefixtures("saved")
def test_a_saved_plan_is_not_for_another_environment(jobrunner: Jobrunner) -> None:
    called = jobrunner("-e", "staging", "apply", "plan.jrplan", "--yes")
    assert called.exit_code == 64
    assert "plan for environment (none), not for staging" in called.stderr


@pytest.mark.usefixtures("saved")
def test_a_guard_refuses_a_saved_plan_as_well(jobrunner: Jobrunner, folder: Path) -> None:
    (folder / "jobs.d" / "ops.yaml").write_text("", encoding="utf-8")
    jobrunner("plan", "--out", "empty.jrplan")
    assert jobrunner("apply", "empty.jrplan", "--yes").exit_code == 4


def test_only_the_targets_are_planned_and_applied(
    jobrunner: Jobrunner, folder: Path, engine: Engine
) -> None:
    jobrunner("apply", "--yes")
    text_ = JOBS.replace("region: eu", "region: us").replace("queue: low", "queue: high")
    (folder / "jobs.d" / "ops.yaml").write_text(text_, encoding="utf-8")
    told = jobrunner("apply", "--yes", "--target", "ops/report").stdout
    assert "Limited to ops/report; 1 other change is left out." in told
    assert region(engine) == "us"
    assert "1 to change" in jobrunner("plan").stdout


def test_a_target_that_is_no_job_names_the_one_that_was_meant(jobrunner: Jobrunner) -> None:
    called = jobrunner("plan", "--target", "ops/reprot")
    assert called.exit_code == 1
    assert "There is no job ops/reprot" in called.stderr
    assert "Did you mean ops/report?" in called.stderr
