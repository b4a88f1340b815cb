"""Short forms of what `python -m tests.worker.rolling`, `.flood` and `.killed_workers` show at length."""

import itertools
from pathlib import Path

import pytest
from sqlalchemy import Engine

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
