"""Past load and the ends of a day: the same whether runs were counted by the hour, or deleted, or not."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from jobrunner.access.caller import Caller, Role
from jobrunner.db.engine import transaction
from jobrunner.db.overview import read_overview
from jobrunner.db.past_load import PastHour, past_load
from jobrunner.db.totals import count_ended
from jobrunner.retention import delete_runs
from tests.ledger import Ledger

HOUR = timedelta(hours=1)
ALL = Caller(subject="ann", role=Role.VIEWER, via="token")
OWN = Caller(subject="ann", role=Role.VIEWER, via="token", own_runs_only=True)


@pytest.fixture
def this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def end(ledger: Ledger, at: datetime, state: str = "succeeded", **values: object) -> None:
    ledger.add_run(
        ledger.add_job(name=f"job-{at:%d-%H-%M}-{state}"),
        scheduled_for=at,
        state=state,
        started_at=at,
        finished_at=at + timedelta(minutes=2),
        **values,
    )


def count(engine: Engine) -> int:
    with transaction(engine) as connection:
        return count_ended(connection, limit=100)


def load(engine: Engine, start: datetime, caller: Caller = ALL) -> tuple[PastHour, ...]:
    with transaction(engine) as connection:
        return past_load(connection, caller, start=start, end=start + 100 * HOUR)


def ended(engine: Engine) -> dict[str, int]:
    with transaction(engine) as connection:
        return dict(read_overview(connection).ended)


def test_load_is_the_same_before_and_after_its_runs_are_counted(
    ledger: Ledger, engine: Engine, this_hour: datetime
) -> None:
    end(ledger, this_hour - 5 * HOUR)
    before = load(engine, this_hour - 5 * HOUR)
    assert before == (PastHour(this_hour - 5 * HOUR, "default", 1, 120.0),)
    assert count(engine) == 1
    assert load(engine, this_hour - 5 * HOUR) == before


def test_counted_and_uncounted_runs_of_an_hour_are_added_up(
    ledger: Ledger, engine: Engine, this_hour: datetime
) -> None:
    at = this_hour - 5 * HOUR
    end(ledger, at)
    count(engine)
    end(ledger, at + timedelta(minutes=30))
    job_id = ledger.add_job()
    ledger.add_run(job_id, scheduled_for=at)
    ledger.add_run(job_id, scheduled_for=at, held=True, sent_at=None)
    assert load(engine, at) == (PastHour(at, "default", 4, 240.0),)


def test_batches_of_one_hour_are_added_up(
    ledger: Ledger, engine: Engine, this_hour: datetime
) -> None:
    at = this_hour - 5 * HOUR
    end(ledger, at)
    count(engine)
    end(ledger, at + timedelta(minutes=30))
    count(engine)
    assert load(engine, at) == (PastHour(at, "default", 2, 240.0),)


def test_a_deleted_run_stays_in_the_load(
    ledger: Ledger, engine: Engine, this_hour: datetime
) -> None:
    at = this_hour - 5 * HOUR
    job_id = ledger.add_job()
    ledger.end_run(ledger.add_run(job_id, scheduled_for=at), "succeeded")
    ledger.end_run(ledger.add_run(job_id, scheduled_for=at + HOUR), "succeeded")
    delete_runs(engine, older_than_days=1_000, keep_per_job=1)
    assert [one.hour for one in load(engine, at)] == [at, at + HOUR]


def test_who_sees_his_own_runs_has_no_part_in_the_totals(
    ledger: Ledger, engine: Engine, this_hour: datetime
) -> None:
    at = this_hour - 5 * HOUR
    end(ledger, at, created_by="bob")
    end(ledger, at + HOUR, created_by="ann")
    count(engine)
    assert [one.hour for one in load(engine, at, OWN)] == [at + HOUR]


def test_totals_by_hour_forget_what_nobody_can_ask_for(
    ledger: Ledger, engine: Engine, this_hour: datetime
) -> None:
    end(ledger, this_hour - 200 * HOUR)
    end(ledger, this_hour - HOUR)
    with transaction(engine) as connection:
        connection.execute(
            text("INSERT INTO jobrunner.hour_totals VALUES (:hour, 'test', 'old', 'failed', 1, 1)"),
            {"hour": this_hour - 193 * HOUR},
        )
    count(engine)
    with transaction(engine) as connection:
        hours = connection.execute(text("SELECT hour FROM jobrunner.hour_totals")).scalars().all()
    assert hours == [this_hour - HOUR]


def test_the_ends_of_a_day_are_the_same_before_and_after_they_are_counted(
    ledger: Ledger, engine: Engine
) -> None:
    now = datetime.now(UTC)
    end(ledger, now - timedelta(hours=24, minutes=1))
    end(ledger, now - timedelta(hours=23, minutes=59))
    end(ledger, now - timedelta(hours=3), "failed")
    end(ledger, now - timedelta(minutes=1))
    assert ended(engine) == {"failed": 1, "succeeded": 2}
    assert count(engine) == 4
    assert ended(engine) == {"failed": 1, "succeeded": 2}
