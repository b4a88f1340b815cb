"""`jobrunner fsck`."""

import json

from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from tests.cli.conftest import Jobrunner


def test_a_ledger_that_holds_is_one_line(jobrunner: Jobrunner) -> None:
    jobrunner("apply", "--yes")
    called = jobrunner("fsck")
    assert called.exit_code == 0
    assert called.stdout == "● The ledger holds: 1 schedule, 0 due times, 0 runs.\n"


def test_what_does_not_hold_is_listed_with_what_to_do(jobrunner: Jobrunner, engine: Engine) -> None:
    jobrunner("apply", "--yes")
    # In force for one whole day and over since: one due time, whatever the hour of this test.
    with transaction(engine) as connection:
        connection.execute(
            text(
                "UPDATE jobrunner.active_intervals"
                " SET started_at = date_trunc('day', started_at) - interval '3 days',"
                " ended_at = date_trunc('day', started_at) - interval '2 days'"
            )
        )
    called = jobrunner("fsck", "ops/report")
    assert called.exit_code == 1
    assert "✕ ops/report#default" in called.stdout
    assert "was due and has no run" in called.stdout
    assert "→ Run what is missing: jobrunner backfill ops/report#default" in called.stdout
    told = json.loads(jobrunner("fsck", "-o", "json").stdout)
    assert (told["holds"], told["due_times"], told["findings"][0]["count"]) == (False, 1, 1)


def test_a_since_without_an_offset_is_wrong_usage(jobrunner: Jobrunner) -> None:
    called = jobrunner("fsck", "--since", "2026-11-01")
    assert called.exit_code == 64
    assert "Write 2026-11-01T00:00:00Z" in called.stderr
