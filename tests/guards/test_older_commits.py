"""Two pods with different checkouts of one project: the older one is refused (fault 64)."""

import subprocess
from pathlib import Path

import pytest

from tests.project import Project

JOB = "version: 1\nnamespace: ops\njobs:\n  a: {{task: app.tasks.run, queue: {queue}}}\n"


def git(folder: Path, *arguments: str, at: str = "2026-11-20T12:00:00Z") -> str:
    """Git without the configuration of this machine; `at` is the committer's clock."""
    names = {"NAME": "ada", "EMAIL": "ada@example.org", "DATE": at}
    who = {f"GIT_{role}_{key}": v for role in ("AUTHOR", "COMMITTER") for key, v in names.items()}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_CONFIG_GLOBAL": "/dev/null", **who},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def commit(project: Project, queue: str, *, at: str = "2026-11-20T12:00:00Z") -> str:
    project.write("jobs.d/ops.yaml", JOB.format(queue=queue))
    git(project.path, "add", "jobs.d", "jobrunner.yaml")
    git(project.path, "commit", "-q", "-m", queue, at=at)
    return git(project.path, "rev-parse", "HEAD")


def apply_in(project: Project, folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = ("--config", f"{folder}/jobrunner.yaml")
    return project.call("apply", "--yes", *config, *arguments)


@pytest.fixture
def acme(project: Project) -> Project:
    """A repository with the commits `one` and `two`, and a checkout `pod` that stands at `one`."""
    project.write("jobrunner.yaml", "project: acme\n")
    project.write(".gitignore", "pod\n")
    git(project.path, "init", "-q")
    commit(project, "one", at="2026-11-19T12:00:00Z")
    git(project.path, "clone", "-q", ".", "pod")
    commit(project, "two", at="2026-11-20T12:00:00Z")
    assert apply_in(project, "pod").returncode == 0
    assert apply_in(project, ".").returncode == 0
    return project


def test_fault_64_a_checkout_that_has_never_heard_of_the_newer_commit_is_refused_by_the_clock(
    acme: Project,
) -> None:
    refused = apply_in(acme, "pod")
    assert refused.returncode == 4
    assert "of 19 Nov 2026 12:00 UTC is older than" in refused.stderr
    assert "of 20 Nov 2026 12:00 UTC, which" in refused.stderr
    assert "--allow-older" in refused.stderr


def test_fault_64_an_ancestor_is_refused_whatever_its_clock_says(acme: Project) -> None:
    commit(acme, "three", at="2026-11-01T12:00:00Z")
    assert apply_in(acme, ".").returncode == 0
    git(acme.path, "checkout", "-q", "HEAD~1")
    assert apply_in(acme, ".").returncode == 4


def test_fault_64_in_a_shallow_checkout_the_clock_decides(acme: Project) -> None:
    commit(acme, "three", at="2026-11-21T12:00:00Z")
    assert apply_in(acme, ".").returncode == 0
    git(acme.path, "branch", "two", "HEAD~1")
    repository = f"file://{acme.path}"
    git(acme.path / "pod", "fetch", "-q", "--depth", "1", repository, "two:two")
    git(acme.path / "pod", "fetch", "-q", "--depth", "1", repository, "main:three")
    git(acme.path / "pod", "checkout", "-q", "two")
    assert apply_in(acme, "pod").returncode == 4


def test_an_older_commit_is_applied_when_that_is_meant(acme: Project) -> None:
    assert apply_in(acme, "pod", "--allow-older").returncode == 0
    assert "as revision 4" in apply_in(acme, ".").stdout


def test_a_revert_is_a_new_commit_and_passes(acme: Project) -> None:
    git(acme.path, "revert", "--no-edit", "HEAD", at="2026-11-20T13:00:00Z")
    assert apply_in(acme, ".").returncode == 0


def test_an_older_checkout_that_would_change_nothing_is_left_in_peace(acme: Project) -> None:
    acme.write("pod/jobs.d/ops.yaml", JOB.format(queue="two"))
    assert apply_in(acme, "pod").returncode == 0


def test_what_a_rollback_went_back_from_can_be_applied_again(acme: Project) -> None:
    assert acme.call("rollback", "1", "--yes").returncode == 0
    assert apply_in(acme, "pod").returncode == 0  # nothing to do
    assert apply_in(acme, ".").returncode == 0


def test_fault_64_a_rollback_opens_no_door_for_older_files(acme: Project) -> None:
    git(acme.path, "checkout", "-q", "HEAD~1")
    acme.write("jobs.d/ops.yaml", JOB.format(queue="dirty"))
    assert acme.call("rollback", "1", "--yes").returncode == 0
    assert apply_in(acme, ".").returncode == 4


def test_a_saved_plan_waits_while_others_apply_newer_files_and_lowers_no_bar(acme: Project) -> None:
    acme.write("pod/jobs.d/more.yaml", JOB.format(queue="x").replace("  a:", "  b:"))
    config = ("--config", "pod/jobrunner.yaml")
    saved = acme.call("plan", *config, "--target", "ops/b", "--out", "plan.jrplan")
    assert saved.returncode == 0
    assert acme.call("apply", "plan.jrplan", "--yes").returncode == 0
    acme.write("pod/jobs.d/more.yaml", JOB.format(queue="y").replace("  a:", "  b:"))
    assert apply_in(acme, "pod").returncode == 4


def test_without_git_there_is_no_such_guard(acme: Project) -> None:
    (acme.path / ".git").rename(acme.path / "gone")
    acme.write("jobs.d/ops.yaml", JOB.format(queue="three"))
    assert apply_in(acme, ".").returncode == 0


def test_fault_64_a_watch_of_the_older_checkout_shows_it_and_waits(acme: Project) -> None:
    watch = acme.start("watch", "--config", "pod/jobrunner.yaml")
    watch.wait_for_line("not applied; this waits for a person")
    watch.wait_for_line("is older than")


def test_fault_64_two_who_undo_each_other_are_told(acme: Project) -> None:
    apply_in(acme, "pod", "--allow-older")
    quiet = apply_in(acme, ".", "--allow-older")
    apply_in(acme, "pod", "--allow-older")
    told = apply_in(acme, ".", "--allow-older")
    assert "undo them" not in quiet.stderr
    assert "Revisions 3 to 6 make the same changes and undo them, in turn." in told.stderr
