"""`jobrunner.schedules`: jobs that Python code makes on the database itself."""

import pytest
from sqlalchemy import Engine, select

from jobrunner import schedules
from jobrunner.db import tables
from jobrunner.db.api_schedules import StoredJob, stored_job
from jobrunner.db.engine import transaction
from jobrunner.errors import ConfigurationError, Conflict, GuardRefused, NotFound, UsageError

DEFINITION = {"task": "acme.remind", "kwargs": {"customer": 42}, "schedule": {"every": "1h"}}


@pytest.fixture(autouse=True)
def _environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", database_url)


def _stored(engine: Engine) -> StoredJob:
    with transaction(engine) as connection:
        return stored_job(connection, "crm/reminder")


def test_a_job_is_made_changed_and_replaced(engine: Engine) -> None:
    schedules.create("crm/reminder", DEFINITION)
    schedules.change("crm/reminder", {"queue": "mail", "kwargs": None})
    changed = _stored(engine).definition
    schedules.replace("crm/reminder", {"task": "acme.other"})
    assert (changed["queue"], changed["kwargs"]) == ("mail", {})
    assert _stored(engine).definition["task"] == "acme.other"


def test_a_job_is_switched_off_and_on(engine: Engine) -> None:
    schedules.create("crm/reminder", DEFINITION)
    schedules.disable("crm/reminder")
    off = _stored(engine).schedules[0].next_run_at
    schedules.enable("crm/reminder")
    assert off is None
    assert _stored(engine).schedules[0].next_run_at is not None


def test_a_protected_job_is_deleted_where_it_is_meant(engine: Engine) -> None:
    schedules.create("crm/reminder", {**DEFINITION, "protect": True})
    with pytest.raises(GuardRefused):
        schedules.delete("crm/reminder")
    schedules.delete("crm/reminder", allow_protected=True)
    with pytest.raises(NotFound):
        _stored(engine)


def test_each_act_is_in_the_audit_with_the_program(engine: Engine) -> None:
    schedules.create("crm/reminder", DEFINITION)
    schedules.delete("crm/reminder")
    with engine.connect() as connection:
        acts = connection.execute(select(tables.audit.c.actor, tables.audit.c.action)).all()
    assert [act.action for act in acts] == ["schedule.create", "schedule.delete"]
    assert all("@" in act.actor for act in acts)


def test_a_mistake_is_told_with_its_place_and_nothing_is_made(engine: Engine) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        schedules.create("crm/reminder", {**DEFINITION, "schedule": {"cron": "61 * * * *"}})
    assert wrong.value.hint.startswith("/schedule/cron: minute 61 is out of range")
    with pytest.raises(NotFound):
        _stored(engine)


@pytest.mark.parametrize(
    "address", ["crm", "crm/", "/reminder", "crm/a/b", "CRM/x", "crm/a\x00", "crm/a\n"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        schedules.create(address, DEFINITION)


def test_a_job_of_a_file_is_not_touched(job: str) -> None:
    with pytest.raises(Conflict, match=r"jobs\.d/test\.yaml:1"):
        schedules.disable(job)


def test_the_audit_names_the_author_where_one_is_given(engine: Engine) -> None:
    schedules.create("crm/reminder", DEFINITION, author="ada")
    with engine.connect() as connection:
        assert connection.execute(select(tables.audit.c.actor)).scalars().all() == ["ada"]
    assert _stored(engine).changed_by == "ada"


def test_a_job_is_read_back_with_its_next_time() -> None:
    schedules.create("crm/reminder", DEFINITION)
    found = schedules.get("crm/reminder")
    (schedule,) = found.schedules
    assert (found.definition, found.is_read_only, found.enabled) == (DEFINITION, False, True)
    assert (schedule.in_words, schedule.total_run_count) == ("every hour", 0)
    assert schedule.next_run_at is not None


def test_the_jobs_of_a_namespace_are_listed_by_their_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for job in ("crm/c", "crm/a", "crm/b", "shop/a"):
        schedules.create(job, DEFINITION)
    monkeypatch.setattr(schedules, "_AT_A_TIME", 2)
    assert [one.address for one in schedules.list_all()] == ["crm/a", "crm/b", "crm/c", "shop/a"]
    assert [one.address for one in schedules.list_all(namespace="shop")] == ["shop/a"]


def test_no_address_and_no_job_are_told_of() -> None:
    with pytest.raises(UsageError, match="no address"):
        schedules.get("reminder")
    with pytest.raises(NotFound):
        schedules.get("crm/reminder")
