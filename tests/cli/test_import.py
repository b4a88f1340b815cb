"""`jobrunner import`: YAML to stdout or a new file, the report to stderr."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobrunner.db.engine import transaction
from tests.cli.calling import call

CRONTAB = "MAILTO=ops\n# Saves the shop\n30 2 * * * /bin/save\n@reboot /bin/start\n"
TABLES = Path(__file__).parents[1] / "importing" / "django_tables.sql"
PROJECT = "version: 1\nallow: {commands: true}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "crontab").write_text(CRONTAB, encoding="utf-8")
    (tmp_path / "jobrunner.yaml").write_text(PROJECT, encoding="utf-8")
    return tmp_path


def test_a_crontab_goes_to_stdout_and_the_report_to_stderr(folder: Path) -> None:
    called = call("import", "crontab", "crontab", "--timezone", "Europe/Berlin", folder=folder)
    assert called.exit_code == 0
    assert "    command: [/bin/save]\n    enabled: false\n" in called.stdout
    assert called.stderr.splitlines()[0] == "● cron/save  crontab:3"
    assert "✕ crontab:4  @reboot /bin/start" in called.stderr
    assert called.stderr.splitlines()[-1] == "1 job, disabled; left out and told of: 1."


def test_the_file_is_valid_tidy_and_never_overwritten(folder: Path) -> None:
    arguments = ("import", "crontab", "crontab", "--timezone", "UTC", "--out", "jobs.d/cron.yaml")
    assert call(*arguments, folder=folder).stdout == ""
    assert call("validate", folder=folder).exit_code == 0
    assert call("fmt", "--check", folder=folder).stdout == "● 2 files: nothing to change.\n"
    again = call(*arguments, folder=folder)
    assert again.exit_code == 1
    assert "exists, and an import overwrites nothing" in again.stderr


def test_stdin_is_a_file_too(folder: Path) -> None:
    given = {"folder": folder, "environ": {"TZ": "Asia/Tokyo"}, "answer": "@daily /bin/a\n"}
    called = call("import", "crontab", "-", **given)  # type: ignore[arg-type]  # told by name
    assert 'schedule: {cron: "@daily", timezone: Asia/Tokyo}' in called.stdout


def test_a_file_of_cron_d_has_the_systems_form(tmp_path: Path) -> None:
    (tmp_path / "cron.d").mkdir()
    (tmp_path / "cron.d" / "shop").write_text("@daily www-data /bin/a\n", encoding="utf-8")
    called = call("import", "crontab", str(tmp_path / "cron.d" / "shop"), "--timezone", "UTC")
    assert "  shop-a:\n" in called.stdout
    assert '    tags: ["user:www-data"]\n' in called.stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code", "part"),
    [
        (("crontab", "none"), 1, "none cannot be read: No such file or directory."),
        (("crontab", "crontab", "--timezone", "Berlin"), 64, "--timezone: "),
        (("celery", "nowhere"), 1, "The Celery app nowhere cannot be loaded"),
        (("redbeat",), 64, "Missing option '--redis-url'"),
        (("redbeat", "--redis-url", "redis://127.0.0.1:1"), 1, "Connection refused.\n"),
        (
            ("django-celery-beat", "--database-url", "postgresql://127.0.0.1:1/shop"),
            1,
            "that --database-url, or",
        ),
        (("django-celery-beat",), 64, "Django project's own: --database-url postgresql://"),
    ],
)
def test_what_fails_says_so(
    folder: Path, arguments: tuple[str, ...], exit_code: int, part: str
) -> None:
    called = call("import", *arguments, folder=folder)
    assert (called.exit_code, called.stdout) == (exit_code, "")
    assert part in called.stderr


def test_tables_are_imported_and_no_password_is_written(engine: Engine, database_url: str) -> None:
    with transaction(engine) as connection:
        connection.exec_driver_sql(TABLES.read_text("utf-8"))
    called = call("import", "django-celery-beat", "--database-url", database_url)
    assert called.exit_code == 0
    assert called.stdout.startswith("# Written by `jobrunner import django-celery-beat` on ")
    assert called.stderr.splitlines()[-1] == "6 jobs, disabled; left out and told of: 2."


def test_keys_are_imported(broker_url: str) -> None:
    called = call("import", "redbeat", "--redis-url", broker_url)
    assert (called.exit_code, called.stderr) == (0, "0 jobs, disabled.\n")
    assert called.stdout.endswith("\njobs: {}\n")


def test_an_app_is_imported(tmp_path: Path) -> None:
    module = "from celery import Celery\napp = Celery('a')\napp.conf.result_expires = None\n"
    entry = "app.conf.beat_schedule = {'a': {'task': 'a.b', 'schedule': 60}}\n"
    (tmp_path / "acme.py").write_text(module + entry, encoding="utf-8")
    called = call("import", "celery", "acme", folder=tmp_path)
    assert "    celery_task: a.b\n    enabled: false\n" in called.stdout
    assert 'note: Write celery: {app: "acme:app"} into the project file' in called.stderr
