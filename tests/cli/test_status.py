"""`jobrunner status` on a ledger with many runs: what it counts, and what it leaves alone."""

import json

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from jobrunner.db.processes import sign_in
from tests.cli.conftest import Jobrunner


@pytest.fixture
def with_runs(jobrunner: Jobrunner) -> Jobrunner:
    """Three runs of a job in force are queued."""
    assert jobrunner("apply", "--yes").exit_code == 0
    for _ in range(3):
        jobrunner("run", "ops/report", "--force")
    return jobrunner


def test_all_runs_there_ever_were_are_counted_when_somebody_asks(
    with_runs: Jobrunner, engine: Engine
) -> None:
    with transaction(engine) as connection:  # as the clean-up of history does
        connection.execute(
            text(
                "INSERT INTO jobrunner.job_totals"
                " SELECT id, queue, 'schedule', 'succeeded', 39, 0, 0, '{}', 0, '{}', 0, '{}'"
                " FROM jobrunner.jobs WHERE name = 'report'"
            )
        )
    told = json.loads(with_runs("status", "-o", "json", "--totals").stdout)
    assert told["runs"]["ever"] == {"queued": 3, "succeeded": 39}
    assert "42 runs, deleted ones included" in with_runs("status", "--totals").stdout
    assert "ever" not in json.loads(with_runs("status", "-o", "json").stdout)["runs"]


def test_what_is_held_is_counted_so_far_and_no_further(
    with_runs: Jobrunner, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.db.overview.HELD_COUNTED", 2)
    monkeypatch.setattr("jobrunner.cli.status.HELD_COUNTED", 2)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobrunner.runs SET held = true"))
    assert "0 running, 0 queued, more than 2 held" in with_runs("status").stdout


def test_a_queue_of_jobs_that_no_worker_takes_from_is_wrong(
    with_runs: Jobrunner, engine: Engine
) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "worker", name="one", details={"queues": ["default"]})
    told = "one (queues default); none takes from low, start one: `jobrunner worker -Q low`"
    assert told in with_runs("status").stdout
    with transaction(engine) as connection:
        sign_in(connection, "worker", name="two", details={"queues": ["low"]})
    assert "none takes from" not in with_runs("status").stdout


def test_an_app_that_cannot_be_sent_to_is_wrong_and_told_once(
    with_runs: Jobrunner, engine: Engine
) -> None:
    away = "The Celery app shop.app cannot be sent to: Connection refused."
    with transaction(engine) as connection:
        for name in ("one", "two"):
            sign_in(connection, "beat", name=name, details={"cannot_send": [away]})
    called = with_runs("status")
    assert called.exit_code == 1
    assert called.stdout.count(f"✕ {away[:-1]}; its runs wait") == 1
