"""A project whose job gets secrets in each way there is, and all that could give one away."""

import base64
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.project import Project

CANARIES = {
    "env": "canary-env-7Qx/äé+1",
    "file": "canary-file-\"9'Zt",
    "kwarg": "canary-kwarg-4Lm",
    "schedule": "canary-schedule-8Rd",
    "trigger": "canary-trigger-2Ws",
}
NOTIFIER = "canary-address-6Hf"
"""A part of a notifier's address: it is stored, to be sent to, and told nowhere."""
ADDRESS = f"https://ada:{NOTIFIER}@hooks.example/{NOTIFIER}"
KEY = base64.urlsafe_b64encode(b"k" * 32).decode()

TASKS = """
import base64
import json
import logging
import subprocess
import sys
import urllib.parse

import jobrunner


def tell(env, file, password, *, fail=False):
    for value in (env, file, password):
        print("plain", value, repr(value), json.dumps(value), flush=True)
        print(urllib.parse.quote(value), base64.b64encode(b"user:" + value.encode()).decode())
        sys.stdout.write(value[:5])
        sys.stdout.flush()
        sys.stdout.write(value[5:] + "\\n")
        logging.getLogger("acme").warning("logged %s", value)
        logging.getLogger("celery.acme").error("logged %s", value)
        jobrunner.progress(50, f"at {value}")
    child = [sys.executable, "-c", "import sys; print(sys.argv); sys.stdout.flush()"]
    subprocess.run([*child, env, file, password], check=True)
    if fail:
        raise ValueError(f"refused {env} {file} {password}\\nand {env}")
    return {"env": env, password: [file, {"deep": password}]}
"""


def jobs_file(secret_file: Path) -> str:
    return f"""
namespace: demo
jobs:
  tell:
    task: acme.tell
    overlap: allow
    kwargs:
      env: {{secret: "env:CANARY_ENV"}}
      file: {{secret: "file:{secret_file}"}}
      password: {CANARIES["kwarg"]}
    sensitive: [password]
    schedules:
      yearly: {{cron: "0 5 1 1 *", kwargs: {{password: {CANARIES["schedule"]}}}}}
"""


def project_file(address: str) -> str:
    return f"version: 1\nnotifiers: {{oncall: {{url: {address}}}}}\n"


@pytest.fixture
def demo(project: Project) -> Project:
    """`demo/tell` gets three secrets and gives away all of them, in every way it can."""
    secret_file = project.write("secrets/file", CANARIES["file"] + "\n")
    project.write("acme.py", TASKS)
    project.write("jobs.d/demo.yaml", jobs_file(secret_file))
    project.write("jobrunner.yaml", project_file(ADDRESS))
    project.environment |= {
        "CANARY_ENV": CANARIES["env"],
        "JOBRUNNER_SECRETS_ALLOW": f"env:CANARY_* file:{secret_file.parent}/*",
        "JOBRUNNER_ENCRYPTION_KEYS": KEY,
    }
    return project


_COLUMNS = text("""
    SELECT table_name, column_name FROM information_schema.columns
     WHERE table_schema = 'jobrunner' AND table_name NOT LIKE 'pg_%'
""")


def whole_database(engine: Engine) -> str:
    """Every column of every table, as text."""
    with engine.begin() as connection:
        columns = connection.execute(_COLUMNS).all()
        values = [
            value
            for table, column in columns
            for value in connection.execute(
                text(f'SELECT CAST("{column}" AS text) FROM jobrunner."{table}"')  # noqa: S608  names of our own
            ).scalars()
        ]
    return "\n".join(value for value in values if value is not None)
