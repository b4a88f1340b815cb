"""Django in this process, on the fresh database of each test."""

from collections.abc import Iterator

import django
import pytest
from django.conf import settings
from django.db import connections

from jobrunner.contrib.django import database_from_environment
from tests.from_code.conftest import Row, Rows, job, ledger, rows

__all__ = ["Row", "Rows", "job", "ledger", "rows"]


@pytest.fixture(scope="session")
def django_in_process() -> None:
    """Set up once: a process cannot have two."""
    settings.configure(
        INSTALLED_APPS=["jobrunner.contrib.django"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.postgresql"},
            "sqlite": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
        },
        USE_TZ=True,
    )
    django.setup()


@pytest.fixture
def django_database(django_in_process: None, job: str) -> Iterator[str]:
    """Django's default database is jobrunner's, by the same variables; a table `notes` is the host's.

    The address of a job that can be triggered.
    """
    del django_in_process
    connections.settings["default"].update(database_from_environment())
    connections["default"] = connections.create_connection("default")
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TABLE notes (written text)")
    yield job
    connections["default"].close()
    del connections["default"]
