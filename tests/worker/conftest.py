"""A real worker in a project folder, a ledger to give it runs, and a sender to wake it."""

import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from jobrunner.broker import Sender, make_app
from jobrunner.run import OutgoingRun
from jobrunner.settings import Settings
from tests.execute.ledger import Ledger
from tests.project import Project, StartedProcess

TASKS = """
import os
import signal
import subprocess
import sys
import time


def quick(n=0):
    return {"n": n, "pid": os.getpid()}


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


StartWorker = Callable[..., StartedProcess]


@pytest.fixture
def start_worker(folder: Project) -> StartWorker:
    """`start_worker("-c", "2")` → a worker that is ready."""

    def start(*options: str) -> StartedProcess:
        process = folder.start_program(
            *(sys.executable, "-m", "celery", "-A", "jobrunner.app", "worker"),
            *("--without-mingle", "--without-gossip", *options),
        )
        process.wait_for_line("ready")
        return process

    return start


Send = Callable[..., uuid.UUID]


@pytest.fixture
def send(ledger: Ledger, broker_url: str) -> Send:
    """`send("acme.quick", timeout="5s")` → the id of a queued run whose message is out."""
    sender = Sender(make_app(Settings(broker_url=broker_url)))

    def make(task: str, **spec: Any) -> uuid.UUID:
        name = uuid.uuid4().hex
        run_id = ledger.add_run(ledger.add_job(task, name=name, **spec))
        run = OutgoingRun(
            run_id=run_id,
            attempt=0,
            address=f"test/{name}",
            queue="default",
            priority=None,
            timeout_seconds=spec.get("timeout_seconds", 3600.0),
            soft_timeout_seconds=None,
        )
        sender.send([run], now=datetime.now(UTC))
        return run_id

    return make
