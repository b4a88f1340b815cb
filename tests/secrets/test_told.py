"""What commands tell of files, addresses and other schedulers holds no secret."""

import json
from pathlib import Path

import pytest

from tests.cli.calling import call
from tests.project import Project

CANARY = "canary7QxA1b2"
ADDRESS = f"https://hooks.example.com/T0/B1/{CANARY}"
PROJECT = "project: acme\nallow: {tasks: ['acme.*'], commands: false}\n"


def project_in(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("file", ["jobrunner.yaml", "jobs.d__a.yaml"])
@pytest.mark.parametrize(
    "written",
    [
        f"notifiers: {{oncall: {{url: '{ADDRESS}'}}}}",
        f"notifiers: ['{ADDRESS}']",
        f"notifiers: {{oncall: {{url: ['{ADDRESS}']}}}}",
        f"notifiers:\n  oncall:\n    url: '{ADDRESS}",
        f"notifiers:\n  oncall:\n\t  url: {ADDRESS}",
        f"notifiers:\n  oncall:\n    url:{ADDRESS}\n    x: 1",
        f"notifiers:\n  oncall: {{url: a: {ADDRESS}}}",
        f"notifiers:\n  oncall: {{url: {{sercet: {ADDRESS}}}}}",
        f"notifiers:\n  oncall: {{url: {{secret: '{ADDRESS}'}}}}",
        f"notifier:\n  oncall: {{url: '{ADDRESS}${{NOTHING}}'}}",
        f"database_url: postgresql://me:{CANARY}@db/jobs",
        f"x-any: !tag redis://:{CANARY}@broker",
    ],
)
def test_fault_85_no_mistake_beside_an_address_shows_it(
    tmp_path: Path, file: str, written: str
) -> None:
    project_in(tmp_path, **{"jobrunner.yaml": PROJECT} | {file: f"{written}\nunknown: 1\n"})
    told = call("validate", "--format", "json", folder=tmp_path)
    assert json.loads(told.stdout)["diagnostics"]
    formatted = call("fmt", "--diff", folder=tmp_path)
    assert CANARY not in told.stdout + told.stderr + formatted.stdout + formatted.stderr


def test_fault_85_a_reference_that_is_the_secret_itself_is_not_shown(tmp_path: Path) -> None:
    job = f"jobs: {{tell: {{task: acme.tell, kwargs: {{key: {{secret: {CANARY}}}}}}}}}\n"
    told = call("validate", folder=project_in(tmp_path, **{"jobs.d__a.yaml": job}))
    assert "'secret' names no provider" in told.stdout + told.stderr
    assert CANARY not in told.stdout + told.stderr


def test_fault_85_a_diff_of_the_form_shows_no_sensitive_line(tmp_path: Path) -> None:
    job = f"jobs:\n    tell:\n        sensitive: [pin]\n        kwargs: {{ pin:   {CANARY} }}\n"
    told = call("fmt", "--diff", folder=project_in(tmp_path, **{"jobs.d__a.yaml": job}))
    assert "+    (sensitive)" in told.stdout
    assert CANARY not in told.stdout


def test_fault_85_what_is_no_address_of_a_broker_is_not_shown(tmp_path: Path) -> None:
    told = call("doctor", folder=tmp_path, environ={"JOBRUNNER_BROKER_URL": f"redis//:{CANARY}@h"})
    assert "The broker URL cannot be read." in told.stdout
    assert CANARY not in told.stdout + told.stderr


def test_fault_85_the_environment_of_an_imported_command_is_in_its_file_alone(
    tmp_path: Path,
) -> None:
    crontab = f"TOKEN={CANARY}\n* * * * * work\n99 * * * * PASSWORD={CANARY} work\n"
    project_in(tmp_path, **{"jobrunner.yaml": PROJECT, "crontab": crontab})
    imported = call("import", "crontab", "crontab", "--out", "jobs.d/cron.yaml", folder=tmp_path)
    told = call("validate", folder=tmp_path)
    assert CANARY in (tmp_path / "jobs.d/cron.yaml").read_text("utf-8")
    assert "does not allow commands" in told.stdout + told.stderr
    assert CANARY not in imported.stdout + imported.stderr + told.stdout + told.stderr


CELERY = f"""
from celery import Celery
app = Celery("shop", broker="redis://:{CANARY}@broker/0")
app.conf.beat_schedule = {{
    "sync": {{"task": "shop.sync", "schedule": 60, "kwargs": {{"password": "{CANARY}"}},
             "options": {{"headers": {{"token": "{CANARY}"}}}}}},
}}
"""


def test_fault_85_arguments_and_headers_of_a_beat_are_not_told(project: Project) -> None:
    project.write("shop.py", CELERY)
    imported = project.run("import", "celery", "shop", "--out", "beat.yaml")
    assert "headers={token: …} has no key here" in " ".join(
        (imported.stdout + imported.stderr).split()
    )
    assert CANARY not in imported.stdout + imported.stderr
    begun = project.run("init", "--from-celery", "shop")
    assert CANARY not in begun.stdout + begun.stderr


LOCAL = """
import logging

def tell(key):
    logging.getLogger("acme").warning("logged %s", key)
    raise ValueError(f"refused {key}")
"""


def test_fault_85_a_run_of_this_process_logs_and_raises_no_secret(project: Project) -> None:
    project.write("acme.py", LOCAL)
    project.write("jobrunner.yaml", PROJECT)
    job = 'jobs: {tell: {task: acme.tell, kwargs: {key: {secret: "env:KEY"}}}}\n'
    project.write("jobs.d/a.yaml", job)
    project.environment |= {"KEY": CANARY, "JOBRUNNER_SECRETS_ALLOW": "env:KEY"}
    ran = project.run("run", "default/tell", "--local")
    assert ran.stderr.count("***") > 1
    assert CANARY not in ran.stdout + ran.stderr


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize(
    "command",
    [("plan",), ("apply", "--yes"), ("doctor",), ("db", "upgrade"), ("run", "a/b"), ("queues",)],
)  # fmt: skip
def test_fault_85_no_password_of_a_server_that_is_away_is_shown(
    tmp_path: Path, command: tuple[str, ...], debug: str
) -> None:
    environ = {
        "JOBRUNNER_DATABASE_URL": f"postgresql://me:{CANARY}@127.0.0.1:1/jobs",
        "JOBRUNNER_BROKER_URL": f"redis://:{CANARY}@127.0.0.1:1/0",
        "JOBRUNNER_DEBUG": debug,
    }
    told = call(
        *command, folder=project_in(tmp_path, **{"jobrunner.yaml": PROJECT}), environ=environ
    )
    assert told.exit_code == 1
    assert CANARY not in told.stdout + told.stderr
