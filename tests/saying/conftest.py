"""Runs that are executed in this process, with a module whose code speaks."""

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobrunner.call import CANCEL_SIGNAL, SOFT_LIMIT_SIGNAL
from jobrunner.db.attempts import Claim
from jobrunner.db.engine import make_engine
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.execute import Home, execute_run
from jobrunner.output import Capture
from tests.ledger import Ledger
from tests.signals import kept_signals

TASKS = """
import asyncio
import contextvars
import threading
from datetime import UTC, datetime

import jobrunner

said = threading.Event()
may_end = threading.Event()


def speaks():
    jobrunner.progress(40, "four of ten")


def speaks_and_waits():
    jobrunner.progress(40, "four of ten")
    said.set()
    assert may_end.wait(20)


def has_phases():
    with jobrunner.phase("load"):
        with jobrunner.phase("parse"):
            pass
    with jobrunner.phase("send"):
        raise ConnectionError("refused")


async def speaks_async():
    await asyncio.sleep(0)
    jobrunner.progress(10)
    await asyncio.to_thread(jobrunner.progress, 60, "from a thread")


def speaks_in_threads():
    plain = threading.Thread(target=jobrunner.progress, args=(10, "lost"))
    given = threading.Thread(
        target=contextvars.copy_context().run, args=(jobrunner.progress, 20, "kept")
    )
    for thread in (given, plain):
        thread.start()
        thread.join()


def silent():
    pass


def only_first():
    if jobrunner.current_run().attempt == 1:
        jobrunner.progress(99)
        raise ValueError


def seconds_left():
    return (jobrunner.current_run().deadline - datetime.now(UTC)).total_seconds()
"""


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """Jobs and runs in the tables of this test."""
    return Ledger(engine)


@pytest.fixture
def home(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A process that executes runs: this one. The module `acme` is fresh for each test."""
    (tmp_path / "acme.py").write_text(TASKS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme", raising=False)
    engine = make_engine(database_url, application_name="jobrunner run", pool_size=2)
    made = Home(KeptConnection(engine), worker="worker@test", allow=(), capture=Capture())
    with kept_signals(SOFT_LIMIT_SIGNAL, CANCEL_SIGNAL):
        yield made
    made.close()


Execute = Callable[..., uuid.UUID]


@pytest.fixture
def execute(home: Home, ledger: Ledger) -> Execute:
    """`execute("acme.speaks")` → the id of the run, after its first attempt."""

    def make(task: str, **spec: Any) -> uuid.UUID:
        run_id = ledger.add_run(ledger.add_job(task, name=uuid.uuid4().hex, **spec))
        assert execute_run(home, Claim(run_id, uuid.uuid4())) is not None
        return run_id

    return make
