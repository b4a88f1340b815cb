"""plan and apply at the command line: what is shown, what is asked, which code comes back."""

import json
import shlex
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.projects import lock_project
from tests.cli.conftest import JOBS, Jobrunner


def save(folder: Path, old: str, new: str) -> None:
    """Edit the one file of jobs."""
    assert old in JOBS
    (folder / "jobs.d" / "ops.yaml").write_text(JOBS.replace(old, new), encoding="utf-8")


def revisions(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(
            connection.execute(text("SELECT count(*) FROM jobrunner.revisions")).scalar_one()
        )


def test_a_first_plan_creates_everything_and_writes_nothing(
    jobrunner: Jobrunner, engine: Engine
) -> None:
    called = jobrunner("plan")
    assert called.exit_code == 0
    assert "  + ops/greet" in called.stdout
    assert "jobs.d/ops.yaml:4   owner data" in called.stdout
    assert '#default  cron "30 5 * * *" Europe/Berlin   next ' in called.stdout
    assert "Plan: 2 to add, 0 to change, 0 to delete, 0 unchanged." in called.stdout
    assert "base revision 0" in called.stderr
    assert revisions(engine) == 0


def test_plan_after_apply_is_one_line(jobrunner: Jobrunner) -> None:
    assert jobrunner("apply", "--yes").exit_code == 0
    called = jobrunner("plan", "--detailed-exitcode")
    assert called.exit_code == 0
    assert called.stdout == "No changes. 2 jobs match the database at revision 1.\n"


def test_changes_exit_2_only_when_asked_for(jobrunner: Jobrunner) -> None:
    assert jobrunner("plan").exit_code == 0
    assert jobrunner("plan", "--detailed-exitcode").exit_code == 2


def test_an_edit_shows_its_field_its_line_and_the_next_runs(
    jobrunner: Jobrunner, folder: Path
) -> None:
    jobrunner("apply", "--yes")
    save(folder, '"30 5 * * *"', '"45 5 * * *"')
    told = jobrunner("plan").stdout
    assert "  ~ ops/report" in told
    assert 'schedule.cron  "30 5 * * *" -> "45 5 * * *"  :10' in told
    assert "05:45 CE" in told.partition("->")[2]
    assert "Plan: 0 to add, 1 to change, 0 to delete, 1 unchanged." in told


def test_the_plan_for_programs_has_its_version_and_digest(jobrunner: Jobrunner) -> None:
    plan = json.loads(jobrunner("plan", "--format", "json").stdout)
    assert plan["format_version"].startswith("1.")
    assert [change["address"] for change in plan["changes"]] == ["ops/greet", "ops/report"]
    assert plan["digest"]


def test_invalid_files_exit_1_with_the_place_and_without_a_database(
    jobrunner: Jobrunner, folder: Path
) -> None:
    save(folder, "owner: data", "ower: data")
    called = jobrunner("plan")
    assert (called.exit_code, called.stdout) == (1, "")
    assert "--> jobs.d/ops.yaml:8:5" in called.stderr


def test_apply_on_a_pipe_refuses_without_yes(jobrunner: Jobrunner, engine: Engine) -> None:
    called = jobrunner("apply")
    assert called.exit_code == 64
    assert "jobrunner apply --yes" in called.stderr
    assert revisions(engine) == 0


def test_apply_on_a_terminal_asks_and_no_applies_nothing(
    jobrunner: Jobrunner, engine: Engine
) -> None:
    called = jobrunner("apply", answer="n\n", terminal=True)
    assert called.exit_code == 130
    assert "Apply this? [y/N]" in called.stderr
    assert revisions(engine) == 0


def test_apply_on_a_terminal_applies_what_was_shown(jobrunner: Jobrunner) -> None:
    called = jobrunner("apply", answer="y\n", terminal=True)
    assert called.exit_code == 0
    assert "as revision 1 of default." in called.stdout


def test_apply_with_the_digest_of_the_plan(jobrunner: Jobrunner) -> None:
    digest = json.loads(jobrunner("plan", "--format", "json").stdout)["digest"]
    assert jobrunner("apply", "--yes", "--expect", digest).exit_code == 0


def test_apply_with_another_digest_exits_3_and_writes_nothing(
    jobrunner: Jobrunner, engine: Engine
) -> None:
    called = jobrunner("apply", "--yes", "--expect", "000000000000")
    assert called.exit_code == 3
    assert revisions(engine) == 0


@pytest.mark.parametrize("terminal", [False, True])
def test_another_digest_than_that_of_the_plan_is_told_before_anybody_is_asked(
    terminal: bool,  # noqa: FBT001  a parameter of pytest
    jobrunner: Jobrunner,
) -> None:
    called = jobrunner("apply", "--expect", "000000000000", answer="y\n", terminal=terminal)
    told = " ".join(called.stderr.split())
    assert called.exit_code == 3
    assert "The plan is no longer the one that was expected" in told
    assert "Apply this?" not in told


def test_a_longer_lock_timeout_than_postgresql_has_is_wrong_usage(jobrunner: Jobrunner) -> None:
    longest = "24d20h31m23s647ms"
    refused = jobrunner("apply", "--yes", "--lock-timeout", "25d")
    assert refused.exit_code == 64
    assert f"'25d'.\n  → Write {longest} at most.\n" in refused.stderr
    assert jobrunner("apply", "--yes", "--lock-timeout", longest).exit_code == 0


def test_an_empty_digest_stands_for_no_plan(jobrunner: Jobrunner, engine: Engine) -> None:
    called = jobrunner("apply", "--yes", "--expect", "")
    assert (called.exit_code, revisions(engine)) == (64, 0)
    assert "--expect has no digest." in called.stderr


def test_the_command_to_paste_where_nobody_can_answer_has_the_same_targets(
    jobrunner: Jobrunner,
) -> None:
    called = jobrunner("-e", "prod", "apply", "--target", "ops/*")
    assert called.exit_code == 64
    assert "jobrunner apply -e prod --target 'ops/*' --yes," in called.stderr


def test_the_command_to_paste_does_what_was_asked(jobrunner: Jobrunner, folder: Path) -> None:
    save(folder, "  greet:\n", "  greet:\n    protect: true\n")
    jobrunner("-e", "prod", "apply", "--yes")
    (folder / "jobs.d" / "ops.yaml").write_text("", encoding="utf-8")
    guarded = "project: default\nguards: {require_plan: true}\n"
    (folder / "jobrunner.yaml").write_text(guarded, encoding="utf-8")
    digest = json.loads(jobrunner("-e", "prod", "plan", "--format", "json").stdout)["digest"]
    given = "-e prod --allow-deletes 2 --allow-protected ops/greet --lock-timeout 45s"
    called = jobrunner("apply", *given.split(), "--expect", digest)
    hint = called.stderr.partition("→ ")[2].strip()
    assert hint == f"jobrunner apply {given} --yes --expect {digest}"
    assert jobrunner(*shlex.split(hint)[1:]).exit_code == 0


def test_the_command_to_paste_has_the_project_file_and_all_that_was_agreed_to(
    jobrunner: Jobrunner, folder: Path
) -> None:
    (folder / "of ours.yaml").write_text("project: default\n", encoding="utf-8")
    called = jobrunner("--config", "of ours.yaml", "apply", "--allow-older", "--adopt")
    assert "  → jobrunner apply --config 'of ours.yaml' --allow-older --adopt --yes," in (
        called.stderr
    )


def test_a_guard_exits_4_and_names_the_flag_that_overrides(
    jobrunner: Jobrunner, folder: Path
) -> None:
    jobrunner("apply", "--yes")
    (folder / "jobs.d" / "ops.yaml").write_text("", encoding="utf-8")
    refused = jobrunner("apply", "--yes")
    assert refused.exit_code == 4
    assert "--allow-deletes 2" in refused.stderr
    allowed = jobrunner("apply", "--yes", "--allow-deletes", "2")
    assert allowed.exit_code == 0
    assert "Plan: 0 to add, 0 to change, 2 to delete, 0 unchanged." in allowed.stdout


def test_a_lock_that_another_holds_exits_5(jobrunner: Jobrunner, engine: Engine) -> None:
    jobrunner("apply", "--yes")
    with engine.begin() as connection:
        lock_project(connection, "default")
        called = jobrunner("apply", "--yes", "--lock-timeout", "100ms")
    assert called.exit_code == 5
    assert "Another apply of project default is under way: " in called.stderr
    assert "(PostgreSQL's process " in called.stderr


def test_an_apply_that_changes_nothing_makes_no_revision(
    jobrunner: Jobrunner, engine: Engine
) -> None:
    jobrunner("apply", "--yes")
    called = jobrunner("apply", "--yes")
    assert called.exit_code == 0
    assert "No changes." in called.stdout
    assert revisions(engine) == 1


def test_a_pause_is_told_and_stays(jobrunner: Jobrunner, folder: Path) -> None:
    jobrunner("apply", "--yes")
    jobrunner("pause", "ops/report")
    save(folder, "region: eu", "region: us")
    told = jobrunner("apply", "--yes").stdout
    assert 'kwargs.region  "eu" -> "us"  :7' in told
    assert "stays paused" in told
    assert json.loads(jobrunner("get", "ops/report", "-o", "json").stdout)["paused"] is True


def test_a_project_that_is_default_for_want_of_a_file_says_so(
    jobrunner: Jobrunner, folder: Path
) -> None:
    assert "project default (no jobrunner.yaml was found)" in jobrunner("plan").stderr
    (folder / "jobrunner.yaml").write_text("project: acme\n", encoding="utf-8")
    jobrunner("apply", "--yes")
    (folder / "jobrunner.yaml").unlink()
    called = jobrunner("plan")
    assert called.exit_code == 1
    assert "Project default defines jobs that another project owns" in called.stderr
    assert f"No jobrunner.yaml was found in {folder} or above it" in called.stderr


def test_a_warning_is_shown_with_its_line_in_plan_and_validate(
    jobrunner: Jobrunner, folder: Path
) -> None:
    save(folder, '"30 5 * * *"', '"30 2 * * *"')
    drawn = (
        "  --> jobs.d/ops.yaml:10:5\n"
        '10 |     schedule: {cron: "30 2 * * *", timezone: Europe/Berlin}\n'
        "   |     ^^^^^^^^ use "
    )
    assert drawn in jobrunner("plan").stdout
    assert drawn in jobrunner("validate").stdout


def test_fault_66_a_job_that_moves_says_from_where_and_that_its_pause_stays(
    jobrunner: Jobrunner, folder: Path
) -> None:
    jobrunner("apply", "--yes")
    jobrunner("pause", "ops/greet")
    save(folder, "  greet:", "  say-hello:")
    moved = "moved:\n  - {from: ops/greet, to: ops/say-hello}\n"
    (folder / "jobrunner.yaml").write_text(moved, encoding="utf-8")
    told = jobrunner("apply", "--yes").stdout
    assert "  > ops/say-hello  move     from ops/greet; history, last run, pause kept" in told
    assert "stays paused" in told
    assert "Plan: 0 to add, 0 to change, 1 to move, 0 to delete, 1 unchanged." in told
    assert json.loads(jobrunner("get", "ops/say-hello", "-o", "json").stdout)["paused"] is True
    assert jobrunner("plan").stdout.startswith("No changes.")
