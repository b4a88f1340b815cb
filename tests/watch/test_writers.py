"""Who writes the files now, as far as the system tells."""

import subprocess
from pathlib import Path

import pytest

from jobrunner.watch.writers import held_git_lock, is_open_for_writing


def test_a_file_counts_while_somebody_has_it_open_for_writing(tmp_path: Path) -> None:
    file = tmp_path / "ops.yaml"
    with file.open("w"):
        assert is_open_for_writing([file])
    assert not is_open_for_writing([file])


def test_readers_are_no_writers(tmp_path: Path) -> None:
    file = tmp_path / "ops.yaml"
    file.touch()
    with file.open():
        assert not is_open_for_writing([file])


def test_what_is_no_file_is_written_by_nobody(tmp_path: Path) -> None:
    assert not is_open_for_writing([tmp_path, tmp_path / "gone", Path("/dev/null")])


def test_a_writer_that_comes_meanwhile_ends_no_process(tmp_path: Path) -> None:
    """The kernel sends what a file's holder has chosen; the ordinary choice would end the watcher."""
    file = tmp_path / "ops.yaml"
    file.touch()
    writers = subprocess.Popen(["sh", "-c", f"while :; do : >> {file}; done"])
    asked = [is_open_for_writing([file]) for _ in range(20_000)]
    writers.kill()
    writers.wait()
    assert set(asked) == {True, False}


def test_where_nobody_can_be_asked_nobody_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.watch.writers._LEASE", None)
    with (tmp_path / "ops.yaml").open("w") as file:
        assert not is_open_for_writing([Path(file.name)])


def test_the_lock_of_the_work_tree_above_is_found(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "jobs.d").mkdir()
    assert held_git_lock(tmp_path / "jobs.d") == ""
    lock = tmp_path / ".git" / "index.lock"
    lock.touch()
    assert held_git_lock(tmp_path / "jobs.d") == str(lock)


def test_the_lock_of_a_linked_work_tree_is_found(tmp_path: Path) -> None:
    git_folder = tmp_path / "main" / ".git" / "worktrees" / "two"
    git_folder.mkdir(parents=True)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / ".git").write_text(f"gitdir: {git_folder}\n", encoding="utf-8")
    (git_folder / "index.lock").touch()
    assert held_git_lock(tmp_path / "two") == str(git_folder / "index.lock")


def test_outside_of_any_work_tree_there_is_no_lock(tmp_path: Path) -> None:
    assert held_git_lock(tmp_path) == ""
