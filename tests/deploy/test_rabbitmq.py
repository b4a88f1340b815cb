"""The whole line with RabbitMQ as its broker: plan, apply, beat, worker, run, priority, cancel, loss."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection

from jobrunner.embedded.children import Supervisor
from tests.cli.calling import call
from tests.deploy.rabbitmq import open_rabbitmq
from tests.project import Project, open_project
from tests.servers import Servers, open_database
from tests.waiting import wait_until

pytestmark = pytest.mark.system

FILES = {
    "jobrunner.yaml": """\
version: 1
project: line
include: ["jobs.d/*.yaml"]
allow: {tasks: ["greetings.*"]}
""",
    "jobs.d/line.yaml": """\
version: 1
namespace: line
jobs:
  greet: {task: greetings.greet, schedule: {every: 1s}}
  nap: {task: greetings.nap}
  long: {task: greetings.take_long}
  low: {task: greetings.greet, queue: narrow, overlap: allow}
  high: {task: greetings.greet, queue: narrow, priority: 9, overlap: allow}
  lost: {task: greetings.greet, queue: emptied}
  waiting: {task: greetings.greet, queue: undeclared}
""",
    "greetings.py": """\
import time


def greet() -> str:
    return "hello"


def nap() -> None:
    time.sleep(600)


def take_long() -> None:
    time.sleep(5)
""",
}


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[str]:
    with open_rabbitmq() as url:
        yield url


@pytest.fixture(scope="module")
def line(supervisor: Supervisor, servers: Servers, rabbitmq: str) -> Iterator[Project]:
    """A project in force, with a beat, and a worker of the default queue."""
    with (
        open_database(servers) as database_url,
        open_project(supervisor, database_url, rabbitmq) as project,
    ):
        for path, content in FILES.items():
            project.write(path, content)
        planned = project.run("plan", "--detailed-exitcode")
        assert planned.returncode == 2, planned.stderr
        applied = project.run("apply", "--yes")
        assert applied.returncode == 0, applied.stderr
        project.start("beat")
        project.start("worker", "-c", "2")
        yield project


def runs_of(project: Project, job: str, state: str = "succeeded") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = look(project, "runs", "list", "--job", job, "--state", state)
    return found


def look(project: Project, *arguments: str) -> Any:
    """The answer of a command, which is called in this process: it is asked again and again."""
    called = call(*arguments, "-o", "json", folder=project.path, environ=project.environment)
    return json.loads(called.stdout)


def waiting_in(project: Project, queue: str) -> int:
    """How many messages the broker has in it."""
    depths: dict[str, int] = look(project, "status")["queues"]
    return depths[queue]


def test_what_is_due_runs(line: Project) -> None:
    wait_until(lambda: len(runs_of(line, "line/greet")) >= 2, timeout_seconds=60)


def test_a_queue_that_nobody_has_declared_is_empty(line: Project) -> None:
    told = look(line, "status")
    assert (told["broker_error"], told["queues"]["undeclared"]) == ("", 0)


def test_the_servers_are_ready(line: Project) -> None:
    assert line.run("wait", "--for", "db,broker,schema").returncode == 0


def test_a_higher_priority_comes_first(line: Project) -> None:
    for job in ("line/low", "line/low", "line/high"):
        line.run("run", job)
    wait_until(lambda: waiting_in(line, "narrow") == 3, timeout_seconds=60)
    line.start("worker", "-Q", "narrow", "-c", "1", "-n", "narrow")
    wait_until(lambda: len(runs_of(line, "line/low")) == 2, timeout_seconds=60)
    assert runs_of(line, "line/high")[0]["started_at"] < min(
        run["started_at"] for run in runs_of(line, "line/low")
    )


def test_a_run_that_outlasts_the_brokers_patience_goes_on_and_so_does_its_worker(
    line: Project,
) -> None:
    line.run("run", "line/long")
    wait_until(lambda: runs_of(line, "line/long"), timeout_seconds=60)
    assert "delivery acknowledgement on channel 1 timed out" in line.started[1].output
    assert line.started[1].exit_code is None


def test_a_run_is_cancelled(line: Project) -> None:
    line.run("run", "line/nap")
    wait_until(lambda: runs_of(line, "line/nap", "running"), timeout_seconds=60)
    line.run("runs", "cancel", runs_of(line, "line/nap", "running")[0]["id"])
    wait_until(lambda: runs_of(line, "line/nap", "cancelled"), timeout_seconds=60)


def test_fault_14_what_was_in_a_queue_that_is_purged_is_sent_again(
    line: Project, rabbitmq: str
) -> None:
    line.run("run", "line/lost")
    wait_until(lambda: waiting_in(line, "emptied") == 1, timeout_seconds=60)
    with Connection(rabbitmq) as broker:
        broker.channel().queue_purge("emptied")  # type: ignore[attr-defined]  # of AMQP channels
    line.start("worker", "-Q", "emptied", "-c", "1", "-n", "emptied")
    wait_until(lambda: runs_of(line, "line/lost"), timeout_seconds=60)
