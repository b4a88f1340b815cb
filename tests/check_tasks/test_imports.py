"""Tasks imported in a process of their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobrunner.misfits import Judged, Problem
from jobrunner.spec.calls import Call
from jobrunner.spec.tree import Scalar, Source
from jobrunner.task_imports import TaskImports, task_imports
from tests.check_tasks.conftest import Check, Write
from tests.waiting import wait_until

GOOD = "def charge(batch_size: int = 500): ...\n"


def call(path: str, **kwargs: object) -> Call:
    task = Scalar(path, 1, 1, len(path), Source("jobs.d/jobs.yaml", path))
    return Call(path, task, (), kwargs, None, None, task, True, "", ())  # noqa: FBT003  as in a tuple


@pytest.fixture
def imports(tmp_path: Path, write: Write) -> Iterator[TaskImports]:
    write("good.py", GOOD)
    with task_imports(tmp_path, allow=(), limit_seconds=20) as opened:
        yield opened


def problem(found: Judged | Problem | None) -> Problem:
    assert isinstance(found, Problem)
    return found


def test_a_signature_that_only_an_import_tells_is_judged(
    imports: TaskImports, write: Write
) -> None:
    write("acme.py", "import functools\ncharge = functools.wraps(print)(lambda: None)\n")
    write("made.py", "def make():\n    def charge(a): ...\n    return charge\n\ncharge = make()\n")
    found = imports.judge(call("made.charge", b=1))
    assert isinstance(found, Judged)
    assert (found.task, found.place) == ("charge(a)", "made.py:2")
    assert [one.problem for one in found.misfits] == [
        "charge() has no parameter 'b'", "charge() needs 'a'",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "message", "notes"),
    [
        ("import absent", "importing broken failed with ModuleNotFoundError: No module named 'absent'",
         ("at broken.py:1",)),
        ("\n1 / 0", "importing broken failed with ZeroDivisionError: division by zero",
         ("at broken.py:2",)),
        ("\ndef charge(:", "importing broken failed with SyntaxError: ", ("at broken.py:2",)),
    ],
)  # fmt: skip
def test_fault_39_a_module_that_cannot_be_imported_is_told_of_with_its_last_line(
    imports: TaskImports, write: Write, source: str, message: str, notes: tuple[str, ...]
) -> None:
    write("broken.py", source)
    found = problem(imports.judge(call("broken.charge")))
    assert (found.code, found.module, found.notes) == ("E305", "broken", notes)
    assert message in found.message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import sys; sys.exit('enough')", "failed with SystemExit: enough"),
        ("import os; os._exit(3)", "it ends the process (exit code 3)"),
        ("import os; os.kill(os.getpid(), 9)", "killed (signal 9, likely memory)"),
        ("raise KeyboardInterrupt", "it ends the process (killed (signal 2))"),
        ("import os\nif os.fork() == 0:\n    import time; time.sleep(60)\nos._exit(4)",
         "it ends the process (exit code 4)"),
    ],
)  # fmt: skip
def test_fault_40_a_module_that_exits_is_told_of_and_the_rest_is_checked(
    imports: TaskImports, write: Write, source: str, message: str
) -> None:
    write("leaves.py", source)
    assert message in problem(imports.judge(call("leaves.charge"))).message
    assert imports.judge(call("good.charge", batch_size=1)) is None
    assert isinstance(imports.judge(call("good.charge", batchsize=1)), Judged)


HANGS = """
import subprocess, time
subprocess.Popen(["sh", "-c", "echo up; sleep 600"], stdout=open("heard", "w"))
time.sleep(600)
"""


def test_fault_40_a_module_that_hangs_is_told_of_after_its_time_and_leaves_nothing(
    tmp_path: Path, write: Write
) -> None:
    write("hangs.py", HANGS)
    os.mkfifo(tmp_path / "heard")
    heard = os.open(tmp_path / "heard", os.O_RDONLY | os.O_NONBLOCK)
    with task_imports(tmp_path, allow=(), limit_seconds=8) as imports:
        found = problem(imports.judge(call("hangs.charge")))
        assert found.message.endswith("it does not come to an end within 8 s")
        assert imports.judge(call("hangs.other")) is found  # and is not waited for again
        assert os.read(heard, 10) == b"up\n"
        wait_until(lambda: is_closed(heard))
    os.close(heard)


def is_closed(pipe: int) -> bool:
    """Whether nobody is left who could write to it."""
    try:
        return os.read(pipe, 1) == b""
    except BlockingIOError:
        return False


def test_what_a_module_prints_and_asks_for_stays_in_its_process(
    imports: TaskImports, write: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    loud = "import os, sys\nprint('canary'); os.write(2, b'canary'); asked = sys.stdin.read()\n"
    write("loud.py", loud + GOOD)
    assert imports.judge(call("loud.charge")) is None
    assert capfd.readouterr() == ("", "")


def test_a_file_of_the_project_is_not_in_the_way_of_the_process_itself(
    imports: TaskImports, write: Write
) -> None:
    write("pydantic.py", "1 / 0\n")
    assert imports.judge(call("good.charge", batch_size=1)) is None


def test_what_a_worker_would_not_load_is_not_imported(imports: TaskImports, write: Write) -> None:
    write("acme.py", "from subprocess import run\n")
    found = problem(imports.judge(call("acme.run")))
    assert (found.code, "subprocess.run" in found.message) == ("E302", True)


def test_a_validator_that_fails_otherwise_costs_only_its_own_call(
    imports: TaskImports, write: Write
) -> None:
    write(
        "own.py",
        "from typing import Annotated\nfrom pydantic import BeforeValidator\n"
        "def check(value): raise RuntimeError('no rates')\n"
        "def charge(a: Annotated[int, BeforeValidator(check)]): ...\n" + "def other(): ...\n",
    )
    found = problem(imports.judge(call("own.charge", a=1)))
    assert found.message == "own.charge cannot check its arguments: RuntimeError: no rates"
    assert imports.judge(call("own.other")) is None


def test_reading_and_importing_say_the_same(check: Check, write: Write) -> None:
    write(
        "acme.py",
        "from datetime import date\nfrom celery import shared_task\n\n\n"
        "def charge(a: int, day: date | None = None): ...\n\n\n"
        "@shared_task(bind=True)\ndef bound(self, a: int): ...\n",
    )
    jobs = (
        "  a: {task: acme.charge, kwargs: {b: 1}, schedule: '@daily'}\n"
        "  b: {task: acme.charge, args: [x, y, z]}\n"
        "  c: {task: acme.bound, args: [1, 2]}\n"
        "  d: {task: acme.charge, args: [1], kwargs: {day: 2026-11-21}}\n"
    )
    read = [(one.code, one.location, one.help) for one in check(jobs)]
    imported = [(one.code, one.location, one.help) for one in check(jobs, "import")]
    assert len(read) == 6
    assert [one[:2] for one in read] == [one[:2] for one in imported]
