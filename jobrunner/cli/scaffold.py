"""The files that `jobrunner init` writes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobrunner.spec.editor_schema import editor_schema
from jobrunner.spec.json_schema import Schema

PROJECT = """\
# yaml-language-server: $schema=.jobrunner/project-schema.json
# The project file. Every key: `jobrunner schema`, or hover in an editor that knows YAML schemas.
version: 1
project: {name}
include: ["jobs.d/**/*.yaml"]
allow: {{tasks: ["{package}.*"]}}   # what a worker may load
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
    task: {package}.hello.say_hello
    kwargs: {{name: world}}
    schedule: {{every: 10s}}
"""

CELERY_PROJECT = """\
# yaml-language-server: $schema=.jobrunner/project-schema.json
# The project file. Every key: `jobrunner schema`, or hover in an editor that knows YAML schemas.
version: 1
project: {name}
include: ["jobs.d/**/*.yaml"]
celery: {{app: "{app}"}}   # its own workers run what is a `celery_task`
defaults:
  timezone: UTC
"""

CELERY_JOB = """\
# yaml-language-server: $schema=../.jobrunner/schema.json
version: 1
namespace: {namespace}

jobs:
  # No schedule yet: `jobrunner run {namespace}/{job}` sends it, and `schedule: {{every: 1h}}` makes it due.
  {job}:
    celery_task: {task}
    kwargs: {{}}{arguments}
    overlap: allow # `skip` and the like need to know its end: jobrunner.contrib.celery.install(app)
"""

CALLABLE = '''\
"""Jobs are plain functions: nothing here knows of jobrunner."""


def say_hello(name: str) -> str:
    """What it prints is in `jobrunner runs logs`, what it returns in `jobrunner runs show`."""
    print(f"Hello, {name}!")
    return f"said hello to {name}"
'''

WORKFLOW = r"""# Checks the files of a pull request, and keeps one comment for each environment with what
# an apply would change. A pull request from a fork sees no secrets and may not comment: its plan
# is made without the database and stands in the summary of the run.
name: jobrunner
on: [pull_request]

permissions:
  contents: read
  pull-requests: write

concurrency:
  group: jobrunner-${{ github.ref }}
  cancel-in-progress: true

jobs:
  plan:
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix:
        environment: [""] # names of `environments:` in the project file
    env:
      ENVIRONMENT: ${{ matrix.environment }}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.13"}
      - run: pip install celery-jobrunner # and what your tasks are made of

      - name: Validate
        run: jobrunner validate --strict --format github

      - name: Format
        run: jobrunner fmt --check --diff

      - name: Plan
        env:
          DATABASE_URL: ${{ secrets.JOBRUNNER_DATABASE_URL }}
        run: |
          if [ -n "$DATABASE_URL" ]; then
            export JOBRUNNER_DATABASE_URL="$DATABASE_URL"
            jobrunner plan -e "$ENVIRONMENT" --format markdown > plan.md
          else
            jobrunner plan -e "$ENVIRONMENT" --format markdown --offline > plan.md
          fi
          cat plan.md >> "$GITHUB_STEP_SUMMARY"

      - name: Comment
        if: github.event.pull_request.head.repo.full_name == github.repository
        env:
          GH_TOKEN: ${{ github.token }}
          NUMBER: ${{ github.event.pull_request.number }}
        run: |
          marker="<!-- jobrunner plan $ENVIRONMENT -->"
          { echo "$marker"; cat plan.md; } > comment.md
          issues="repos/$GITHUB_REPOSITORY/issues"
          earlier=$(gh api --paginate "$issues/$NUMBER/comments" --jq \
            ".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$marker\"))) | .id")
          if [ -n "$earlier" ]; then
            gh api --silent --method PATCH "$issues/comments/${earlier%%[!0-9]*}" --field body=@comment.md
          else
            gh api --silent --method POST "$issues/$NUMBER/comments" --field body=@comment.md
          fi
"""

PRE_COMMIT = r"""repos:
  - repo: local
    hooks:
      - id: jobrunner-fmt
        name: jobrunner fmt
        entry: jobrunner fmt
        language: system
        files: &files (^|/)(jobrunner\.yaml|jobs\.d/.*\.ya?ml)$
        require_serial: true
      - id: jobrunner-validate
        name: jobrunner validate
        entry: jobrunner validate
        language: system
        files: *files
        pass_filenames: false
"""

RUN_DIRECTORY_IGNORE = """\
# What `jobrunner up` keeps here is of this machine; the schemas are for every editor.
*
!.gitignore
!*schema.json
"""


@dataclass(frozen=True, slots=True)
class CeleryTask:
    """The task of an existing app that the first job sends."""

    app: str
    name: str
    needs_arguments: bool


def scaffold(
    *, project_name: str, package: str = "tasks", celery_task: CeleryTask | None = None
) -> Mapping[str, str]:
    """Path → content, in the order in which they are told. `package` is a new one, for the callable."""
    first = _own_job(package) if celery_task is None else _job_of_celery(celery_task)
    project = PROJECT if celery_task is None else CELERY_PROJECT
    app = "" if celery_task is None else celery_task.app
    return {
        "jobrunner.yaml": project.format(name=project_name, package=package, app=app),
        **first,
        **{f".jobrunner/{name}": content for name, content in run_directory_files().items()},
        ".github/workflows/jobrunner.yml": WORKFLOW,
        ".pre-commit-config.yaml": PRE_COMMIT,
    }


def run_directory_files() -> Mapping[str, str]:
    """Name → content of what editors and git read in `.jobrunner/`."""
    return {
        "schema.json": _as_text(editor_schema("jobs")),
        "project-schema.json": _as_text(editor_schema("project")),
        ".gitignore": RUN_DIRECTORY_IGNORE,
    }


def as_name(text: str) -> str:
    """Any text as a name of the format; '' when nothing of it can stand in one."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:100]


def _own_job(package: str) -> Mapping[str, str]:
    return {
        "jobs.d/hello.yaml": JOB.format(package=package),
        f"{package}/__init__.py": "",
        f"{package}/hello.py": CALLABLE,
    }


def _job_of_celery(task: CeleryTask) -> Mapping[str, str]:
    namespace = as_name(task.app.partition(":")[0].partition(".")[0]) or "celery"
    job = as_name(task.name.rpartition(".")[2].replace("_", "-")) or "first"
    name = task.name if re.fullmatch(r"[A-Za-z][\w./-]*", task.name) else json.dumps(task.name)
    arguments = " # it needs some: `jobrunner explain kwargs`" if task.needs_arguments else ""
    content = CELERY_JOB.format(namespace=namespace, job=job, task=name, arguments=arguments)
    return {f"jobs.d/{namespace}.yaml": content}


def _as_text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
