"""The files that `jobrunner init` writes."""

from collections.abc import Mapping

PROJECT = """\
# The project file. Every key: `jobrunner schema`, or hover in an editor that knows YAML schemas.
version: 1
project: {name}
include: ["jobs.d/**/*.yaml"]
allow: {{tasks: ["tasks.*"]}}   # what a worker may load
defaults:
  timezone: UTC
"""

JOB = """\
# yaml-language-server: $schema=../.jobrunner/schema.json
version: 1
namespace: demo

jobs:
  hello:
    description: Says hello; change a line, save, and watch it
    task: tasks.hello.say_hello
    kwargs: {name: world}
    schedule: {every: 10s}
"""

CALLABLE = '''\
"""Jobs are plain functions: nothing here knows of jobrunner."""


def say_hello(name: str) -> str:
    """What it prints is in `jobrunner runs logs`, what it returns in `jobrunner runs show`."""
    print(f"Hello, {name}!")
    return f"said hello to {name}"
'''

WORKFLOW = """\
name: jobrunner
on: [pull_request]
jobs:
  validate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.13"}
      - run: pip install celery-jobrunner
      - run: jobrunner validate --strict --format github
"""

PRE_COMMIT = """\
repos:
  - repo: local
    hooks:
      - id: jobrunner-validate
        name: jobrunner validate
        entry: jobrunner validate
        language: system
        pass_filenames: false
        files: (^|/)(jobrunner\\.ya?ml|jobs\\.d/.*\\.ya?ml)$
"""

RUN_DIRECTORY_IGNORE = """\
# What `jobrunner up` keeps here is of this machine; the schema is for every editor.
*
!.gitignore
!schema.json
"""


def scaffold(*, project_name: str, schema: str) -> Mapping[str, str]:
    """Path → content, in the order in which they are told."""
    return {
        "jobrunner.yaml": PROJECT.format(name=project_name),
        "jobs.d/hello.yaml": JOB,
        "tasks/__init__.py": "",
        "tasks/hello.py": CALLABLE,
        ".jobrunner/schema.json": schema,
        ".jobrunner/.gitignore": RUN_DIRECTORY_IGNORE,
        ".github/workflows/jobrunner.yml": WORKFLOW,
        ".pre-commit-config.yaml": PRE_COMMIT,
    }
