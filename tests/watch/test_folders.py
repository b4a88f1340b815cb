"""A real `jobrunner watch` on a real folder, whatever becomes of the folder."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import Project, StartedProcess
from tests.watch.conftest import JOBS
from tests.watch.writing import AtomicWriter, git, swap_link

FIRST = "applied as revision 1"
AS_NOBODY = ("setpriv", "--reuid=65534", "--clear-groups") if os.geteuid() == 0 else ()
"""Root may do everything."""
USER_NAMESPACE = ("unshare", "--user", "--map-root-user")
TWO_HOURS = JOBS.replace("1h", "2h")


def start_watch(project: Project, *options: str) -> StartedProcess:
    """It has applied what is there."""
    watch = project.start("watch", *options)
    watch.wait_for_line(FIRST)
    return watch


def revisions(watch: StartedProcess) -> list[str]:
    """The last word of each line that tells of an apply: its number."""
    return [line.split()[-1] for line in watch.lines if "applied as revision" in line]


def test_fault_56_a_config_map_is_swapped_at_once_and_without_a_word_in_between(
    acme: Project,
) -> None:
    shutil.rmtree(acme.path / "jobs.d")
    mount = AtomicWriter(acme.path / "jobs.d")
    mount.write({"ops.yaml": JOBS, "old.yaml": "jobs: {old: {task: app.old}}\n"})
    watch = start_watch(acme)
    mount.write({"ops.yaml": TWO_HOURS, "new.yaml": "jobs: {new: {task: app.new}}\n"})
    watch.wait_for_line("Plan: 1 to add, 1 to change, 1 to delete")
    mount.write({"ops.yaml": JOBS, "new.yaml": "jobs: {new: {task: app.new}}\n"})
    watch.wait_for_line("applied as revision 3")
    assert "✕" not in watch.output


def test_fault_56_a_config_map_may_be_the_whole_project(acme: Project) -> None:
    mount = AtomicWriter(acme.path / "mount")
    project_file = "project: acme\ninclude: ['*.yaml']\n"
    mount.write({"jobrunner.yaml": project_file, "ops.yaml": JOBS})
    acme.environment["JOBRUNNER_CONFIG"] = str(acme.path / "mount" / "jobrunner.yaml")
    watch = start_watch(acme)
    mount.write({"jobrunner.yaml": project_file, "ops.yaml": TWO_HOURS})
    watch.wait_for_line("1h -> 2h")


@pytest.mark.parametrize("named_by", ["PWD", "JOBRUNNER_CONFIG"])
def test_fault_56_a_link_above_the_root_may_lead_to_another_checkout(
    acme: Project, named_by: str
) -> None:
    """As git-sync does it: a new work tree, the link swapped, the old work tree removed."""
    trees = acme.path / ".worktrees"
    for revision, jobs in (("4f2c9e1", JOBS), ("9ab03d7", TWO_HOURS)):
        acme.write(f".worktrees/{revision}/jobrunner.yaml", "project: acme\n")
        acme.write(f".worktrees/{revision}/jobs.d/ops.yaml", jobs)
    current = acme.path / "current"
    swap_link(current, Path(".worktrees/4f2c9e1"))
    acme.environment |= {"PWD": str(current), "JOBRUNNER_CONFIG": str(current / "jobrunner.yaml")}
    del acme.environment[{"PWD": "JOBRUNNER_CONFIG", "JOBRUNNER_CONFIG": "PWD"}[named_by]]
    watch = acme.start_program("env", "-C", str(current), "jobrunner", "watch")
    watch.wait_for_line(FIRST)
    swap_link(current, Path(".worktrees/9ab03d7"))
    shutil.rmtree(trees / "4f2c9e1")
    watch.wait_for_line("1h -> 2h")
    assert "✕" not in watch.output


def test_fault_55_a_root_that_is_removed_deletes_nothing_and_goes_on_when_it_is_back(
    acme: Project,
) -> None:
    watch = start_watch(acme)
    shutil.rmtree(acme.path)
    watch.wait_for_line("jobrunner.yaml has gone. Nothing was changed")
    acme.write("jobrunner.yaml", "project: acme\n")
    acme.write("jobs.d/ops.yaml", TWO_HOURS)
    watch.wait_for_line("1h -> 2h")


def test_fault_55_a_folder_that_is_not_mounted_waits_for_a_person(acme: Project) -> None:
    watch = start_watch(acme)
    (acme.path / "jobs.d").rename(acme.path / "unmounted")
    watch.wait_for_line("not applied; this waits for a person")
    watch.wait_for_line("The folder jobs.d is not there")
    (acme.path / "unmounted").rename(acme.path / "jobs.d")
    watch.wait_for_line("in force: 2 jobs, revision 1")


def test_a_guard_that_has_said_no_ends_with_an_apply_by_hand(acme: Project) -> None:
    watch = start_watch(acme, "--resync", "1s")
    acme.write("jobs.d/ops.yaml", "jobs:\n")
    watch.wait_for_line("not applied; this waits for a person")
    assert "waits for a person" in acme.run("status").stdout
    assert acme.run("apply", "--yes", "--allow-deletes", "2").returncode == 0
    watch.wait_for_line("no job yet")
    assert watch.output.count("not applied") == 1


def test_a_rollback_stands_until_the_files_change(acme: Project) -> None:
    watch = start_watch(acme, "--resync", "200ms")
    acme.write("jobs.d/ops.yaml", TWO_HOURS)
    watch.wait_for_line("applied as revision 2")
    back = acme.run("rollback", "1", "--yes")
    assert "is at work: it applies when its files change" in back.stderr
    acme.write("jobs.d/more.yaml", "jobs: {new: {task: app.new}}\n")
    watch.wait_for_line("applied as revision 4")
    watch.wait_for_line("Plan: 1 to add, 1 to change")
    assert revisions(watch) == ["1", "2", "4"]


def test_a_checkout_of_five_hundred_files_is_one_apply(acme: Project) -> None:
    for number in range(500):
        acme.write(f"jobs.d/{number}.yaml", f"jobs: {{job-{number}: {{task: app.one}}}}\n")
    git(acme, "init", "--quiet", "--initial-branch=one")
    git(acme, "add", ".")
    git(acme, "commit", "--quiet", "-m", "one")
    git(acme, "checkout", "--quiet", "-b", "two")
    for number in range(500):
        acme.write(f"jobs.d/{number}.yaml", f"jobs: {{job-{number}: {{task: app.two}}}}\n")
    git(acme, "commit", "--quiet", "-am", "two")
    git(acme, "checkout", "--quiet", "one")
    watch = start_watch(acme)
    git(acme, "checkout", "--quiet", "two")
    watch.wait_for_line("Plan: 0 to add, 500 to change, 0 to delete")
    assert revisions(watch) == ["1", "2"]


def test_fault_54_a_file_of_which_only_a_part_is_written_is_waited_for(acme: Project) -> None:
    watch = start_watch(acme)
    begun = len(watch.lines)
    with (acme.path / "jobs.d" / "ops.yaml").open("w", encoding="utf-8") as file:
        file.write(TWO_HOURS[: TWO_HOURS.index("  mail")])
        file.flush()
        # Another file, which is applied as soon as it may be.
        acme.write("jobs.d/other.yaml", "jobs: {other: {task: app.other}}\n")
        with pytest.raises(AssertionError):
            watch.wait_for_line("applied", timeout_seconds=2.0, after=begun)
        file.write(TWO_HOURS[TWO_HOURS.index("  mail") :])
    watch.wait_for_line("Plan: 1 to add, 1 to change, 0 to delete", after=begun)


def save_as_vim(file: Path, text: str) -> None:
    """A probe for permissions, the old file kept as a backup, a new one, the backup removed."""
    probe, backup = file.with_name("4913"), file.with_name(f"{file.name}~")
    probe.touch()
    probe.unlink()
    file.rename(backup)
    file.write_text(text, encoding="utf-8")
    backup.unlink()


def save_as_emacs(file: Path, text: str) -> None:
    """A lock that is a link to nowhere, a recovery file, a backup; written in place."""
    lock, recovery = file.with_name(f".#{file.name}"), file.with_name(f"#{file.name}#")
    lock.symlink_to("ada@host.4711:1763740800")
    recovery.write_text(text[:40], encoding="utf-8")
    shutil.copy(file, file.with_name(f"{file.name}~"))
    file.write_text(text, encoding="utf-8")
    recovery.unlink()
    lock.unlink()


def save_in_place(file: Path, text: str) -> None:
    """Emptied, then written: VS Code, nano, a shell's `>`."""
    file.write_text("", encoding="utf-8")
    file.write_text(text, encoding="utf-8")


