"""A server that runs, and clients of it."""

from collections.abc import Callable

import pytest

from jobrunner.client import Client
from tests.project import Project

TASKS = """\
def greet(name: str) -> str:
    print(f"Hello, {name}!")
    return name
"""
JOBS = """\
version: 1
namespace: demo
jobs:
  greet:
    task: work.greet
    kwargs: {name: Ada}
    schedule: {cron: "0 5 1 1 *"}
"""
Connect = Callable[..., Client]


@pytest.fixture
def demo(project: Project) -> Project:
    """`demo/greet`, applied, and due once a year."""
    project.write("work.py", TASKS)
    project.write("jobs.d/demo.yaml", JOBS)
    project.call("apply", "--yes")
    return project


@pytest.fixture
def connect(demo: Project) -> Connect:
    """`connect("viewer")`: a client with a token of that role, of the one server."""
    process = demo.start("web", "--port", "0")
    url = process.wait_for_line("jobrunner web: ").partition(": ")[2]

    def make(role: str = "admin") -> Client:
        made = demo.call("token", "create", role, "--role", role)
        assert made.returncode == 0, made.stderr
        return Client(url, made.stdout.split()[-1])

    return make
