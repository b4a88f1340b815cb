"""Django in this process, on the fresh database of each test."""

from collections.abc import Iterator

import django
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import Client

from jobrunner.contrib.django import database_from_environment
from tests.from_code.conftest import Row, Rows, job, ledger, rows

__all__ = ["Row", "Rows", "job", "ledger", "rows"]


@pytest.fixture(scope="session")
def django_in_process() -> None:
    """Set up once: a process cannot have two."""
    settings.configure(
        INSTALLED_APPS=[
            "jobrunner.contrib.django",
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF="tests.contrib.admin_urls",
        SECRET_KEY="of these tests",  # noqa: S106
        STATIC_URL="static/",
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


@pytest.fixture
def administrator(django_database: str) -> Client:
    """A browser in which an administrator is signed in."""
    assert django_database
    from django.contrib.auth.models import User  # only where Django is set up

    call_command("migrate", verbosity=0)
    ada = User.objects.create_superuser("ada", "", None)
    client = Client()
    client.force_login(ada)
    return client
