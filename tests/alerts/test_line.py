"""From a run that fails to a message that has arrived: real processes, told only by environment and files."""

from datetime import datetime

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import database_now
from tests.alerts.receivers import MailServer, Receiver
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
    alerts: [{when: [failure, recovered], to: [oncall, team, dead]}]
"""
PROJECT = """\
version: 1
notifiers:
  oncall: {url: {secret: "env:ONCALL"}}
  team: {url: "smtp://127.0.0.1:MAIL?to=team@example.com"}
  dead: {url: "http://127.0.0.1:DEAD/"}
"""


@pytest.fixture
def demo(
    project: Project, receiver: Receiver, mail_server: MailServer, silent_receiver: Receiver
) -> Project:
    """`demo/work` each second, which fails as long as there is a file; three receivers, one of them dead."""
    project.write("work.py", TASKS)
    project.write("broken", "")
    project.write("jobs.d/demo.yaml", JOBS)
    ports = PROJECT.replace("MAIL", str(mail_server.port)).replace(
        "DEAD", str(silent_receiver.port)
    )
    project.write("jobrunner.yaml", ports)
    project.environment |= {
        "ONCALL": receiver.url,
        "JOBRUNNER_ALERTS_ALLOW_PRIVATE": "1",
        "JOBRUNNER_SECRETS_ALLOW": "env:ONCALL",
        "JOBRUNNER_WEB_URL": "https://jobs.example.com/x",
    }
    done = project.call("apply", "--yes")
    assert done.returncode == 0, done.stderr
    return project


def test_runs_that_fail_are_one_message_for_each_and_the_next_good_run_is_another(
    demo: Project, receiver: Receiver, mail_server: MailServer
) -> None:
    demo.start("beat")
    demo.start("beat")
    demo.start("worker", "-c", "1")
    wait_until(lambda: receiver.requests and mail_server.letters, timeout_seconds=40)
    wait_until(lambda: '"occurred": 1' not in demo.call("alerts", "list", "-o", "json").stdout)
    (demo.path / "broken").unlink()
    wait_until(
        lambda: len(receiver.requests) > 1 and len(mail_server.letters) > 1, timeout_seconds=40
    )
    opened, recovered = (request.json for request in receiver.requests)
    assert [opened["event"], opened["kind"], opened["about"]["job"]] == [
        "opened", "failure", "demo/work",
    ]  # fmt: skip
    assert opened["run"]["error"] == "ValueError: out of paper"
    assert opened["url"] == f"https://jobs.example.com/x/runs/{opened['run']['id']}"
    assert recovered["event"] == "recovered"
    assert recovered["occurred"] > 1
    assert len(mail_server.letters) == 2


def test_a_beat_that_dies_while_it_looks_leaves_it_to_the_next_one(
    demo: Project, receiver: Receiver
) -> None:
    demo.environment["JOBRUNNER_CRASH_AT"] = "incidents_judged"
    dying = demo.start("beat")
    demo.start("worker", "-c", "1")
    assert dying.wait(timeout_seconds=40) == -9
    del demo.environment["JOBRUNNER_CRASH_AT"]
    demo.start("beat")
    wait_until(lambda: receiver.requests, timeout_seconds=40)
    assert receiver.requests[0].json["event"] == "opened"


def test_a_receiver_that_hangs_makes_no_run_late(
    demo: Project, engine: Engine, silent_receiver: Receiver
) -> None:
    demo.start("beat")
    demo.start("worker", "-c", "1")
    wait_until(lambda: silent_receiver.connections, timeout_seconds=40)
    hung_at = _now(engine)
    wait_until(lambda: _since(engine, hung_at) >= 6, timeout_seconds=40)
    assert silent_receiver.connections == 1


def _now(engine: Engine) -> datetime:
    with engine.begin() as connection:
        return database_now(connection)


def _since(engine: Engine, then: datetime) -> int:
    """How many runs of the schedule were dispatched within a second of their time since then."""
    question = text("""
        SELECT count(*) FROM jobrunner.runs
         WHERE scheduled_for > :then AND created_at < scheduled_for + interval '1 second'
    """)
    with engine.begin() as connection:
        return int(connection.execute(question, {"then": then}).scalar_one())
