"""A next time that no program could read is refused by the table, whoever writes it."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from tests.promises.bad_rows import execute
from tests.seeding import AddJob

SPOILT_TIMES = {
    "a time without its jitter": "next_run_at = NULL",
    "no nominal time": "next_scheduled_for = NULL",
    "the end of the calendar": "next_scheduled_for = '9999-12-31T23:59:59Z'",
    "a year beyond all calendars": "next_scheduled_for = '19999-01-01Z'",
    "the same with its jitter": "next_run_at = '19999-01-01Z'",
    "before all years": "next_scheduled_for = '0044-03-15 BC'",
    "the end of time": "next_scheduled_for = 'infinity', next_run_at = 'infinity'",
    "the beginning of time": "next_scheduled_for = '-infinity', next_run_at = '-infinity'",
    "a last run that nobody has seen": "last_run_at = '19999-01-01Z'",
    "a ledger that is never whole": "kept_from = 'infinity'",
}


@pytest.mark.parametrize("kind", SPOILT_TIMES)
def test_a_time_that_nobody_can_read_is_refused_by_the_table(
    engine: Engine, add_job: AddJob, kind: str
) -> None:
    add_job()
    with pytest.raises(IntegrityError, match="violates check constraint"):
        execute(engine, f"UPDATE jobrunner.schedules SET {SPOILT_TIMES[kind]}")  # noqa: S608
