"""A project with one quick job, as a user would have it."""

import pytest

from tests.project import Project

TASKS = """\
import time
from pathlib import Path


def greet(name: str) -> str:
    print(f"Hello, {name}!")
    return name


def fail() -> None:
    raise ValueError("out of paper")


def slow(seconds: float) -> None:
    Path("slow.txt").open("a").write("started\\n")
    time.sleep(seconds)
"""
JOBS = """\
version: 1
namespace: demo
jobs:
  greet:
    task: work.greet
    kwargs: {name: Ada}
    schedule: {every: 1s}
"""


@pytest.fixture
def demo(project: Project) -> Project:
    """`demo/greet` each second."""
    project.write("work.py", TASKS)
    project.write("jobs.d/demo.yaml", JOBS)
    return project
