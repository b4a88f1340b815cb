"""Hints on a real file system: what wakes the watcher, and what does not."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobrunner.watch.hints import Hints, Watched
from tests.waiting import wait_until


@pytest.fixture(params=["plain", ".venv", ".hidden/node_modules"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A project's folder, also where other tools would not look."""
    made = tmp_path / str(request.param)
    (made / "jobs.d").mkdir(parents=True)
    return made


@pytest.fixture
def hints(root: Path) -> Iterator[Hints]:
    watched = Watched(
        root=root,
        flat=frozenset({root, root.parent}),
        deep=frozenset({root / "jobs.d"}),
    )
    made = Hints(watched)
    wait_until(lambda: hears(made, root / "jobs.d" / "warm-up.yaml"))
    yield made
    made.close()


def hears(hints: Hints, file: Path) -> bool:
    """Write, and say whether it was heard within a moment."""
    file.write_text("version: 1\n", encoding="utf-8")
    return hints.wait(0.5)


def settle(hints: Hints) -> None:
    """Until all that was written before has been heard."""
    wait_until(lambda: not hints.wait(0.6))


def test_a_new_file_deep_below_is_heard(hints: Hints, root: Path) -> None:
    (root / "jobs.d" / "team").mkdir()
    settle(hints)
    (root / "jobs.d" / "team" / "ops.yaml").write_text("", encoding="utf-8")
    assert hints.wait(30.0)


def test_the_project_file_is_heard(hints: Hints, root: Path) -> None:
    settle(hints)
    (root / "jobrunner.yaml").write_text("version: 1\n", encoding="utf-8")
    assert hints.wait(30.0)


def test_our_own_run_directory_is_not_heard(hints: Hints, root: Path) -> None:
    (root / ".jobrunner").mkdir()
    settle(hints)
    (root / ".jobrunner" / "worker.log").write_text("noise", encoding="utf-8")
    assert not hints.wait(1.0)


def test_yaml_is_heard_of_where_other_programs_write(hints: Hints, root: Path) -> None:
    folder = root / "jobs.d" / "node_modules"
    folder.mkdir()
    settle(hints)
    (folder / "noise.js").write_text("noise", encoding="utf-8")
    assert not hints.wait(1.0)
    (folder / "ops.yaml").write_text("", encoding="utf-8")
    assert hints.wait(30.0)


def test_a_folder_that_is_removed_and_made_again_is_still_heard(hints: Hints, root: Path) -> None:
    shutil.rmtree(root / "jobs.d")
    assert hints.wait(30.0)
    settle(hints)
    (root / "jobs.d").mkdir()
    assert hints.wait(30.0)
    wait_until(lambda: hears(hints, root / "jobs.d" / "again.yaml"))


def test_a_root_that_is_removed_and_made_again_is_still_heard(hints: Hints, root: Path) -> None:
    shutil.rmtree(root)
    assert hints.wait(30.0)
    (root / "jobs.d").mkdir(parents=True)
    wait_until(lambda: hears(hints, root / "jobs.d" / "again.yaml"))


def test_a_link_that_is_swapped_is_heard(tmp_path: Path) -> None:
    for release in ("one", "two"):
        (tmp_path / release).mkdir()
    link = tmp_path / "jobs.d"
    link.symlink_to("one")
    hints = Hints(Watched(root=tmp_path, flat=frozenset({tmp_path}), deep=frozenset({link})))
    wait_until(lambda: hears(hints, tmp_path / "one" / "warm-up.yaml"))
    settle(hints)
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").rename(link)
    assert hints.wait(30.0)
    wait_until(lambda: hears(hints, tmp_path / "two" / "ops.yaml"))
    hints.close()


def test_fault_61_without_watches_to_be_had_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "OS file watch limit reached")

    monkeypatch.setattr("watchfiles.watch", refuse)
    hints = Hints(Watched(root=tmp_path, flat=frozenset({tmp_path}), deep=frozenset()))
    assert hints.wait(30.0)
    assert "watch limit" in hints.problem
    hints.close()
