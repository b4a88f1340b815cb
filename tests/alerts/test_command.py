"""`jobrunner alerts`, as a person types it."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from jobrunner.notify.look import look
from tests.alerts.reading import set_notifiers
from tests.alerts.receivers import Receiver
from tests.ledger import Ledger
from tests.project import Project


@pytest.fixture
def applied(project: Project, ledger: Ledger, engine: Engine, receiver: Receiver) -> Project:
    """A project with one job that fails and one notifier."""
    job_id = ledger.add_job(alerts=[{"when": ["failure"], "to": ["oncall"]}])
    now = datetime.now(UTC)
    ledger.add_run(
        job_id, state="failed", scheduled_for=now, finished_at=now, error="out of \x1b[1mpaper"
    )
    set_notifiers(engine, oncall=receiver.url)
    project.environment["JOBRUNNER_ALERTS_ALLOW_PRIVATE"] = "1"
    return project


def test_a_test_sends_a_message_and_says_what_came_back(
    applied: Project, receiver: Receiver
) -> None:
    done = applied.run("alerts", "test", "oncall")
    assert (done.returncode, done.stdout) == (0, "● oncall has taken it: 200 OK\n")
    (request,) = receiver.requests
    assert [request.json["event"], request.json["kind"], request.json["about"]] == [
        "test", None, None,
    ]  # fmt: skip


def test_a_test_that_is_refused_exits_1_and_says_why(applied: Project, receiver: Receiver) -> None:
    receiver.answer_with("403 Forbidden")
    done = applied.run("alerts", "test", "oncall")
    assert done.returncode == 1
    assert "The message to oncall was not sent: it answered 403 Forbidden." in done.stderr


def test_fault_81_a_test_goes_to_no_private_machine_either(
    applied: Project, receiver: Receiver
) -> None:
    del applied.environment["JOBRUNNER_ALERTS_ALLOW_PRIVATE"]
    done = applied.run("alerts", "test", "oncall")
    assert done.returncode == 1
    assert "127.0.0.1 is no address of the public network" in done.stderr
    assert receiver.connections == 0


def test_an_unknown_notifier_names_those_there_are(applied: Project) -> None:
    done = applied.run("alerts", "test", "on-call")
    assert done.returncode == 1
    assert "There are: oncall." in done.stderr


def test_the_list_shows_what_is_wrong_and_what_was_not_sent(
    applied: Project, engine: Engine
) -> None:
    look(engine)
    incidents, unsent = applied.call("alerts", "list").stdout.split("\n\n")
    assert "test/job" in incidents
    assert "nobody yet" in incidents
    assert "out of \\x1b[1mpaper" in incidents
    assert "oncall" in unsent


def test_programs_get_both_lists(applied: Project, engine: Engine) -> None:
    look(engine)
    told = json.loads(applied.call("alerts", "list", "-o", "json").stdout)
    assert [one["job"] for one in told["incidents"]] == ["test/job"]
    assert [one["notifier"] for one in told["unsent"]] == ["oncall"]


def test_where_nothing_is_wrong_the_list_says_so(applied: Project) -> None:
    done = applied.call("alerts", "list")
    assert "Nothing is wrong with the jobs that have `alerts`." in done.stderr
