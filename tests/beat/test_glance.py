"""What a beat sees there is to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, text, update

from jobrunner.db import tables
from jobrunner.db.engine import transaction
from jobrunner.db.glance import Glance, glance
from jobrunner.recording import record_due
from tests.seeding import AddJob

NOTHING = Glance(
    now=0.0,
    due_in=None,
    unsent_in=None,
    abandoned_in=None,
    has_lost=False,
    has_expired=False,
    has_held=False,
    has_unclaimed=False,
    has_foreign=False,
    has_handed_over=False,
    has_uncounted=False,
)


def record(engine: Engine, *, to_send: bool) -> None:
    """What is due gets its rows, and nothing comes after it."""
    with transaction(engine) as connection:
        record_due(connection, to_send=to_send)
        connection.execute(
            update(tables.schedules).values(next_scheduled_for=None, next_run_at=None)
        )


def test_in_an_empty_database_there_is_nothing_to_do(engine: Engine) -> None:
    assert replace(glance(engine, recover=True), now=0.0) == NOTHING


def test_the_next_schedule_is_seen_from_the_databases_clock(
    engine: Engine, add_job: AddJob
) -> None:
    add_job("later", due=datetime.now(UTC) + timedelta(hours=2))
    add_job("next", due=datetime.now(UTC) + timedelta(hours=1))
    assert glance(engine, recover=False).due_in == pytest.approx(3600, abs=60)


def test_a_run_that_waits_to_be_sent_is_seen(engine: Engine, add_job: AddJob) -> None:
    add_job(due=datetime.now(UTC))
    record(engine, to_send=False)
    seen = glance(engine, recover=False)
    assert seen.unsent_in is not None
    assert seen.unsent_in < 0
    assert seen.abandoned_in is None


def test_a_batch_that_is_being_sent_is_no_run_that_waits(engine: Engine, add_job: AddJob) -> None:
    add_job(due=datetime.now(UTC))
    record(engine, to_send=True)
    seen = glance(engine, recover=False)
    assert seen.unsent_in is None
    assert seen.abandoned_in is not None
    assert seen.abandoned_in <= 0.25


def test_a_run_whose_time_to_start_has_passed_keeps_no_beat_awake(
    engine: Engine, add_job: AddJob
) -> None:
    add_job(due=datetime.now(UTC))
    record(engine, to_send=False)
    with engine.begin() as connection:
        connection.execute(update(tables.runs).values(expires_at=func.now()))
    seen = glance(engine, recover=True)
    assert seen.unsent_in is None
    assert seen.has_expired


@pytest.mark.parametrize(
    ("change", "seen_as"),
    [
        ("sent_at = now() - interval '6 s'", "has_unclaimed"),
        ("held = true", "has_held"),
        ("state = 'running', lease_until = now() - interval '1 s'", "has_lost"),
    ],
)
def test_what_goes_wrong_is_looked_for_when_it_is_asked_for(
    engine: Engine, add_job: AddJob, change: str, seen_as: str
) -> None:
    add_job(due=datetime.now(UTC))
    record(engine, to_send=False)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE jobrunner.runs SET {change}"))  # noqa: S608  the test's own
    assert getattr(glance(engine, recover=True), seen_as)
    assert not getattr(glance(engine, recover=False), seen_as)
