"""What the worker's parent does to children, with a database that does not answer."""

import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from sqlalchemy import Engine, select

from jobrunner import heartbeat
from jobrunner.db import tables
from jobrunner.db.attempts import Claim
from jobrunner.db.engine import Limits, make_engine
from jobrunner.db.workers import read_workers
from jobrunner.heartbeat import CANCEL_GRACE_SECONDS, Heartbeat, RunningChild, why_to_end
from jobrunner.process_tree import how_it_died
from jobrunner.recover import Death
from jobrunner.run import Outcome
from tests.ledger import Ledger
from tests.project import Project
from tests.waiting import wait_until

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that leads a group of its own, as a pool's child does."""
    argv = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(argv, start_new_session=True) as process:
        yield process
        process.kill()


@pytest.fixture
def beating() -> Iterator[Heartbeat]:
    """Started, and never in touch with a database."""
    engine = make_engine(NOWHERE, application_name="test")
    made = Heartbeat(engine, worker="worker@test", queues=lambda: ["default"], concurrency=1)
    made.start()
    yield made
    made.stop()


def new_claim() -> Claim:
    return Claim(uuid.uuid4(), uuid.uuid4())


def test_a_run_that_another_worker_may_start_is_stopped_before_its_lease_ends(
    beating: Heartbeat, child: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "STOP_BEFORE_LEASE_END_SECONDS", 19.5)
    beating.accepted(new_claim(), child.pid)
    assert child.wait(timeout=5) == -signal.SIGKILL


def test_a_child_whose_run_has_ended_is_left_alone(
    beating: Heartbeat, child: "subprocess.Popen[bytes]"
) -> None:
    claim = new_claim()
    beating.accepted(claim, child.pid)
    beating.ended(claim)
    beating.end_by(0.0)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=1)


def test_a_child_that_was_asked_to_cancel_has_a_moment_to_end_by_itself() -> None:
    asked = RunningChild(new_claim(), pid=1, renewed_at=0.0, cancelled_at=100.0)
    assert why_to_end(asked, None, None, 100.0 + CANCEL_GRACE_SECONDS - 0.1) is None
    ended = why_to_end(asked, None, None, 100.0 + CANCEL_GRACE_SECONDS)
    assert ended is not None
    assert ended[0] is Outcome.CANCELLED


def test_what_runs_when_the_grace_time_is_over_is_killed(
    beating: Heartbeat, child: "subprocess.Popen[bytes]"
) -> None:
    beating.accepted(new_claim(), child.pid)
    beating.end_by(0.1)
    assert child.wait(timeout=5) == -signal.SIGKILL


def test_the_death_of_a_child_is_told_and_leaves_it_to_be_waited_for(
    child: "subprocess.Popen[bytes]",
) -> None:
    assert how_it_died(child.pid) is None
    child.send_signal(signal.SIGTERM)
    wait_until(lambda: how_it_died(child.pid) == "killed (signal 15)")
    assert child.wait() == -signal.SIGTERM
    assert how_it_died(child.pid) == "it is gone"


def test_a_death_that_cannot_be_written_down_keeps_no_other_and_no_lease(
    ledger: Ledger, database_url: str
) -> None:
    locked, dead = (ledger.claim(ledger.add_run(ledger.add_job(name=name))).claim for name in "ab")
    limits = Limits(lock_timeout_seconds=0.1)
    engine = make_engine(database_url, application_name="test", limits=limits)
    beating = Heartbeat(engine, worker="w@test", queues=lambda: ["default"], concurrency=1)
    with ledger.engine.begin() as somebody:
        runs = tables.runs.c
        somebody.execute(select(runs.id).where(runs.id == locked.run_id).with_for_update())
        for claim in (locked, dead):
            beating.report(Death(claim, Outcome.LOST, "its process died"))
        beating.start()
        wait_until(lambda: ledger.state(dead.run_id) == "lost")
        wait_until(lambda: read_silence(ledger.engine) >= 0)
    wait_until(lambda: ledger.state(locked.run_id) == "lost")
    beating.stop()


def test_a_look_that_fails_is_not_the_last_one(engine: Engine) -> None:
    queues = Mock(side_effect=[KeyError("changed meanwhile"), ["default"]])
    beating = Heartbeat(engine, worker="w@test", queues=queues, concurrency=1)
    beating.start()
    wait_until(lambda: read_silence(engine) >= 0)
    beating.stop()


def test_fault_51_a_sign_of_life_tells_how_long_the_loop_has_been_silent(engine: Engine) -> None:
    silent = Heartbeat(engine, worker="w@test", queues=lambda: ["default"], concurrency=1)
    silent.start()
    wait_until(lambda: read_silence(engine) > 4.0)
    silent.stop()


def test_fault_51_a_worker_that_waits_for_its_broker_is_not_stuck(
    project: Project, engine: Engine
) -> None:
    project.environment["JOBRUNNER_BROKER_URL"] = "redis://127.0.0.1:1/0"
    worker = project.start("worker", "-c", "1")
    worker.wait_for_line("(4/None)")  # seven seconds of waiting: a sign of life is among them
    assert 0 <= read_silence(engine) < 3.9
    worker.kill_if_alive()


def read_silence(engine: Engine) -> float:
    """-1 while there is no worker."""
    with engine.begin() as connection:
        return next((worker.silent_seconds for worker in read_workers(connection)), -1.0)
