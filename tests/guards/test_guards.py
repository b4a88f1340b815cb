"""Each guard, as a pipeline meets it: the command, its exit code, and the flag that it names."""

import json
import shutil

import pytest

from tests.project import Project

JOBS = """\
version: 1
namespace: ops
jobs:
"""
PROJECT = "project: acme\n"


def write_jobs(project: Project, *names: str) -> None:
    """A file of these jobs."""
    jobs = [f"  {name}: {{task: app.tasks.run}}\n" for name in names]
    project.write("jobs.d/ops.yaml", JOBS + "".join(jobs))


def write_protected(project: Project) -> None:
    project.write(
        "jobs.d/ops.yaml",
        f"{JOBS}  a: {{task: app.tasks.run, protect: true}}\n  b: {{task: app.b}}\n",
    )


@pytest.fixture
def acme(project: Project) -> Project:
    """Four jobs in force."""
    project.write("jobrunner.yaml", PROJECT)
    write_jobs(project, "a", "b", "c", "d")
    assert project.call("apply", "--yes").returncode == 0
    return project


def in_force(project: Project) -> list[str]:
    listed = json.loads(project.call("list", "-o", "json").stdout)
    return [job["address"].partition("/")[2] for job in listed]


def test_a_mass_deletion_is_refused_until_its_number_is_named(acme: Project) -> None:
    write_jobs(acme, "a")
    refused = acme.run("apply", "--yes")
    assert refused.returncode == 4
    assert "deletes 3 of 4 jobs" in refused.stderr
    assert "--allow-deletes 3" in refused.stderr
    assert acme.call("apply", "--yes", "--allow-deletes", "2").returncode == 4
    assert in_force(acme) == ["a", "b", "c", "d"]
    assert acme.call("apply", "--yes", "--allow-deletes", "3").returncode == 0
    assert in_force(acme) == ["a"]


def test_a_plan_says_already_what_an_apply_would_refuse(acme: Project) -> None:
    write_jobs(acme, "a")
    shown = acme.call("plan").stdout
    assert "An apply refuses this: The plan deletes 3 of 4 jobs" in shown
    assert "→ If that is what you want, add --allow-deletes 3 to `jobrunner apply`." in shown
    told = json.loads(acme.call("plan", "-o", "json").stdout)["refused"]
    assert told["reason"] in shown
    assert "**An apply refuses this:**" in acme.call("plan", "-o", "markdown").stdout


def test_the_project_sets_how_many_deletions_need_no_word(acme: Project) -> None:
    acme.write("jobrunner.yaml", PROJECT + "guards: {max_deletes: 0}\n")
    write_jobs(acme, "a", "b", "c")
    assert acme.call("apply", "--yes").returncode == 4
    acme.write("jobrunner.yaml", PROJECT + "guards: {max_deletes: 1}\n")
    assert acme.call("apply", "--yes").returncode == 0


def test_a_move_is_no_deletion(acme: Project) -> None:
    moves = "moved: [{from: ops/a, to: ops/e}]\n"
    acme.write("jobrunner.yaml", PROJECT + "guards: {max_deletes: 0}\n" + moves)
    write_jobs(acme, "b", "c", "d", "e")
    assert acme.call("apply", "--yes").returncode == 0
    assert in_force(acme) == ["b", "c", "d", "e"]


def test_fault_55_files_without_any_job_are_refused(acme: Project) -> None:
    acme.write("jobs.d/ops.yaml", "")
    refused = acme.call("apply", "--yes")
    assert (refused.returncode, "No job at all would be left" in refused.stderr) == (4, True)


def test_fault_55_a_folder_that_is_not_there_deletes_nothing(acme: Project) -> None:
    shutil.rmtree(acme.path / "jobs.d")
    refused = acme.call("apply", "--yes")
    assert refused.returncode == 4
    assert "The folder jobs.d is not there" in refused.stderr
    assert in_force(acme) == ["a", "b", "c", "d"]


def test_a_protected_job_that_leaves_the_files_stays_until_it_is_named(acme: Project) -> None:
    write_protected(acme)
    assert acme.call("apply", "--yes").returncode == 0
    write_jobs(acme, "b")
    refused = acme.call("apply", "--yes", "--allow-deletes", "1")
    assert refused.returncode == 4
    assert "ops/a is protected" in refused.stderr
    assert acme.call("apply", "--yes", "--allow-protected", "ops/a").returncode == 0
    assert in_force(acme) == ["b"]


def test_an_apply_that_takes_the_protection_away_comes_before_the_one_that_deletes(
    acme: Project,
) -> None:
    write_protected(acme)
    acme.call("apply", "--yes")
    write_jobs(acme, "a", "b")
    assert acme.call("apply", "--yes").returncode == 0
    write_jobs(acme, "b")
    assert acme.call("apply", "--yes").returncode == 0


