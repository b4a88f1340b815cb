"""What user code may do to a real worker by being imported and called."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func

from jobrunner.broker import make_app
from jobrunner.embedded.children import Supervisor
from jobrunner.settings import Settings
from tests.ledger import Ledger
from tests.of_a_module import one_broker_url, one_database_url
from tests.project import StartedProcess, open_project
from tests.waiting import wait_until
from tests.worker.conftest import WORKER, Send

__all__ = ["one_broker_url", "one_database_url"]

THEIRS = """
import os
from pathlib import Path

from celery import Celery, current_app, shared_task

app = Celery("theirs", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")
app.conf.task_default_queue = "theirs"


@app.task(bind=True)
def tell(self):
    return [self.request.retries, current_app.main, os.getpid()]


@app.task(bind=True, max_retries=1)
def flaky(self):
    raise self.retry(countdown=0, exc=ValueError("down"))


@shared_task
def mark(file):
    Path(file).write_text("called")


def which_app():
    return [current_app.main, os.getpid()]
"""
FILES = {
    "theirs.py": THEIRS,
    "plain.py": "import os\n\ndef pid():\n    return os.getpid()\n",
    "leaves.py": "import sys\nsys.exit(3)\n",
    "leaves_when_called.py": "import sys\n\ndef task():\n    sys.exit(3)\n",
    "typo.py": "def task(:\n",
    "broken.py": "def helper():\n    return 1 / 0\n\nhelper()\n",
    "hangs.py": "import time\ntime.sleep(600)\n",
    "stubborn.py": (
        "import asyncio\n\n\n"
        "async def task():\n"
        "    while True:\n"
        "        try:\n"
        "            await asyncio.sleep(600)\n"
        "        except asyncio.CancelledError:\n"
        "            pass\n"
    ),
}

# One worker with one child serves all tests: what one of them breaks, the others find.


@pytest.fixture(scope="module", autouse=True)
def worker(supervisor: Supervisor, database_url: str, broker_url: str) -> Iterator[StartedProcess]:
    with open_project(supervisor, database_url, broker_url) as folder:
        for name, text in FILES.items():
            folder.write(name, text)
        process = folder.start_program(*WORKER, "-c", "1")
        process.wait_for_line("ready")
        yield process
        assert process.exit_code is None, process.output
        process.kill_if_alive()


def ends(ledger: Ledger, run_id: uuid.UUID, state: str) -> None:
    wait_until(lambda: ledger.state(run_id) == state)


@pytest.fixture
def child(send: Send, ledger: Ledger) -> int:
    """The process id of the worker's child, which is to outlive the test."""
    run_id = send("plain.pid")
    ends(ledger, run_id, "succeeded")
    return int(ledger.run(run_id)["result"])


@pytest.fixture
def same_child(send: Send, ledger: Ledger, child: int) -> Iterator[None]:
    yield
    run_id = send("plain.pid")
    ends(ledger, run_id, "succeeded")
    assert ledger.run(run_id)["result"] == child


@pytest.mark.usefixtures("same_child")
def test_a_module_with_an_app_of_its_own_disturbs_ours_in_nothing(
    send: Send, ledger: Ledger, child: int
) -> None:
    first, second = send("theirs.tell"), send("theirs.which_app")
    ends(ledger, first, "succeeded")
    ends(ledger, second, "succeeded")
    assert ledger.run(first)["result"] == [0, "theirs", child]
    assert ledger.run(second)["result"] == ["theirs", child]


@pytest.mark.usefixtures("same_child")
def test_a_retry_of_a_celery_task_goes_through_the_database_and_no_broker(
    send: Send, ledger: Ledger
) -> None:
    run_id = send("theirs.flaky")
    wait_until(lambda: [one.state for one in ledger.attempts(run_id)] == ["failed"])
    assert (ledger.state(run_id), ledger.run(run_id)["sent_at"]) == ("queued", None)


def test_fault_84_a_forged_message_reaches_no_task_of_a_module_that_is_loaded(
    send: Send, ledger: Ledger, broker_url: str, tmp_path: Path
) -> None:
    loaded = send("theirs.tell")
    ends(ledger, loaded, "succeeded")
    app, file = make_app(Settings(broker_url=broker_url)), tmp_path / "file"
    task = {"task": "theirs.mark", "args": [], "kwargs": {}, "options": {}}
    app.send_task("theirs.mark", args=[str(file)])
    app.send_task("celery.map", kwargs={"task": task, "it": [str(file)]})
    app.send_task("celery.starmap", kwargs={"task": task, "it": [[str(file)]]})
    after = send("plain.pid")
    ends(ledger, after, "succeeded")
    assert not file.exists()


@pytest.mark.usefixtures("same_child")
@pytest.mark.parametrize(
    ("task", "error_type", "told"),
    [
        ("broken.task", "import_error", "in helper"),
        ("typo.task", "import_error", "def task(:"),
        ("leaves.task", "import_error", "sys.exit(3)"),
        ("leaves_when_called.task", "SystemExit", "sys.exit(3)"),
    ],
)
def test_fault_39_a_module_that_cannot_be_imported_fails_its_run_with_a_traceback(
    send: Send, ledger: Ledger, task: str, error_type: str, told: str
) -> None:
    run_id = send(task)
    ends(ledger, run_id, "failed")
    (attempt,) = ledger.attempts(run_id)
    assert attempt.error_type == error_type
    assert told in (attempt.traceback or "")


@pytest.mark.usefixtures("same_child")
def test_fault_40_an_import_that_hangs_meets_the_soft_limit(send: Send, ledger: Ledger) -> None:
    run_id = send("hangs.task", soft_timeout="1s")
    ends(ledger, run_id, "failed")
    assert ledger.attempts(run_id)[0].error_type == "timeout"


def test_fault_40_an_import_that_hangs_meets_the_hard_limit(send: Send, ledger: Ledger) -> None:
    run_id = send("hangs.task", timeout="1s")
    ends(ledger, run_id, "failed")
    assert ledger.attempts(run_id)[0].error == "not ended within its time limit of 1s"


@pytest.mark.usefixtures("same_child")
def test_fault_40_an_import_that_hangs_can_be_cancelled(send: Send, ledger: Ledger) -> None:
    run_id = send("hangs.task")
    ends(ledger, run_id, "running")
    ledger.change_run(run_id, cancel_requested_at=func.now())
    ends(ledger, run_id, "cancelled")


def test_a_coroutine_that_swallows_its_cancellation_meets_the_hard_limit(
    send: Send, ledger: Ledger
) -> None:
    run_id = send("stubborn.task", soft_timeout="1s", timeout="2s")
    ends(ledger, run_id, "failed")
    assert ledger.attempts(run_id)[0].error == "not ended within its time limit of 2s"
