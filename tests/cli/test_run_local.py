"""`run --local`: whatever a job is, it is tried here without any server."""

from collections.abc import Iterator

import pytest

from jobrunner.embedded.children import Supervisor
from tests.project import Project, open_project

JOBS = """
version: 1
namespace: ops
jobs:
  celery: {task: acme.retries}
  succeeds: {task: acme.request, args: ["2026-11-21"]}
  wrong: {task: acme.request, args: [soon]}
  coroutine: {task: acme.coroutine}
  waits: {task: acme.waits}
  leaves: {task: acme.leaves}
  unjson: {task: acme.unjson}
  speaks: {task: acme.speaks}
  broken: {task: broken.task}
  command: {command: [sh, -c, "echo $JOBRUNNER_JOB; exit 3"]}
  foreign: {celery_task: theirs.task, overlap: allow}
"""
ACME = """
import asyncio
import sys
from datetime import date

from celery import Celery

import jobrunner

app = Celery("theirs")


@app.task(bind=True)
def retries(self):
    raise self.retry(exc=ValueError("down"), countdown=90)


@app.task(bind=True)
def request(self, day: date):
    return [self.request.retries, day, self.request.id == str(jobrunner.current_run().id)]


async def coroutine():
    await asyncio.sleep(0)
    return "süß"


async def waits():
    try:
        print("waiting", flush=True)
        await asyncio.sleep(60)
    finally:
        print("tidied", flush=True)


def leaves():
    sys.exit(0)


def unjson():
    return object()


def speaks():
    jobrunner.progress(200)
"""


@pytest.fixture
def folder(supervisor: Supervisor) -> Iterator[Project]:
    """A project with a job of each kind, and servers that do not exist."""
    nowhere = {"database_url": "postgresql://127.0.0.1:1/x", "broker_url": "redis://127.0.0.1:1"}
    with open_project(supervisor, **nowhere) as opened:
        opened.write("jobrunner.yaml", "version: 1\nproject: local\nallow: {commands: true}\n")
        opened.write("jobs.d/jobs.yaml", JOBS)
        opened.write("acme.py", ACME)
        opened.write("broken.py", "1 / 0\n")
        yield opened


@pytest.mark.parametrize(
    ("job", "exit_code", "shown", "said"),
    [
        ("succeeds", 0, 'result  [0, "2026-11-21", true]', ""),
        ("coroutine", 0, 'result  "süß"', ""),
        ("unjson", 0, "● succeeded", "the result is no JSON"),
        ("celery", 1, "✕ failed", "→ A worker would try it again in 1m30s; here it is tried once."),
        ("leaves", 1, "✕ failed", "SystemExit: 0"),
        ("speaks", 1, "✕ failed", "progress(200) is no percentage"),
        ("wrong", 1, "", "day is 'soon', and day takes datetime.date"),
        ("broken", 1, "", "ZeroDivisionError"),
        ("foreign", 64, "", "it runs in the workers of its own app"),
        ("command", 64, "", "JOBRUNNER_ALLOW_COMMANDS=true"),
    ],
)
def test_its_end_is_told_and_decides_the_exit_code(
    folder: Project, job: str, exit_code: int, shown: str, said: str
) -> None:
    done = folder.run("run", f"ops/{job}", "--local")
    assert done.returncode == exit_code, done.stderr
    assert shown in done.stdout
    assert said in " ".join(done.stderr.split())


def test_a_command_runs_where_commands_are_allowed(folder: Project) -> None:
    folder.environment["JOBRUNNER_ALLOW_COMMANDS"] = "true"
    done = folder.run("run", "ops/command", "--local")
    assert done.returncode == 1
    assert done.stdout.startswith("ops/command\n✕ failed")
    assert "exit code 3" in done.stderr


def test_ctrl_c_lets_a_coroutine_tidy_up(folder: Project) -> None:
    process = folder.start("run", "ops/waits", "--local")
    process.wait_for_line("waiting")
    process.interrupt()
    assert process.wait() == 130
    assert "tidied" in process.lines
