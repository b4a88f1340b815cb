"""`jobrunner worker --reload`: new code after a save, and no worker for code that is none."""

from pathlib import Path

import pytest

from jobrunner.reload import names_of
from tests.ledger import Ledger
from tests.project import Project, StartedProcess
from tests.waiting import wait_until
from tests.worker.conftest import Send


@pytest.fixture
def worker(folder: Project) -> StartedProcess:
    folder.write("acme.py", "def answer():\n    return 1\n")
    started = folder.start("worker", "--reload", "-c", "1")
    started.wait_for_line("ready")
    return started


def test_a_save_brings_the_new_code(
    worker: StartedProcess, folder: Project, send: Send, ledger: Ledger
) -> None:
    said = len(worker.lines)
    folder.write("acme.py", "def answer():\n    return 2\n")
    worker.wait_for_line("acme.py changed", after=said)
    worker.wait_for_line("ready", after=said)
    run_id = send("acme.answer")
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert ledger.run(run_id)["result"] == 2


def test_what_is_no_python_is_said_and_the_next_save_starts_a_worker(
    worker: StartedProcess, folder: Project
) -> None:
    folder.write("acme.py", "def answer(:\n")
    worker.wait_for_line("acme.py:1: invalid syntax")
    worker.wait_for_line("the next save of a .py file starts one")
    said = len(worker.lines)
    folder.write("acme.py", "def answer():\n    return 3\n")
    worker.wait_for_line("ready", after=said)


def test_a_stop_ends_the_worker_as_well(worker: StartedProcess) -> None:
    worker.terminate()
    assert worker.wait() == 0
    assert "Warm shutdown" in worker.output


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (["a.py", "b.py", "c.py"], "a.py, b.py, c.py"),
        (["a.py", "b.py", "c.py", "d.py", "e.py"], "a.py, b.py, c.py and 2 more"),
    ],
)
def test_of_many_files_the_first_are_named(files: list[str], named: str, tmp_path: Path) -> None:
    assert names_of([tmp_path / file for file in files], tmp_path) == named
