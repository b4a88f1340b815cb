"""A real worker in a project folder, a ledger to give it runs, and a sender to wake it."""

import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobrunner.broker import Sender, make_app
from jobrunner.run import OutgoingRun
from jobrunner.settings import Settings
from tests.ledger import Ledger
from tests.project import Project, StartedProcess

TASKS = """
import os
import signal
import subprocess
import sys
import time


def quick(n=0):
    return {"n": n, "pid": os.getpid()}


def echo(*args, **kwargs):
    return [args, kwargs]


def slow(file, seconds=60):
    print("started", flush=True)
    open(file, "a").write(f"{os.getpid()}\\n")
    time.sleep(seconds)
    return "done"


def stubborn(file):
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
    child = subprocess.Popen([sys.executable, "-c", code])
    open(file, "w").write(f"{os.getpid()} {child.pid}\\n")
    while True:
        try:
            time.sleep(300)
        except BaseException:
            pass


def leaves_children(file):
    child = subprocess.Popen(["sh", "-c", "sleep 300 & echo $!; wait"], stdout=subprocess.PIPE)
    grandchild = child.stdout.readline().decode().strip()
    open(file, "w").write(f"{child.pid} {grandchild}\\n")
    time.sleep(300)


def dies():
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """Jobs and runs in the tables of this test."""
    return Ledger(engine)


@pytest.fixture
def folder(project: Project) -> Project:
    """The project's folder with a module of tasks."""
    project.write("acme.py", TASKS)
    project.environment["JOBRUNNER_WORKER_GRACE_SECONDS"] = "0"
    return project


WORKER = (sys.executable, "-m", "jobrunner", "worker")

StartWorker = Callable[..., StartedProcess]


@pytest.fixture
def start_worker(folder: Project) -> Iterator[StartWorker]:
    """`start_worker("-c", "2")` → a worker that is ready.

    At the end of the test it is killed: Celery takes two seconds to end a pool in order, which is for
    the tests that are about it.
    """
    started: list[StartedProcess] = []

    def start(*options: str) -> StartedProcess:
        process = folder.start_program(*WORKER, *options)
        started.append(process)
        process.wait_for_line("ready")
        return process

    yield start
    for process in started:
        process.kill_if_alive()


Send = Callable[..., uuid.UUID]


@pytest.fixture
def send(ledger: Ledger, broker_url: str) -> Send:
    """`send("acme.quick", kwargs={…})` → the id of a queued run of its own job, whose message is out."""
    return make_sender(ledger, broker_url)


def make_sender(ledger: Ledger, broker_url: str) -> Send:
    sender = Sender(make_app(Settings(broker_url=broker_url)))

    def make(
        task: str | None,
        *,
        schedule: str | None = None,
        **spec: Any,
    ) -> uuid.UUID:
        name = uuid.uuid4().hex
        job_id = ledger.add_job(task, name=name, **spec)
        schedule_id = None if schedule is None else ledger.add_schedule(job_id, schedule)
        run_id = ledger.add_run(job_id, schedule_id=schedule_id)
        sender.send([outgoing(run_id)], datetime.now(UTC))
        return run_id

    return make


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def has_line(file: Path) -> bool:
    return file.exists() and file.read_text(encoding="utf-8").endswith("\n")


def outgoing(run_id: uuid.UUID) -> OutgoingRun:
    return OutgoingRun(str(run_id), 0, "test/job", "default", None)