def save_by_exchange(file: Path, text: str) -> None:
    """A new file takes the old one's place: JetBrains, `sed -i`, rsync."""
    new = file.with_name(f"{file.name}___jb_tmp___")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


@pytest.mark.parametrize("save", [save_as_vim, save_as_emacs, save_in_place, save_by_exchange])
def test_what_editors_do_to_save_is_one_change_and_no_error(
    acme: Project, save: Callable[[Path, str], None]
) -> None:
    watch = start_watch(acme)
    save(acme.path / "jobs.d" / "ops.yaml", TWO_HOURS)
    watch.wait_for_line("1h -> 2h")
    save(acme.path / "jobs.d" / "ops.yaml", JOBS)
    watch.wait_for_line("2h -> 1h")
    assert revisions(watch) == ["1", "2", "3"]
    assert "✕" not in watch.output


def test_a_lost_event_is_made_good_by_the_next_resync(acme: Project) -> None:
    """A file that is written by its other name: no folder that is listened to tells of it."""
    other_name = acme.path / "elsewhere.txt"
    other_name.hardlink_to(acme.path / "jobs.d" / "ops.yaml")
    watch = start_watch(acme, "--resync", "1s")
    other_name.write_text(TWO_HOURS, encoding="utf-8")
    watch.wait_for_line("1h -> 2h")


