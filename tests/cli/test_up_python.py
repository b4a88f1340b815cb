"""Which of the files that are saved while `up` runs its worker has imported before."""

import os
from pathlib import Path

import pytest

from jobrunner.cli.up_python import CalledPython


def save(root: Path, name: str, *, at_seconds: int) -> Path:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("", "utf-8")
    os.utime(path, (at_seconds, at_seconds))
    return path


@pytest.mark.parametrize("name", ["tasks/hello.py", "tasks/prices.py", "tasks/__init__.py"])
def test_a_file_beside_a_callable_is_told_once_after_each_save(tmp_path: Path, name: str) -> None:
    save(tmp_path, "tasks/hello.py", at_seconds=1)
    save(tmp_path, name, at_seconds=1)
    called = CalledPython()
    called.follow(tmp_path, ["tasks.hello.say_hello"])
    saved = save(tmp_path, name, at_seconds=2)
    assert called.saved() == [saved]
    assert called.saved() == []


def test_a_module_of_the_projects_own_folder_is_looked_at_there(tmp_path: Path) -> None:
    save(tmp_path, "work.py", at_seconds=1)
    called = CalledPython()
    called.follow(tmp_path, ["work:greet"])
    saved = save(tmp_path, "work.py", at_seconds=2)
    assert called.saved() == [saved]


def test_a_new_file_was_imported_by_nobody(tmp_path: Path) -> None:
    save(tmp_path, "tasks/hello.py", at_seconds=1)
    called = CalledPython()
    called.follow(tmp_path, ["tasks.hello.say_hello"])
    save(tmp_path, "tasks/prices.py", at_seconds=2)
    assert called.saved() == []


def test_what_no_job_calls_is_not_told(tmp_path: Path) -> None:
    save(tmp_path, "tasks/hello.py", at_seconds=1)
    save(tmp_path, "pages/views.py", at_seconds=1)
    called = CalledPython()
    called.follow(tmp_path, ["tasks.hello.say_hello"])
    save(tmp_path, "pages/views.py", at_seconds=2)
    assert called.saved() == []


def test_a_save_is_told_also_when_another_job_has_come_with_it(tmp_path: Path) -> None:
    save(tmp_path, "tasks/hello.py", at_seconds=1)
    save(tmp_path, "shop/prices.py", at_seconds=1)
    called = CalledPython()
    called.follow(tmp_path, ["tasks.hello.say_hello"])
    saved = save(tmp_path, "tasks/hello.py", at_seconds=2)
    called.follow(tmp_path, ["tasks.hello.say_hello", "shop.prices.load"])
    assert called.saved() == [saved]
