"""Where the servers are, and what else the environment says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from kombu.utils.url import parse_url
from pydantic import ValidationError
from sqlalchemy import make_url

from jobrunner.errors import UsageError
from jobrunner.settings import Settings, load_settings, misspelt_names

PASSWORD = "p@ss/w:rd#1 %41?&=é"  # noqa: S105  of no server


def write_endpoints(folder: Path) -> None:
    folder.mkdir(parents=True)
    urls = {"database_url": "postgresql:///up", "broker_url": "redis+socket:///up"}
    (folder / "endpoints.json").write_text(json.dumps(urls), encoding="utf-8")


def test_nothing_set_is_no_server(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path) == Settings()


def test_an_empty_variable_is_as_if_unset(tmp_path: Path) -> None:
    environ = {"JOBRUNNER_LOG_FORMAT": "", "JOBRUNNER_RUN_DIRECTORY": "", "POSTGRES_HOST": ""}
    assert load_settings(environ, tmp_path) == Settings()


def test_a_url_comes_before_its_parts(tmp_path: Path) -> None:
    environ = {"JOBRUNNER_DATABASE_URL": "postgresql://given/db", "POSTGRES_HOST": "parts"}
    assert load_settings(environ, tmp_path).database_url == "postgresql://given/db"


def test_parts_make_a_database_url_with_any_password(tmp_path: Path) -> None:
    environ = {
        "POSTGRES_HOST": "db.internal",
        "POSTGRES_PORT": "6432",
        "POSTGRES_USER": "jobs@acme",
        "POSTGRES_PASSWORD": PASSWORD,
        "POSTGRES_DB": "my jobs",
    }
    url = make_url(load_settings(environ, tmp_path).database_url)
    assert (url.host, url.port, url.username, url.password, url.database) == (
        "db.internal",
        6432,
        "jobs@acme",
        PASSWORD,
        "my jobs",
    )


def test_the_database_is_named_like_the_user_unless_said(tmp_path: Path) -> None:
    environ = {"POSTGRES_HOST": "db", "POSTGRES_USER": "acme"}
    assert load_settings(environ, tmp_path).database_url == "postgresql://acme@db:5432/acme"


def test_a_host_that_is_a_folder_is_a_socket(tmp_path: Path) -> None:
    url = make_url(load_settings({"POSTGRES_HOST": "/run/pg sql"}, tmp_path).database_url)
    assert (url.host, url.query["host"], url.query["port"]) == (None, "/run/pg sql", "5432")


def test_an_ipv6_host_is_bracketed(tmp_path: Path) -> None:
    assert make_url(load_settings({"POSTGRES_HOST": "::1"}, tmp_path).database_url).host == "::1"


def test_parts_make_a_broker_url_with_any_password(tmp_path: Path) -> None:
    environ = {
        "REDIS_HOST": "cache",
        "REDIS_PORT": "6380",
        "REDIS_USER": "jobs",
        "REDIS_PASSWORD": PASSWORD,
        "REDIS_DB": "3",
    }
    url = parse_url(load_settings(environ, tmp_path).broker_url)
    assert (url["hostname"], url["port"], url["userid"], url["password"], url["virtual_host"]) == (
        "cache",
        6380,
        "jobs",
        PASSWORD,
        "3",
    )


def test_a_redis_without_password_has_no_credentials(tmp_path: Path) -> None:
    assert load_settings({"REDIS_HOST": "cache"}, tmp_path).broker_url == "redis://cache:6379/0"


@pytest.mark.parametrize("name", ["POSTGRES_PORT", "REDIS_PORT", "REDIS_DB"])
def test_a_number_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    environ = {"POSTGRES_HOST": "db", "REDIS_HOST": "cache", name: "x"}
    with pytest.raises(UsageError, match=f"{name}='x' cannot be used"):
        load_settings(environ, tmp_path)


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "JOBRUNNER_ENVIRONMENT"])
def test_a_value_may_stand_in_a_file(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("se cret\n", encoding="utf-8")
    environ = {f"{name}_FILE": str(secret)}
    direct = load_settings({"POSTGRES_HOST": "db", name: "se cret"}, tmp_path)
    assert load_settings({"POSTGRES_HOST": "db", **environ}, tmp_path) == direct


def test_the_value_itself_comes_before_the_file(tmp_path: Path) -> None:
    environ = {"JOBRUNNER_ENVIRONMENT": "prod", "JOBRUNNER_ENVIRONMENT_FILE": "/nowhere"}
    assert load_settings(environ, tmp_path).environment == "prod"


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="POSTGRES_PASSWORD_FILE names /nowhere, which cannot"):
        load_settings({"POSTGRES_PASSWORD_FILE": "/nowhere"}, tmp_path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="it is not UTF-8 text"):
        load_settings({"REDIS_PASSWORD_FILE": str(secret)}, tmp_path)


def test_a_running_up_is_found_from_a_folder_below(tmp_path: Path) -> None:
    write_endpoints(tmp_path / ".jobrunner")
    below = tmp_path / "jobs.d" / "billing"
    below.mkdir(parents=True)
    settings = load_settings({}, below)
    assert (settings.database_url, settings.broker_url) == (
        "postgresql:///up",
        "redis+socket:///up",
    )


def test_a_running_up_is_found_in_the_run_directory_that_is_named(tmp_path: Path) -> None:
    write_endpoints(tmp_path / "elsewhere")
    environ = {"JOBRUNNER_RUN_DIRECTORY": "elsewhere"}
    assert load_settings(environ, tmp_path).database_url == "postgresql:///up"


def test_a_given_database_is_used_with_the_broker_of_up(tmp_path: Path) -> None:
    write_endpoints(tmp_path / ".jobrunner")
    settings = load_settings({"JOBRUNNER_DATABASE_URL": "postgresql:///mine"}, tmp_path)
    assert (settings.database_url, settings.broker_url) == (
        "postgresql:///mine",
        "redis+socket:///up",
    )


def test_a_broken_endpoints_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".jobrunner").mkdir()
    (tmp_path / ".jobrunner" / "endpoints.json").write_text('{"database', encoding="utf-8")
    with pytest.raises(UsageError, match=r"endpoints\.json cannot be read"):
        load_settings({}, tmp_path)


def test_words_are_separated_by_commas_or_spaces(tmp_path: Path) -> None:
    environ = {"JOBRUNNER_ALLOW_TASKS": "acme.*, billing.tasks.*  crm.*"}
    settings = load_settings(environ, tmp_path)
    assert settings.allow_tasks == ("acme.*", "billing.tasks.*", "crm.*")


def test_a_value_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="JOBRUNNER_LOG_FORMAT='xml' cannot be used"):
        load_settings({"JOBRUNNER_LOG_FORMAT": "xml"}, tmp_path)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("JOBRUNNER_DATABSE_URL", "JOBRUNNER_DATABASE_URL"),
        ("JOBRUNNER_DATABSE_URL_FILE", "JOBRUNNER_DATABASE_URL_FILE"),
        ("JOBRUNNER_BROKER", "JOBRUNNER_BROKER_URL"),
        ("JOBRUNNER_ENV", "JOBRUNNER_ENVIRONMENT"),
        ("JOBRUNNER_ALLOW_TASK", "JOBRUNNER_ALLOW_TASKS"),
    ],
)
def test_a_variable_that_looks_like_a_setting_is_misspelt(name: str, meant: str) -> None:
    assert list(misspelt_names({name: "x", "PATH": "/bin"})) == [(name, meant)]


def test_what_has_a_purpose_of_its_own_is_not_misspelt() -> None:
    of_kubernetes = ["JOBRUNNER_WEB_SERVICE_HOST", "JOBRUNNER_WEB_SERVICE_PORT_HTTP"]
    of_kubernetes += ["JOBRUNNER_WEB_PORT", "JOBRUNNER_WEB_PORT_8080_TCP_ADDR", "JOBRUNNER_PORT"]
    ours = ["JOBRUNNER_VAR_CONFIGS", "JOBRUNNER_TEST_DATABASE_URL", "JOBRUNNER_RUN_ID"]
    settings = [f"JOBRUNNER_{field.upper()}" for field in Settings.model_fields]
    files = [f"{name}_FILE" for name in settings]
    foreign = ["JOBRUNNER_TEAM", "XJOBRUNNER_CONFIGS", "JOBRUNNER_ENV_FILE", "JOBRUNNER_LOG_FILE"]
    foreign += ["JOBRUNNER_DATABASE_URL_RO", "JOBRUNNER_BROKER_URL_2", "JOBRUNNER_METRICS_TOKEN"]
    foreign += ["JOBRUNNER_B", "JOBRUNNER_DE"]
    environ = dict.fromkeys([*of_kubernetes, *ours, *settings, *files, *foreign], "x")
    assert list(misspelt_names({**environ, "JOBRUNNER_DATABSE_URL": ""})) == []


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().environment = "prod"  # type: ignore[misc]  # what is refused is the test


def test_settings_load_neither_celery_nor_sqlalchemy() -> None:
    script = (
        "import sys, jobrunner.settings; print(sorted({'celery', 'sqlalchemy'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