def test_a_rollback_deletes_no_protected_job_either(acme: Project) -> None:
    acme.write("jobs.d/more.yaml", f"{JOBS}  e: {{task: app.tasks.run, protect: true}}\n")
    assert acme.call("apply", "--yes").returncode == 0
    assert acme.call("rollback", "1", "--yes").returncode == 4
    assert acme.call("rollback", "1", "--yes", "--allow-protected", "ops/e").returncode == 0


def test_where_a_plan_is_required_only_one_that_was_looked_at_is_applied(acme: Project) -> None:
    acme.write("jobrunner.yaml", PROJECT + "guards: {require_plan: true}\n")
    write_jobs(acme, "a", "b", "c")
    refused = acme.call("apply", "--yes")
    digest = json.loads(acme.call("plan", "--format", "json").stdout)["digest"]
    assert refused.returncode == 4
    assert f"jobrunner apply --expect {digest}" in refused.stderr
    assert acme.call("apply", "--yes", "--expect", digest).returncode == 0


def test_where_a_plan_is_required_a_saved_one_will_do(acme: Project) -> None:
    acme.write("jobrunner.yaml", PROJECT + "guards: {require_plan: true}\n")
    write_jobs(acme, "a", "b", "c")
    acme.call("plan", "--out", "plan.jrplan")
    assert acme.call("apply", "plan.jrplan", "--yes").returncode == 0


def test_where_a_plan_is_required_watch_shows_it_and_waits(acme: Project) -> None:
    acme.write("jobrunner.yaml", PROJECT + "guards: {require_plan: true}\n")
    write_jobs(acme, "a", "b", "c")
    watch = acme.start("watch")
    watch.wait_for_line("not applied; this waits for a person")
    watch.wait_for_line("jobrunner apply --expect ")
    assert in_force(acme) == ["a", "b", "c", "d"]


def test_a_plan_is_required_in_the_environment_that_says_so(acme: Project) -> None:
    acme.write(
        "jobrunner.yaml", "project: other\nenvironments: {prod: {guards: {require_plan: true}}}\n"
    )
    acme.write(
        "jobs.d/ops.yaml", "version: 1\nnamespace: other\njobs: {a: {task: app.tasks.run}}\n"
    )
    assert acme.call("-e", "prod", "apply", "--yes").returncode == 4
    assert acme.call("apply", "--yes").returncode == 0


def test_another_environment_than_that_of_the_database_is_refused(acme: Project) -> None:
    refused = acme.call("-e", "staging", "apply", "--yes")
    assert refused.returncode == 4
    assert "for environment staging" in refused.stderr


ENVIRONMENTS = PROJECT + "environments: {prod: {}, staging: {}}\n"


def test_a_project_that_gains_environments_takes_over_what_is_in_force_when_that_is_said(
    acme: Project,
) -> None:
    acme.write("jobrunner.yaml", ENVIRONMENTS)
    refused = acme.call("apply", "-e", "prod", "--yes")
    assert refused.returncode == 4
    assert "holds project acme for no environment" in refused.stderr
    assert "--adopt" in refused.stderr
    adopted = acme.call("apply", "-e", "prod", "--yes", "--adopt")
    assert adopted.returncode == 0
    assert "Adopts 4 jobs of project acme" in adopted.stdout
    assert "Applied as revision 2" in adopted.stdout
    assert acme.call("plan", "-e", "prod", "--detailed-exitcode").returncode == 0


def test_what_was_taken_over_is_that_environments_and_no_others(acme: Project) -> None:
    acme.write("jobrunner.yaml", ENVIRONMENTS)
    assert acme.call("apply", "-e", "prod", "--yes", "--adopt").returncode == 0
    refused = acme.call("apply", "-e", "staging", "--yes", "--adopt")
    assert refused.returncode == 4
    assert "holds project acme for environment prod" in refused.stderr


def test_what_is_taken_over_may_change_at_once(acme: Project) -> None:
    acme.write("jobrunner.yaml", ENVIRONMENTS)
    write_jobs(acme, "a", "b", "c", "d", "e")
    assert acme.call("apply", "-e", "prod", "--yes", "--adopt").returncode == 0
    assert in_force(acme) == ["a", "b", "c", "d", "e"]


def test_to_take_over_where_nothing_is_to_be_taken_over_is_no_change(acme: Project) -> None:
    again = acme.call("apply", "--yes", "--adopt")
    assert again.returncode == 0
    assert "No changes" in again.stdout
    assert "Applied" not in again.stdout


def test_a_saved_plan_can_take_over_what_is_in_force(acme: Project) -> None:
    acme.write("jobrunner.yaml", ENVIRONMENTS)
    assert acme.call("plan", "-e", "prod", "--out", "p.jrplan").returncode == 0
    assert acme.call("apply", "p.jrplan", "--yes").returncode == 4
    assert acme.call("apply", "p.jrplan", "--yes", "--adopt").returncode == 0
    assert acme.call("apply", "-e", "prod", "--yes").returncode == 0
