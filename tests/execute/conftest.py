"""A ledger of jobs and runs on a real database, and a capture that is taken out again."""

import logging
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import _state
from sqlalchemy import Engine

from jobrunner.call import CANCEL_SIGNAL, SOFT_LIMIT_SIGNAL
from jobrunner.db.attempts import Claim
from jobrunner.db.engine import make_engine
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.execute import Home, execute_run
from jobrunner.output import Capture
from tests.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """Jobs and runs in the tables of this test."""
    return Ledger(engine)


@pytest.fixture
def capture() -> Iterator[Capture]:
    """To be installed within the test: pytest sets its own streams right before."""
    streams, root = (sys.stdout, sys.stderr), logging.getLogger()
    handlers = list(root.handlers)
    yield Capture()
    sys.stdout, sys.stderr = streams
    root.handlers = handlers


@pytest.fixture
def celery_as_before() -> Iterator[None]:
    """A module of tasks may make an app, and give its tasks to all apps that are made later."""
    state: Any = _state  # its stubs know little
    app, apps, given = state.get_current_app(), set(state._apps), set(state._on_app_finalizers)
    yield
    app.set_current()
    state._apps.intersection_update(apps)
    state._on_app_finalizers.intersection_update(given)


@pytest.fixture
def home(
    tasks: str,
    celery_as_before: None,  # noqa: ARG001  what it is for happens afterwards
    ledger: Ledger,
    capture: Capture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Home]:
    """A process that executes runs: this one. The module `acme` holds the test's `tasks`, afresh."""
    (tmp_path / "acme.py").write_text(tasks, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme", raising=False)
    signals = {number: signal.getsignal(number) for number in (SOFT_LIMIT_SIGNAL, CANCEL_SIGNAL)}
    url = ledger.engine.url.render_as_string(hide_password=False)
    engine = make_engine(url, application_name="jobrunner run", pool_size=1)
    made = Home(KeptConnection(engine), worker="worker@test", allow=(), capture=capture)
    yield made
    made.close()
    for number, handler in signals.items():
        signal.signal(number, handler)


Execute = Callable[..., uuid.UUID]


@pytest.fixture
def execute(home: Home, ledger: Ledger) -> Execute:
    """`execute("acme.add", args=[1])` → the id of the run, made to its end."""

    def make(task: str, **spec: Any) -> uuid.UUID:
        run_id = ledger.add_run(ledger.add_job(task, name=uuid.uuid4().hex, **spec))
        assert execute_run(home, Claim(run_id, uuid.uuid4())) is not None
        return run_id

    return make
