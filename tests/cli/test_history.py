"""history, rollback and drift at the command line."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.cli.conftest import JOBS, Jobrunner
from tests.cli.test_plan_apply import revisions, save


@pytest.fixture
def three(jobrunner: Jobrunner, folder: Path) -> Jobrunner:
    """Revision 1 creates ops/report and ops/greet, 2 edits ops/report, 3 deletes ops/greet."""
    jobrunner("apply", "--yes")
    save(folder, "region: eu", "region: us")
    jobrunner("apply", "--yes")
    report, _, _ = JOBS.replace("region: eu", "region: us").partition("  greet:")
    (folder / "jobs.d" / "ops.yaml").write_text(report, encoding="utf-8")
    jobrunner("apply", "--yes")
    return jobrunner


def change_by_hand(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def region(jobrunner: Jobrunner) -> str:
    job = json.loads(jobrunner("get", "ops/report", "-o", "json").stdout)
    return str(job["definition"]["kwargs"]["region"])


def test_history_lists_the_newest_revision_first_with_its_counts(three: Jobrunner) -> None:
    lines = three("history").stdout.splitlines()
    assert lines[0].split() == ["revision", "when", "changes", "git", "who", "note"]
    assert [line.split()[0] for line in lines[1:]] == ["3", "2", "1"]
    assert [" -1 " in lines[1], " ~1 " in lines[2], " +2 " in lines[3]] == [True, True, True]


def test_history_for_programs(three: Jobrunner) -> None:
    newest, *_ = json.loads(three("history", "-n", "1", "-o", "json").stdout)
    assert newest["revision"] == 3
    assert newest["summary"] == {"create": 0, "update": 0, "move": 0, "delete": 1, "notifiers": 0}
    assert newest["rolled_back_to"] is None


def test_history_of_a_job_has_its_fields_and_no_other_job(three: Jobrunner) -> None:
    told = three("history", "ops/report").stdout
    assert 'kwargs.region  "eu" -> "us"  :7' in told
    assert "revision 3" not in told
    assert "ops/greet" not in told


def test_history_of_a_revision_is_its_diff_and_how_to_undo_a_delete(three: Jobrunner) -> None:
    told = three("history", "3").stdout
    assert "  - ops/greet  delete  jobs.d/ops.yaml:11" in told
    assert "restore: jobrunner rollback 2 --target ops/greet" in told


def test_history_follows_a_job_through_its_names(jobrunner: Jobrunner, folder: Path) -> None:
    jobrunner("apply", "--yes")
    moved = JOBS.replace("  greet:", "  hello:").replace(
        "jobs:\n", "moved: [{from: ops/greet, to: ops/hello}]\njobs:\n"
    )
    (folder / "jobs.d" / "ops.yaml").write_text(moved, encoding="utf-8")
    assert jobrunner("apply", "--yes").exit_code == 0
    told = jobrunner("history", "ops/hello").stdout
    assert "> ops/hello  move" in told
    assert "from ops/greet" in told
    assert "+ ops/greet  create" in told


@pytest.mark.parametrize("what", ["9", "ops/nothing"])
def test_history_of_what_never_was_is_a_sentence(what: str, three: Jobrunner) -> None:
    called = three("history", what)
    assert called.exit_code == 1
    assert "`jobrunner history` shows" in called.stderr


def test_rollback_shows_its_plan_says_that_the_files_differ_and_asks(three: Jobrunner) -> None:
    called = three("rollback", "1", answer="y\n", terminal=True)
    assert called.exit_code == 0
    assert "ops/greet" in called.stdout
    assert "returns with its history (deleted in revision 3)" in called.stdout
    assert "The files stay as they are, and their next apply undoes this." in called.stderr
    assert "Apply this? [y/N]" in called.stderr
    assert "as revision 4 of default." in called.stdout
    assert region(three) == "eu"
    assert "rollback to 1" in three("history").stdout


def test_the_next_apply_of_the_files_brings_them_back(three: Jobrunner) -> None:
    three("rollback", "2", "--yes")
    assert "1 to delete" in three("plan").stdout


def test_rollback_names_the_revision_beside_what_was_changed_by_hand(
    three: Jobrunner, engine: Engine
) -> None:
    change_by_hand(engine, "UPDATE jobrunner.jobs SET queue = 'slow'")
    called = three("rollback", "3", "--yes")
    assert 'ops/report queue "slow" in database, "default" in revision 3' in called.stdout


def test_a_refused_rollback_names_its_own_option(three: Jobrunner, folder: Path) -> None:
    more = "".join(f"  more-{number}: {{task: app.tasks.run}}\n" for number in range(4))
    (folder / "jobs.d" / "more.yaml").write_text(f"namespace: ops\njobs:\n{more}", encoding="utf-8")
    assert three("apply", "--yes").exit_code == 0
    refused = three("rollback", "3", "--yes")
    assert refused.exit_code == 4
    assert "add --allow-deletes 4 to `jobrunner rollback 3`" in refused.stderr
    assert three("rollback", "3", "--yes", "--allow-deletes", "4").exit_code == 0


def test_a_saved_rollback_changes_nothing_until_it_is_applied_and_is_a_rollback_then(
    three: Jobrunner, folder: Path
) -> None:
    saved = three("rollback", "1", "--out", "back.jrplan")
    assert saved.exit_code == 0
    assert "returns with its history (deleted in revision 3)" in saved.stdout
    assert "Apply with: jobrunner apply back.jrplan" in saved.stderr
    assert region(three) == "us"
    (folder / "jobs.d" / "ops.yaml").write_text("jobs: [broken", encoding="utf-8")
    assert three("show", "back.jrplan").stdout == saved.stdout
    assert three("apply", "back.jrplan", "--yes").exit_code == 0
    assert region(three) == "eu"
    assert three("get", "ops/greet").exit_code == 0
    newest, *_ = json.loads(three("history", "-n", "1", "-o", "json").stdout)
    assert (newest["revision"], newest["rolled_back_to"]) == (4, 1)


def test_a_saved_rollback_is_stale_when_a_job_of_it_has_changed(three: Jobrunner) -> None:
    assert three("rollback", "1", "--out", "back.jrplan").exit_code == 0
    assert three("rollback", "1", "--yes").exit_code == 0
    stale = three("apply", "back.jrplan", "--yes")
    assert (stale.exit_code, "The saved plan is stale." in stale.stderr) == (3, True)


def test_rollback_saves_a_plan_or_applies_it(three: Jobrunner, folder: Path) -> None:
    called = three("rollback", "1", "--out", "back.jrplan", "--yes")
    assert (called.exit_code, (folder / "back.jrplan").exists()) == (64, False)


def test_rollback_of_one_job_leaves_the_others(three: Jobrunner) -> None:
    assert three("rollback", "1", "--yes", "--target", "ops/greet").exit_code == 0
    assert region(three) == "us"
    assert three("get", "ops/greet").exit_code == 0


def test_rollback_needs_no_job_file(three: Jobrunner, folder: Path) -> None:
    (folder / "jobs.d" / "ops.yaml").write_text("jobs: [broken", encoding="utf-8")
    assert three("rollback", "1", "--yes").exit_code == 0


def test_rollback_where_nobody_can_answer_names_the_digest(
    three: Jobrunner, engine: Engine
) -> None:
    called = three("rollback", "1")
    assert called.exit_code == 64
    assert "jobrunner rollback 1 --yes --expect " in called.stderr
    assert revisions(engine) == 3


def test_no_drift_is_one_line(three: Jobrunner) -> None:
    three("pause", "ops/report")
    called = three("drift", "--detailed-exitcode")
    assert called.exit_code == 0
    assert called.stdout == "No drift. 1 job is as revision 3 has left it.\n"


def test_drift_names_both_values_and_exits_2_when_asked_to(
    three: Jobrunner, engine: Engine
) -> None:
    change_by_hand(engine, "UPDATE jobrunner.jobs SET queue = 'slow'")
    called = three("drift", "--detailed-exitcode")
    assert called.exit_code == 2
    assert 'ops/report  queue  "slow" in the database, "default" applied' in called.stdout
    assert three("drift").exit_code == 0
    assert three("rollback", "3", "--yes").exit_code == 0
    assert three("drift", "--detailed-exitcode").exit_code == 0


def test_drift_for_programs(three: Jobrunner, engine: Engine) -> None:
    change_by_hand(engine, "UPDATE jobrunner.jobs SET queue = 'slow'")
    found = json.loads(three("drift", "-o", "json").stdout)
    assert (found["drift"], found["revision"]) == (True, 3)
    assert found["changes"][0]["fields"][0]["path"] == "queue"


def test_without_a_project_file_the_only_project_is_meant(three: Jobrunner, engine: Engine) -> None:
    change_by_hand(engine, "UPDATE jobrunner.projects SET name = 'acme'")
    assert three("history").exit_code == 0
    change_by_hand(engine, "INSERT INTO jobrunner.projects (name) VALUES ('other')")
    called = three("drift")
    assert called.exit_code == 1
    assert "the database holds 2 projects: acme, other" in called.stderr


def test_jobs_and_runs_know_the_file_the_line_and_the_revision_that_defined_them(
    three: Jobrunner, folder: Path
) -> None:
    three("run", "ops/report")
    [run] = json.loads(three("runs", "list", "-o", "json").stdout)
    save(folder, "queue: low", "queue: high")
    three("apply", "--yes")

    job = json.loads(three("get", "ops/report", "-o", "json").stdout)
    shown = json.loads(three("runs", "show", run["id"], "-o", "json").stdout)

    assert (job["file"], job["line"], job["revision"]) == ("jobs.d/ops.yaml", 4, 4)
    assert (shown["file"], shown["line"], shown["revision"]) == ("jobs.d/ops.yaml", 4, 2)
    assert "jobs.d/ops.yaml:4, revision 4" in three("get", "ops/report").stdout
    assert "jobs.d/ops.yaml:4, revision 2" in three("runs", "show", run["id"]).stdout
