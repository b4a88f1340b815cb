"""From a run that fails to a message that has arrived: real processes, told only by environment and files."""

import pytest

from tests.alerts.receivers import Receiver
from tests.project import Project
from tests.waiting import wait_until

TASKS = """\
from pathlib import Path


def work() -> None:
    if Path("broken").exists():
        raise ValueError("out of paper")
"""
JOBS = """\
version: 1
namespace: demo
jobs:
  work:
    task: work.work
    schedule: {every: 1s}
    alerts: [{when: [failure, recovered], to: [TO]}]
"""


def make_project(project: Project, url: str, *, to: str = "oncall") -> None:
    project.write("work.py", TASKS)
    project.write("jobs.d/demo.yaml", JOBS.replace("TO", to))
    project.write(
        "jobrunner.yaml",
        f"version: 1\nnotifiers: {{oncall: {{url: {{secret: 'env:ONCALL'}}}}, dead: {{url: '{url}'}}}}\n",
    )
    project.environment |= {
        "JOBRUNNER_ALERTS_ALLOW_PRIVATE": "1",
        "JOBRUNNER_SECRETS_ALLOW": "env:ONCALL",
        "JOBRUNNER_WEB_URL": "https://jobs.example.com/x",
    }


@pytest.fixture
def demo(project: Project, receiver: Receiver) -> Project:
    """`demo/work` each second, with two beats and a worker."""
    project.environment["ONCALL"] = receiver.url
    make_project(project, "http://127.0.0.1:1/")
    return project


def start(project: Project) -> None:
    assert project.run("apply", "--yes").returncode == 0
    project.start("beat")
    project.start("beat")
    project.start("worker", "-c", "1")


def test_runs_that_fail_are_one_message_and_the_next_good_run_is_another(
    demo: Project, receiver: Receiver
) -> None:
    broken = demo.write("broken", "")
    start(demo)
    wait_until(lambda: receiver.requests, timeout_seconds=40)
    wait_until(lambda: '"occurred": 1' not in demo.run("alerts", "list", "-o", "json").stdout)
    broken.unlink()
    wait_until(lambda: len(receiver.requests) > 1, timeout_seconds=40)
    opened, recovered = (request.json for request in receiver.requests)
    assert [opened["event"], opened["kind"], opened["about"]["job"]] == [
        "opened", "failure", "demo/work",
    ]  # fmt: skip
    assert opened["run"]["error"] == "ValueError: out of paper"
    assert opened["url"] == f"https://jobs.example.com/x/runs/{opened['run']['id']}"
    assert recovered["event"] == "recovered"
    assert recovered["occurred"] > 1