def test_events_without_another_content_apply_nothing(acme: Project) -> None:
    watch = start_watch(acme)
    for _ in range(50):
        acme.write("jobs.d/ops.yaml", JOBS)
        (acme.path / "jobs.d" / "ops.yaml").touch()
    acme.write("jobs.d/ops.yaml", TWO_HOURS)
    watch.wait_for_line("applied as revision 2")
    assert len([line for line in watch.lines if " files " in line]) == 2


def test_a_clock_that_goes_back_hides_no_change(acme: Project) -> None:
    file = acme.path / "jobs.d" / "ops.yaml"
    os.utime(file, (2_000_000_000, 2_000_000_000))
    watch = start_watch(acme, "--poll")
    file.write_text(TWO_HOURS, encoding="utf-8")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    watch.wait_for_line("1h -> 2h")
    file.write_text(JOBS, encoding="utf-8")  # of the same size
    os.utime(file, (1_000_000_000, 1_000_000_000))
    watch.wait_for_line("2h -> 1h")


def test_a_file_that_becomes_a_folder_deletes_nothing(acme: Project) -> None:
    acme.write("jobs.d/more.yaml", "jobs: {a: {task: app.a}, b: {task: app.b}}\n")
    watch = start_watch(acme)
    (acme.path / "jobs.d" / "ops.yaml").unlink()
    (acme.path / "jobs.d" / "ops.yaml").mkdir()
    watch.wait_for_line("jobs.d/ops.yaml is a folder, not a plain file")
    (acme.path / "jobs.d" / "ops.yaml").rmdir()
    acme.write("jobs.d/ops.yaml", TWO_HOURS)
    watch.wait_for_line("Plan: 0 to add, 1 to change, 0 to delete")


@pytest.mark.parametrize(
    ("closed", "told"),
    [
        (".", "jobrunner.yaml has gone"),
        ("jobs.d", "the folder cannot be listed: permission denied"),
        ("jobs.d/ops.yaml", "the file cannot be read: permission denied"),
    ],
)
def test_fault_58_a_permission_that_is_lost_is_told_and_deletes_nothing(
    acme: Project, closed: str, told: str
) -> None:
    """Without a database: its socket is not open to a user that a permission can be taken from."""
    acme.environment["JOBRUNNER_DATABASE_URL"] = "postgresql://ada@127.0.0.1:1/acme"
    watch = acme.start_program(*AS_NOBODY, "jobrunner", "watch", "--keep-going", "--resync", "1s")
    watch.wait_for_line("not applied yet; it is tried again")
    path = acme.path / closed
    mode = path.stat().st_mode
    path.chmod(0)
    watch.wait_for_line(told)
    begun = len(watch.lines)
    path.chmod(mode)
    watch.wait_for_line("not applied yet; it is tried again", after=begun)


@pytest.mark.parametrize("folder", [".venv/acme", ".hidden", "node_modules/acme", "venv"])
def test_jobs_are_heard_of_in_folders_where_nobody_looks(acme: Project, folder: str) -> None:
    acme.write("jobrunner.yaml", f"project: acme\ninclude: ['{folder}/*.yaml']\n")
    acme.write(f"{folder}/ops.yaml", JOBS)
    watch = start_watch(acme)
    acme.write(f"{folder}/ops.yaml", TWO_HOURS)
    watch.wait_for_line("1h -> 2h")


@pytest.mark.skipif(
    subprocess.run([*USER_NAMESPACE, "true"], check=False).returncode != 0,
    reason="the limit can only be lowered in a user namespace of one's own",
)
def test_fault_61_without_any_watch_to_be_had_it_polls_and_says_so(acme: Project) -> None:
    """Without a database: from inside of the namespace the one of the tests cannot be entered."""
    acme.environment["JOBRUNNER_DATABASE_URL"] = "postgresql://ada@127.0.0.1:1/acme"
    acme.write("jobs.d/ops.yaml", "jbos: {}\n")
    lower = "echo 0 > /proc/sys/user/max_inotify_watches"
    watch = acme.start_program(
        *USER_NAMESPACE, "sh", "-c", f"{lower}; exec jobrunner watch --keep-going"
    )
    watch.wait_for_line("polling instead")
    watch.wait_for_line("unknown key 'jbos'")
    acme.write("jobs.d/ops.yaml", "jobz: {}\n")
    watch.wait_for_line("unknown key 'jobz'")
    # Nothing of the failed watches is left that could have made it look once more.
    acme.write("jobs.d/ops.yaml", "joby: {}\n")
    watch.wait_for_line("unknown key 'joby'")
