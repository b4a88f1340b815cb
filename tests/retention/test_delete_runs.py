"""The clean-up of history, on a real database."""

import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select

from jobrunner.db import tables
from jobrunner.db.engine import transaction
from jobrunner.db.totals import read_totals
from jobrunner.errors import UsageError
from jobrunner.retention import delete_old_runs, delete_runs
from tests.fsck.history import History
from tests.ledger import NOON, Ledger
from tests.reconcile.acme import Reconciler

DAY = timedelta(days=1)
LONG_AGO = NOON - 300 * DAY


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


def add_ended(ledger: Ledger, job_id: uuid.UUID, number: int, **values: Any) -> list[uuid.UUID]:
    """Runs that ended a hundred days ago, the oldest first."""
    given = {"state": "succeeded", "finished_at": func.now() - 100 * DAY, **values}
    return [
        ledger.add_run(job_id, scheduled_for=LONG_AGO + index * DAY, **given)
        for index in range(number)
    ]


def left(ledger: Ledger) -> set[uuid.UUID]:
    with ledger.engine.begin() as connection:
        return set(connection.execute(select(tables.runs.c.id)).scalars())


def test_old_runs_go_but_the_newest_ten_of_a_job(ledger: Ledger) -> None:
    runs = add_ended(ledger, ledger.add_job(), 12)
    deleted = delete_runs(ledger.engine, older_than_days=30, keep_per_job=100)
    assert deleted == {"by_age": 2, "by_count": 0, "incidents": 0}
    assert left(ledger) == set(runs[2:])


def test_young_runs_stay(ledger: Ledger) -> None:
    runs = add_ended(ledger, ledger.add_job(), 12, finished_at=func.now() - 29 * DAY)
    delete_runs(ledger.engine, older_than_days=30, keep_per_job=100)
    assert left(ledger) == set(runs)


def test_of_each_job_only_so_many_stay(ledger: Ledger) -> None:
    busy = add_ended(ledger, ledger.add_job(name="busy"), 5)
    quiet = add_ended(ledger, ledger.add_job(name="quiet"), 3)
    deleted = delete_runs(ledger.engine, older_than_days=1000, keep_per_job=3)
    assert deleted == {"by_age": 0, "by_count": 2, "incidents": 0}
    assert left(ledger) == {*busy[2:], *quiet}


def test_a_run_that_is_not_over_stays_whatever_its_age(ledger: Ledger) -> None:
    job_id = ledger.add_job()
    [waiting] = add_ended(ledger, job_id, 1, state="queued", finished_at=None)
    ended = add_ended(ledger, job_id, 3)
    delete_runs(ledger.engine, older_than_days=1000, keep_per_job=1)
    assert left(ledger) == {waiting, ended[-1]}


