"""Short forms of what `python -m tests.worker.rolling`, `.flood` and `.killed_workers` show at length."""

import itertools
import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from jobrunner.worker.lookahead import QUICK_RUNS
from tests.ledger import Ledger
from tests.project import Project
from tests.waiting import wait_until
from tests.worker.fleet import Fleet, make_fleet
from tests.worker.flood import flood
from tests.worker.killed_workers import kill_workers
from tests.worker.rolling import roll


@pytest.fixture
def fleet(project: Project, engine: Engine) -> Fleet:
    return make_fleet(project, Ledger(engine))


def test_fault_35_a_rolling_restart_loses_nothing_and_starts_nothing_twice(fleet: Fleet) -> None:
    rolled = roll(fleet, restarts=3)
    assert rolled.is_good, rolled
    assert rolled.runs > 10


def test_fault_33_what_a_killed_worker_ran_starts_again_within_thirty_seconds(
    fleet: Fleet,
) -> None:
    assert max(kill_workers(fleet, kills=1)) < 30.0


def test_a_run_with_priority_starts_within_a_second_in_spite_of_a_flood(fleet: Fleet) -> None:
    flooded = flood(fleet, runs=1_500)
    assert flooded.is_good, flooded
    assert flooded.waiting > 100


def test_what_is_taken_ahead_of_a_long_run_is_the_first_that_another_worker_gets(
    fleet: Fleet,
) -> None:
    short = fleet.ledger.add_job("acme.nothing", overlap="allow", name="short")
    long = fleet.ledger.add_job("acme.brief", args=[str(fleet.journal), 600], name="long")
    before = [fleet.ledger.add_run(short) for _ in range(2 * QUICK_RUNS)]
    behind = [fleet.ledger.add_run(short) for _ in range(3)]
    fleet.send([*before, fleet.ledger.add_run(long), *behind], priority=None)
    fleet.start_worker("w0", "-c", "1")
    wait_until(fleet.journal.exists)
    fleet.start_worker("w1", "-c", "1")
    wait_until(lambda: fleet.count_runs(state="succeeded") == len(before + behind))
    started = [fleet.ledger.run(run_id)["started_at"] for run_id in behind]
    assert started == sorted(started)


def test_no_more_runs_of_a_job_than_it_may_have_run_at_once_on_two_workers(fleet: Fleet) -> None:
    job_id = fleet.ledger.add_job(
        "acme.brief", args=[str(fleet.journal), 0.2], max_concurrency=1, overlap="allow"
    )
    fleet.start_beat()
    fleet.start_worker("w0", "-c", "2")
    fleet.start_worker("w1", "-c", "2")
    runs = [fleet.add_brief(job_id) for _ in range(8)]
    wait_until(lambda: fleet.count_runs(state="succeeded") == 8)
    found = sorted((fleet.ledger.run(run_id) for run_id in runs), key=lambda run: run["started_at"])
    assert all(
        one["finished_at"] <= other["started_at"] for one, other in itertools.pairwise(found)
    )


def test_a_run_that_has_expired_in_its_queue_is_not_started(fleet: Fleet, tmp_path: Path) -> None:
    job_id = fleet.ledger.add_job("acme.brief", args=[str(tmp_path / "never"), 0], expires="1s")
    run_id = fleet.ledger.add_run(job_id)
    fleet.ledger.change_run(run_id, expires_at=fleet.ledger.run(run_id)["created_at"])
    fleet.send([run_id], priority=None)
    fleet.start_worker("w", "-c", "1")
    wait_until(lambda: fleet.ledger.state(run_id) == "expired")
    assert not (tmp_path / "never").exists()


def test_fault_34_a_message_that_died_with_its_worker_is_sent_again(fleet: Fleet) -> None:
    fleet.start_beat()
    victim = fleet.start_worker("victim", "-c", "1")
    child = int(
        Path(f"/proc/{victim.pid}/task/{victim.pid}/children").read_text("ascii").split()[0]
    )
    os.kill(child, signal.SIGSTOP)
    run_id = fleet.ledger.add_run(fleet.ledger.add_job("acme.nothing"))
    fleet.send([run_id], priority=None)
    wait_until(lambda: fleet.sender.waiting("default").depth == 0)
    assert fleet.ledger.state(run_id) == "queued"
    victim.kill()
    fleet.start_worker("other", "-c", "1")
    wait_until(lambda: fleet.ledger.state(run_id) == "succeeded", timeout_seconds=20.0)


def test_a_worker_holds_a_connection_for_each_of_its_processes_and_two(fleet: Fleet) -> None:
    fleet.start_worker("w", "-c", "2")
    job_id = fleet.ledger.add_job("acme.nothing")
    run_ids = [fleet.ledger.add_run(job_id) for _ in range(50)]
    fleet.send(run_ids, priority=None)
    wait_until(lambda: fleet.count_runs(state="succeeded") == 50)
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'jobrunner %'"
        " AND application_name <> 'jobrunner tests'"
    )
    with fleet.ledger.engine.connect() as connection:
        assert 2 <= connection.execute(query).scalar_one() <= 4


@pytest.mark.parametrize(("number", "exit_seconds"), [(signal.SIGQUIT, 5.0), (signal.SIGINT, 8.0)])
def test_fault_35_a_stop_that_waits_for_nobody_hands_back_what_may_be_repeated(
    fleet: Fleet, number: signal.Signals, exit_seconds: float
) -> None:
    """SIGQUIT at once, Ctrl-C when it comes for the second time."""
    worker = fleet.start_worker("w", "-c", "1")
    job_id = fleet.ledger.add_job("acme.brief", args=[str(fleet.journal), 60], on_lost="retry")
    run_id = fleet.ledger.add_run(job_id)
    fleet.send([run_id], priority=None)
    wait_until(lambda: fleet.ledger.state(run_id) == "running" and fleet.journal.exists())
    os.kill(worker.pid, number)
    worker.wait_for_line("shutdown (MainProcess)")
    os.kill(worker.pid, number)
    worker.wait(timeout_seconds=exit_seconds)
    assert fleet.ledger.state(run_id) == "queued"


def test_fault_50_a_worker_without_the_database_starts_nothing_and_loses_no_message(
    fleet: Fleet,
) -> None:
    fleet.project.environment["JOBRUNNER_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    worker = fleet.start_worker("w", "-c", "1")
    job_id = fleet.ledger.add_job("acme.brief", args=[str(fleet.journal), 0])
    run_id = fleet.ledger.add_run(job_id)
    fleet.send([run_id], priority=None)
    wait_until(lambda: fleet.sender.waiting("default").depth == 0)
    worker.wait_for_line("claim_failed")
    worker.wait_for_line(
        "claim_failed", after=len(worker.lines)
    )  # it was put back, and taken again
    assert not fleet.journal.exists()
    assert fleet.ledger.state(run_id) == "queued"
