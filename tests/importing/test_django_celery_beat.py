"""The tables of django-celery-beat: each row is a job, or told of."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from jobrunner.db.engine import transaction
from jobrunner.db.foreign_schedules import read_django_tasks
from jobrunner.errors import DatabaseUnavailable, NotFound
from jobrunner.importing.django_celery_beat import django_entries
from jobrunner.importing.entries import Job, Left
from tests.importing.reading import read_back, result_of

TABLES = (Path(__file__).parent / "django_tables.sql").read_text("utf-8")


@pytest.fixture
def jobs(engine: Engine) -> dict[str, Job]:
    """By name there."""
    with transaction(engine) as connection:
        connection.exec_driver_sql(TABLES)
    with transaction(engine) as connection:
        tasks = read_django_tasks(connection)
    entries = [*django_entries(tasks)]
    assert len(entries) == len(tasks)
    return {entry.wanted_name: entry for entry in entries if isinstance(entry, Job)}


def test_a_crontab_keeps_its_own_zone(jobs: dict[str, Job]) -> None:
    job = jobs["Nightly report"]
    assert job.schedule == {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}
    assert job.keys == {
        "description": "Builds it",
        "celery_task": "acme.tasks.report",
        "args": [1],
        "kwargs": {"region": "eu"},
        "expires": "10m",
        "queue": "reports",
    }


def test_what_has_no_key_here_is_told_of(jobs: dict[str, Job]) -> None:
    notes = " ".join(jobs["first monday"].notes)
    assert "option headers={x: …} has no key here" in notes
    assert "priority 3 is not taken" in notes
    assert "it is disabled there, too" in notes


def test_start_and_expiry_bound_the_schedule(jobs: dict[str, Job]) -> None:
    assert jobs["poll"].schedule == {
        "every": "10m",
        "start_at": "2026-12-01T00:00:00Z",
        "end_at": "2027-12-01T00:00:00Z",
    }
    assert 'anchor: "2026-11-01T10:03:07Z" keeps its phase' in " ".join(jobs["poll"].notes)


def test_sun_clock_and_one_off_have_schedules_of_their_own(jobs: dict[str, Job]) -> None:
    place = {"event": "sunset", "latitude": 52.52, "longitude": 13.405}
    assert jobs["lights"].schedule == {"solar": place}
    assert jobs["once"].schedule == {"at": ["2027-01-01T12:00:00Z"]}
    assert jobs["one of"].schedule == {"every": "10m", "max_runs": 1}


@pytest.mark.usefixtures("jobs")
def test_what_beat_would_disable_or_we_cannot_do_is_left(engine: Engine) -> None:
    with transaction(engine) as connection:
        entries = django_entries(read_django_tasks(connection))
    left = {
        entry.original.split(":")[0]: entry.reason for entry in entries if isinstance(entry, Left)
    }
    assert {*left} == {"broken", "fast"}
    assert "its args are no JSON" in left["broken"]
    assert "shorter than a second" in left["fast"]


def test_what_is_written_can_be_read(jobs: dict[str, Job]) -> None:
    read = read_back(result_of(jobs.values(), "beat"))
    assert read["nightly-report"].expires == timedelta(minutes=10)
    assert all(not job.enabled and job.overlap == "allow" for job in read.values())


@pytest.mark.usefixtures("jobs")
def test_nothing_can_be_written_while_it_is_read(engine: Engine) -> None:
    with (
        pytest.raises(DatabaseUnavailable, match="read-only transaction"),
        transaction(engine) as connection,
    ):
        read_and_delete(connection)


def read_and_delete(connection: Connection) -> None:
    """As an import that forgets itself would."""
    read_django_tasks(connection)
    connection.exec_driver_sql("DELETE FROM django_celery_beat_periodictask")


def test_a_database_without_its_tables_is_told_of(engine: Engine) -> None:
    with (
        pytest.raises(NotFound, match="no tables of django-celery-beat"),
        transaction(engine) as one,
    ):
        read_django_tasks(one)