def test_it_goes_on_until_nothing_is_left_to_delete(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.retention.BATCH_RUNS", 2)
    add_ended(ledger, ledger.add_job(), 15)
    deleted = delete_runs(ledger.engine, older_than_days=30, keep_per_job=4)
    assert deleted == {"by_age": 5, "by_count": 6, "incidents": 0}


def totals(ledger: Ledger) -> Mapping[str, int]:
    with transaction(ledger.engine) as connection:
        return read_totals(connection)


def test_totals_never_go_backwards(ledger: Ledger) -> None:
    job_id = ledger.add_job()
    add_ended(ledger, job_id, 12)
    add_ended(ledger, job_id, 3, state="failed")
    before = totals(ledger)
    assert before == {"failed": 3, "succeeded": 12}
    deleted = delete_runs(ledger.engine, older_than_days=30, keep_per_job=4)
    assert deleted == {"by_age": 4, "by_count": 7, "incidents": 0}
    assert totals(ledger) == before
    add_ended(ledger, job_id, 5)
    delete_runs(ledger.engine, older_than_days=1000, keep_per_job=1)
    assert totals(ledger) == {"failed": 3, "succeeded": 17}


def kept_from(ledger: Ledger) -> list[datetime | None]:
    with ledger.engine.begin() as connection:
        return list(connection.execute(select(tables.schedules.c.kept_from)).scalars())


def test_a_schedule_says_from_when_on_its_runs_are_all_there(ledger: Ledger) -> None:
    job_id = ledger.add_job()
    schedule_id = ledger.add_schedule(job_id, "default")
    own = {"schedule_id": schedule_id, "trigger": "schedule"}
    add_ended(ledger, job_id, 3, **own, state="missed", missed_until=LONG_AGO + 20 * DAY)
    add_ended(ledger, job_id, 12)
    assert kept_from(ledger) == [None]
    delete_runs(ledger.engine, older_than_days=1000, keep_per_job=12)
    assert kept_from(ledger) == [LONG_AGO + 20 * DAY]


def test_the_ledger_holds_when_its_older_part_is_deleted(engine: Engine) -> None:
    past = History(Reconciler(engine), random.Random(3))  # noqa: S311  a past, no secret
    past.go_on(days=12)
    assert past.check().holds
    delete_runs(engine, older_than_days=1000, keep_per_job=20)
    checked = past.check()
    assert checked.findings == ()
    assert checked.runs == 40


def test_as_a_job_it_finds_its_database_by_itself(
    ledger: Ledger, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    add_ended(ledger, ledger.add_job(), 11)
    assert delete_old_runs() == {"by_age": 1, "by_count": 0, "incidents": 0}


def _add_incident(ledger: Ledger, job_id: uuid.UUID, **values: Any) -> int:
    given = {"kind": "failure", "last_at": NOON, "last_scheduled_for": NOON, **values}
    with ledger.engine.begin() as connection:
        added = insert(tables.incidents).values(job_id=job_id, **given)
        number: int = connection.execute(added.returning(tables.incidents.c.id)).scalar_one()
    return number


def _add_message(ledger: Ledger, incident_id: int, **values: Any) -> None:
    with ledger.engine.begin() as connection:
        project_id = connection.execute(select(tables.projects.c.id)).scalar_one()
        connection.execute(
            insert(tables.notifications).values(
                incident_id=incident_id,
                project_id=project_id,
                notifier="oncall",
                event="opened",
                message={},
                **values,
            )
        )


def _incidents_left(ledger: Ledger) -> set[int]:
    with ledger.engine.begin() as connection:
        return set(connection.execute(select(tables.incidents.c.id)).scalars())


OLD = {"closed_at": func.now() - 100 * DAY}


def test_old_incidents_go_with_their_messages_but_the_newest_of_a_job_and_a_kind(
    ledger: Ledger,
) -> None:
    job_id = ledger.add_job()
    _add_message(ledger, _add_incident(ledger, job_id, **OLD))
    late = _add_incident(ledger, job_id, kind="late", **OLD)
    newest = _add_incident(ledger, job_id, **OLD)
    deleted = delete_runs(ledger.engine, older_than_days=30, keep_per_job=100)
    assert deleted["incidents"] == 1
    assert _incidents_left(ledger) == {late, newest}
    with ledger.engine.begin() as connection:
        assert connection.execute(select(tables.notifications.c.id)).all() == []


@pytest.mark.parametrize("closed_at", [func.now() - 29 * DAY, None])
def test_young_and_open_incidents_stay(ledger: Ledger, closed_at: object) -> None:
    job_id = ledger.add_job()
    kept = _add_incident(ledger, job_id, closed_at=closed_at)
    newest = _add_incident(ledger, job_id, **OLD)
    delete_runs(ledger.engine, older_than_days=30, keep_per_job=100)
    assert _incidents_left(ledger) == {kept, newest}


def test_an_incident_whose_message_still_waits_stays(ledger: Ledger) -> None:
    job_id = ledger.add_job()
    waits = _add_incident(ledger, job_id, **OLD)
    _add_message(ledger, waits, next_try_at=func.now())
    newest = _add_incident(ledger, job_id)
    delete_runs(ledger.engine, older_than_days=30, keep_per_job=100)
    assert _incidents_left(ledger) == {waits, newest}


def test_incidents_go_batch_by_batch(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobrunner.retention.BATCH_INCIDENTS", 2)
    job_id = ledger.add_job()
    for _ in range(6):
        _add_incident(ledger, job_id, **OLD)
    assert delete_runs(ledger.engine, older_than_days=30, keep_per_job=100)["incidents"] == 5


@pytest.mark.parametrize("bounds", [{"older_than_days": 0}, {"keep_per_job": -1}])
def test_a_bound_that_would_delete_everything_is_refused(bounds: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="must be 1 or more"):
        delete_old_runs(**bounds)
