"""What a plan reads of the jobs in force, when it reads them again."""

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from jobrunner.db.engine import transaction
from jobrunner.db.jobs import read_jobs
from jobrunner.plan.current import CurrentJob
from tests.reconcile.acme import Reconciler, make_job

HOURLY = {"every": "1h"}
RUN = """
    INSERT INTO jobrunner.runs (id, job_id, definition_id, trigger, scheduled_for, available_at, state,
                                queue)
    SELECT gen_random_uuid(), id, definition_id, 'manual', now(), now(), 'queued', queue
      FROM jobrunner.jobs
"""


@pytest.fixture
def acme(engine: Engine) -> Reconciler:
    """One job in force, `reports/nightly`."""
    acme = Reconciler(engine)
    acme.apply(make_job(kwargs={"n": 1}, schedules=[HOURLY]))
    return acme


def read(acme: Reconciler) -> tuple[CurrentJob, ...]:
    with transaction(acme.engine) as connection:
        return read_within(connection, acme)


def read_within(connection: Connection, acme: Reconciler) -> tuple[CurrentJob, ...]:
    statement = text("SELECT id FROM jobrunner.projects WHERE name = :name")
    project_id = connection.execute(statement, {"name": acme.project}).scalar_one()
    return read_jobs(connection, project_id)


def queue_of(job: CurrentJob) -> Any:
    return job.in_force and job.in_force.queue


def test_a_job_of_which_no_row_has_changed_is_the_same_value(acme: Reconciler) -> None:
    [first] = read(acme)
    [second] = read(acme)

    assert second is first


def test_the_other_jobs_are_the_same_values_after_one_was_edited(acme: Reconciler) -> None:
    [first] = read(acme)
    acme.apply(make_job(kwargs={"n": 1}, schedules=[HOURLY]), make_job("zoo/feed"))
    second, new = read(acme)

    assert second is first
    assert new.address == "zoo/feed"


@pytest.mark.parametrize(
    "by_hand",
    [
        "UPDATE jobrunner.jobs SET queue = 'other'",
        "UPDATE jobrunner.jobs SET line = 9",
        "UPDATE jobrunner.jobs SET definition_id = 4711",
        "UPDATE jobrunner.jobs SET deleted_at = now()",
        "UPDATE jobrunner.definitions SET spec = jsonb_set(spec, '{kwargs,n}', '1.0')",
        "UPDATE jobrunner.definitions SET job_id = gen_random_uuid()",
        "UPDATE jobrunner.schedules SET spec = jsonb_set(spec, '{every}', '\"10m\"')",
        "UPDATE jobrunner.schedules SET next_scheduled_for = now()",
        "UPDATE jobrunner.schedules SET deleted_at = now()",
        "UPDATE jobrunner.schedules SET error = 'no', next_run_at = NULL, next_scheduled_for = NULL",
        RUN,
    ],
)
def test_what_a_hand_changes_is_read_the_next_time(acme: Reconciler, by_hand: str) -> None:
    before = read(acme)
    acme.execute("SET LOCAL session_replication_role = replica; " + by_hand)

    assert repr(read(acme)) != repr(before)  # 1.0 is another argument than 1


def test_what_a_transaction_takes_back_is_not_remembered(acme: Reconciler) -> None:
    [before] = read(acme)
    with acme.engine.connect() as connection, connection.begin() as begun:
        connection.execute(text("UPDATE jobrunner.jobs SET queue = 'other'"))
        [within] = read_within(connection, acme)
        begun.rollback()
    acme.execute("UPDATE jobrunner.jobs SET queue = 'third'")
    [after] = read(acme)

    assert [queue_of(job) for job in (before, within, after)] == ["default", "other", "third"]


def test_each_project_has_its_own_jobs(acme: Reconciler, engine: Engine) -> None:
    other = Reconciler(engine, project="other")
    other.apply(make_job("zoo/feed"))

    found = [read(one)[0].address for one in (acme, other, acme)]

    assert found == ["reports/nightly", "zoo/feed", "reports/nightly"]
