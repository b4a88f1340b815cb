"""`database_from_environment`: one set of variables for jobrunner and for Django."""

from pathlib import Path
from typing import Any

import pytest

from jobrunner.contrib.django import database_from_environment
from jobrunner.errors import UsageError
from jobrunner.settings import PART_NAMES

PASSWORD = "p@ss/w:rd#1"  # noqa: S105


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the developer's own, and no `jobrunner up` above."""
    monkeypatch.chdir(tmp_path)
    for name in ("JOBRUNNER_DATABASE_URL", *PART_NAMES):
        monkeypatch.delenv(name, raising=False)


def told(**values: Any) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {}, **values}


def test_a_url_becomes_djangos_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://web:p%40ss%2Fw%3Ard%231@db.internal:5433/shop?sslmode=require"
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", url)
    assert database_from_environment() == told(
        NAME="shop",
        USER="web",
        PASSWORD=PASSWORD,
        HOST="db.internal",
        PORT=5433,
        OPTIONS={"sslmode": "require"},
    )


def test_the_folder_of_a_socket_is_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://web@/shop?host=%2Frun%2Fpostgresql&port=5433"
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", url)
    assert database_from_environment() == told(
        NAME="shop", USER="web", PASSWORD="", HOST="/run/postgresql", PORT="5433"
    )


def test_parts_and_a_file_with_the_password_do_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("POSTGRES_HOST", "db")
    monkeypatch.setenv("POSTGRES_USER", "web")
    monkeypatch.setenv("POSTGRES_PASSWORD_FILE", str(tmp_path / "password"))
    assert database_from_environment() == told(
        NAME="web", USER="web", PASSWORD=PASSWORD, HOST="db", PORT=5432
    )


def test_nothing_is_named_where_a_command_needs_no_database() -> None:
    assert database_from_environment() == {}


def test_a_variable_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_HOST", "db")
    monkeypatch.setenv("POSTGRES_PORT", "many")
    with pytest.raises(UsageError, match="POSTGRES_PORT"):
        database_from_environment()
