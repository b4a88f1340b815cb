"""A real worker in a project folder whose module has clean-ups that say what they were called with."""

import pytest

from tests.project import Project
from tests.worker.conftest import ledger, send, start_worker

__all__ = ["ledger", "send", "start_worker"]

CLEAN_UPS = """
import json
import os
import signal
import time
from pathlib import Path

from jobrunner import current_run


def told(run):
    print("cleaning up", run.state)
    values = [run.state, run.attempt, run.error, list(run.args), dict(run.kwargs), run.result]
    with open(run.kwargs["file"], "a") as file:
        file.write(json.dumps(values) + "\\n")


def alone():
    Path(f"{current_run().id}.cleaned").write_text(str(os.getppid()))


async def later(run):
    told(run)


def fails():
    raise ValueError("the disk is full")


def dies():
    os.kill(os.getpid(), signal.SIGKILL)


def slow(run):
    with open(run.kwargs["file"], "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(1.5)
    with open(run.kwargs["file"], "a") as file:
        file.write("cleaned\\n")


def work(file, how="returns"):
    if how == "fails":
        raise RuntimeError("no such request")
    if how == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "waits":
        time.sleep(60)
    return how
"""


@pytest.fixture
def folder(project: Project) -> Project:
    """The project's folder with a module of tasks and clean-ups."""
    project.write("tidy.py", CLEAN_UPS)
    project.environment["JOBRUNNER_WORKER_GRACE_SECONDS"] = "5"
    return project
