"""The whole line on given servers, by the commands and health checks of docker-compose.yml."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobrunner.embedded.binaries import Binaries, find_binaries, find_system_binaries
from jobrunner.embedded.children import Supervisor
from jobrunner.errors import EmbeddedServerError
from tests.deploy.compose import command_of, health_check_of
from tests.deploy.given_servers import PASSWORD, open_given_servers
from tests.project import Project, make_environment
from tests.waiting import wait_until

PROJECT = """\
version: 1
project: line
include: ["jobs.d/*.yaml"]
allow: {tasks: ["greetings.*"]}
"""
JOBS = """\
version: 1
namespace: line
jobs:
  greet:
    task: greetings.greet
    schedule: {every: 1s}
"""
TASKS = """\
def greet() -> str:
    return "hello"
"""


@pytest.fixture(scope="module")
def system_binaries() -> Binaries:
    try:
        return find_system_binaries()
    except EmbeddedServerError as error:
        pytest.exit(f"{error.message} {error.hint}", returncode=1)


@contextmanager
def open_project(binaries: Binaries, supervisor: Supervisor) -> Iterator[Project]:
    """A project on given servers, told of them as the compose file does."""
    with tempfile.TemporaryDirectory() as folder, open_given_servers(binaries) as servers:
        path = Path(folder)
        environment = make_environment(path, database_url="", broker_url="") | servers.environment
        secret = path / "secret"
        secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
        for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"):
            del environment[name]
            environment[f"{name}_FILE"] = str(secret)
        environment |= {"JOBRUNNER_LOG_FORMAT": "json", "PYTHONPATH": folder}
        project = Project(path, supervisor, environment)
        project.write("jobrunner.yaml", PROJECT)
        project.write("jobs.d/line.yaml", JOBS)
        project.write("greetings.py", TASKS)
        yield project
        project.stop_all()


def has_succeeded(project: Project) -> bool:
    listed = project.call("runs", "list", "--state", "succeeded", "-o", "json")
    return listed.returncode == 0 and len(json.loads(listed.stdout)) >= 2


def is_healthy(project: Project, service: str) -> bool:
    return project.run(*health_check_of(service)).returncode == 0


def run_the_line(project: Project) -> None:
    migrated = project.run(*command_of("migrate"))
    assert migrated.returncode == 0, migrated.stderr
    ready = project.run("wait", "--for", "db,broker,schema", "--timeout", "5m")
    assert ready.stdout == "● ready: db, broker, schema\n", ready.stderr
    made = project.run("token", "create", "me", "--role", "admin")
    assert made.returncode == 0, made.stderr
    for service in ("beat", "beat", "worker", "watch"):
        project.start(*command_of(service))
    project.start(*command_of("web"), "--port", "0")  # its own may be taken on this machine
    wait_until(lambda: has_succeeded(project), timeout_seconds=120)
    for service in ("beat", "worker", "watch", "web"):
        wait_until(lambda: is_healthy(project, service), timeout_seconds=60)  # noqa: B023  called at once


def test_the_services_of_the_compose_file_make_runs_succeed(supervisor: Supervisor) -> None:
    with open_project(find_binaries(), supervisor) as project:
        run_the_line(project)


@pytest.mark.system
def test_the_line_runs_on_stock_servers(system_binaries: Binaries, supervisor: Supervisor) -> None:
    with open_project(system_binaries, supervisor) as project:
        run_the_line(project)
