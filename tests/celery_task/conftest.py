"""A foreign Celery app with its own worker, a beat, and jobs that send to it, on real servers."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, select

from jobrunner.db import tables
from tests.ledger import Ledger
from tests.project import Project, StartedProcess

APP = """
import os
import signal
import time

from celery import Celery
from celery.exceptions import Ignore

from jobrunner.contrib import celery as jobrunner_celery

app = Celery("acme", broker=os.environ["JOBRUNNER_BROKER_URL"])
app.conf.task_default_queue = "acme"
app.conf.task_routes = {"acme.routed": {"queue": "acme-routed"}}
if os.environ.get("ACME_IS_TRACKED"):
    jobrunner_celery.install(app)


@app.task(name="acme.add", bind=True)
def add(self, a, b=0):
    return {"sum": a + b, "id": self.request.id, "pid": os.getpid()}


@app.task(name="acme.routed")
def routed(file):
    open(file, "a").write("called\\n")


@app.task(name="acme.fails")
def fails():
    raise ValueError("no such customer")


@app.task(name="acme.again", bind=True)
def again(self):
    if self.request.retries == 0:
        raise self.retry(exc=ConnectionError("away"), countdown=0)
    return self.request.retries


@app.task(name="acme.dies")
def dies():
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="acme.ignored")
def ignored():
    raise Ignore


@app.task(name="acme.slow")
def slow(file):
    open(file, "a").write(f"{os.getpid()}\\n")
    time.sleep(60)


@app.task(name="acme.limited", time_limit=2)
def limited():
    time.sleep(60)
"""
PROJECT = """
version: 1
project: acme
celery: {app: "acme:app", tracked: true}
"""


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """Jobs and runs in the tables of this test."""
    return Ledger(engine)


@pytest.fixture
def folder(project: Project) -> Project:
    """The project's folder with the app's module; its workers report."""
    return with_app(project)


@pytest.fixture
def foreign_worker(folder: Project) -> Iterator[StartedProcess]:
    """A worker of that app for the queue of its routes. Killed at the end."""
    process = start_foreign_worker(folder, "-Q", "acme-routed")
    yield process
    process.kill_if_alive()


@pytest.fixture
def beat(folder: Project) -> StartedProcess:
    """A beat, which sends."""
    return start_beat(folder)


AddRun = Callable[..., Any]


@pytest.fixture
def add_run(ledger: Ledger) -> AddRun:
    """`add_run("acme.add", args=[1], tracked=True)` → a run of its own job that waits to be sent."""

    def add(task: str, *, tracked: bool = True, app: str | None = "acme.app", **spec: Any) -> Any:
        values = {"queue": "celery", "on_lost": "fail", **spec}
        if not tracked:
            values["overlap"] = "allow"
        job_id = ledger.add_job(
            task=None,
            celery_task=task,
            celery={"app": app, "tracked": tracked},
            name=f"job{len(all_runs(ledger))}",
            **values,
        )
        return ledger.add_run(job_id, queue=values["queue"], sent_at=None)

    return add


def all_runs(ledger: Ledger) -> list[Any]:
    with ledger.engine.begin() as connection:
        return list(connection.execute(select(tables.runs.c.id)))


def with_app(project: Project) -> Project:
    """The same folder, with the app's module in it."""
    project.write("acme.py", APP)
    project.write("jobrunner.yaml", PROJECT)
    project.environment["ACME_IS_TRACKED"] = "1"
    return project


def start_foreign_worker(folder: Project, *options: str) -> StartedProcess:
    """A worker of that app, ready."""
    process = folder.start_program(
        *(sys.executable, "-m", "celery", "-A", "acme", "worker", "-c", "2", "-l", "INFO"),
        *("--without-mingle", "--without-gossip", *options),
    )
    process.wait_for_line("ready.")
    return process


def start_beat(folder: Project) -> StartedProcess:
    """A beat that is at work."""
    process = folder.start("beat")
    process.wait_for_line("database_connected")
    return process
