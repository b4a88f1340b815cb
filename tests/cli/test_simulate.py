"""`jobrunner simulate`."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from tests.cli.calling import call
from tests.cli.conftest import Jobrunner


def test_without_a_database_it_says_so_and_counts_the_starts(folder: Path) -> None:
    called = call("simulate", "--day", "2026-11-22", folder=folder)
    assert called.exit_code == 0
    assert "Sunday 22 November 2026, UTC   1 start of 1 job" in called.stdout
    assert "04:00" in called.stdout
    assert "Only starts are counted, for want of past durations" in called.stderr


def test_past_runs_tell_how_many_slots_a_queue_takes(jobrunner: Jobrunner, engine: Engine) -> None:
    jobrunner("apply", "--yes")
    with transaction(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO jobrunner.runs (id, job_id, definition_id, trigger, scheduled_for, state,"
                " queue, available_at, started_at, finished_at)"
                " SELECT gen_random_uuid(), id, definition_id, 'manual', now(), 'succeeded', queue,"
                " now(), now() - interval '42 seconds', now() FROM jobrunner.jobs"
            )
        )
    told = json.loads(jobrunner("simulate", "--day", "2026-11-22", "-o", "json").stdout)
    [queue] = told["queues"]
    assert (queue["name"], queue["starts"], queue["slots"]) == ("default", 1, 1)
    assert (told["jobs"][0]["p50_seconds"], told["jobs"][0]["slow"]["skipped"]) == (42.0, 0)
    shown = jobrunner("simulate").stdout
    assert "No job that has run meets itself" in shown
    assert "42.0 s, 42.0 s ?" in shown
    assert "? known from fewer than 20 runs" in shown


@pytest.mark.parametrize("day", ["tomorrow", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_wrong_usage(folder: Path, day: str) -> None:
    called = call("simulate", "--day", day, folder=folder)
    assert called.exit_code == 64
    assert "Write for example 2027-03-28" in called.stderr
