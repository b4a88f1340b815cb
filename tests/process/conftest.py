"""One real worker with two children for a module, and what its runs wrote down."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobrunner.embedded.children import Supervisor
from tests.ledger import Ledger
from tests.of_a_module import one_broker_url, one_database_url
from tests.process.tasks import TASKS
from tests.project import Project, StartedProcess, open_project
from tests.worker.conftest import WORKER, Send, has_line, make_sender

__all__ = ["one_broker_url", "one_database_url"]

# Celery takes longer to start than most of these tests: a module shares one worker.


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """Of the worker; a module may have its own."""
    return {}


@pytest.fixture(scope="module")
def folder(
    supervisor: Supervisor, database_url: str, broker_url: str, settings: dict[str, str]
) -> Iterator[Project]:
    with open_project(supervisor, database_url, broker_url) as opened:
        opened.write("acme.py", TASKS)
        opened.environment |= settings
        yield opened


@pytest.fixture(scope="module")
def running_worker(folder: Project) -> Iterator[StartedProcess]:
    process = folder.start_program(*WORKER, "-c", "1")
    process.wait_for_line("ready")
    yield process
    process.kill_if_alive()


@pytest.fixture(autouse=True)
def worker(running_worker: StartedProcess, ledger: Ledger) -> Iterator[StartedProcess]:
    """The worker; what a test leaves running is cancelled at its end."""
    yield running_worker
    assert running_worker.exit_code is None, running_worker.output
    ledger.cancel_running()


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """Jobs and runs in the tables of this module."""
    return Ledger(engine)


@pytest.fixture
def send(ledger: Ledger, broker_url: str) -> Send:
    """`send("acme.quick", kwargs={…})` → the id of a queued run of its own job, whose message is out."""
    return make_sender(ledger, broker_url)


def pids_in(file: Path) -> list[int]:
    """What a run has written down, once it has."""
    assert has_line(file)
    return [int(pid) for pid in file.read_text(encoding="utf-8").split()]
