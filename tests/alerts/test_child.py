"""Messages sent by a process of its own: what it says, and what it does not."""

import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from jobrunner.alerts.message import JobFacts, Message, RunFacts
from jobrunner.errors import UsageError
from jobrunner.notify.child import Answer, Assignment, check_settings
from jobrunner.notify.sending import (
    Sender,
    answer_of,
    hand_over,
    send_now,
    start_sender,
    stop_sender,
    wait_for_answers,
)
from jobrunner.settings import Settings
from tests.alerts.receivers import MailServer, Receiver
from tests.ledger import NOON
from tests.waiting import wait_until

SECRET = "k3y-that-0pens-the-d00r"  # noqa: S105  it opens nothing
OPEN = Settings(alerts_allow_private=True, web_url="https://jobs.example.com")


def message(error: str = "ValueError: out of paper") -> Message:
    return Message(
        id=uuid.UUID(int=1),
        event="opened",
        kind="failure",
        since=NOON,
        occurred=1,
        about=JobFacts(
            project="shop",
            environment="",
            job="billing/invoices",
            owner="",
            file="jobs.d/billing.yaml",
            line=12,
            commit=None,
            next_run_at=None,
        ),
        run=RunFacts(id=uuid.UUID(int=2), scheduled_for=NOON, state="failed", error=error),
    )


def assignment(url: str, settings: Settings = OPEN) -> Assignment:
    return Assignment(settings=settings, url=url, message=message())


@pytest.fixture
def sender() -> Iterator[Sender]:
    started = start_sender()
    yield started
    stop_sender(started)


def send(url: Any, settings: Settings = OPEN, **given: str) -> Answer:
    return send_now(Assignment(settings=settings, url=url, message=message(**given)))


def test_a_web_hook_gets_the_facts_and_the_words(receiver: Receiver) -> None:
    assert send(receiver.url) == Answer(said="200 OK")
    body = receiver.requests[0].json
    assert body == {
        "version": 1,
        "id": str(uuid.UUID(int=1)),
        "event": "opened",
        "kind": "failure",
        "since": "2026-11-21T12:00:00Z",
        "occurred": 1,
        "about": {
            "project": "shop",
            "environment": "",
            "job": "billing/invoices",
            "owner": "",
            "file": "jobs.d/billing.yaml",
            "line": 12,
            "commit": None,
            "next_run_at": None,
        },
        "run": {
            "id": str(uuid.UUID(int=2)),
            "scheduled_for": "2026-11-21T12:00:00Z",
            "state": "failed",
            "error": "ValueError: out of paper",
        },
        "title": "billing/invoices failed",
        "text": body["text"],
        "url": f"https://jobs.example.com/runs/{uuid.UUID(int=2)}",
    }
    assert body["text"].startswith("billing/invoices failed.\nSince: ")


def test_mail_has_the_title_for_its_subject(mail_server: MailServer) -> None:
    said = send(f"smtp://127.0.0.1:{mail_server.port}?to=ops@example.com").said
    assert said == "127.0.0.1, for ops@example.com"
    assert "Subject: billing/invoices failed\r\n" in mail_server.letters[0]


def test_other_services_are_those_of_the_library(receiver: Receiver) -> None:
    assert send(f"json://127.0.0.1:{receiver.port}/in") == Answer(said="taken by the service")
    assert receiver.requests[0].json["title"] == "billing/invoices failed"


@pytest.mark.parametrize("scheme", ["http", "json", "smtp", "mailto"])
def test_fault_81_no_way_to_send_reaches_this_machine(scheme: str, receiver: Receiver) -> None:
    error = send(f"{scheme}://127.0.0.1:{receiver.port}/?to=ops@example.com", Settings()).error
    assert error
    assert receiver.connections == 0


def test_the_library_follows_no_redirect_into_the_house(receiver: Receiver) -> None:
    receiver.answer_with("302 Found", "Location: http://127.0.0.1:1/")
    assert send(f"json://127.0.0.1:{receiver.port}/in").error
    assert len(receiver.requests) == 1


def test_an_address_of_no_service_is_told_of() -> None:
    assert send("nosuch://example.com").error == (
        "no service that the library knows has such an address"
    )


def test_a_secret_is_opened_by_the_list_of_this_process(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    monkeypatch.setitem(os.environ, "ONCALL_URL", receiver.url)
    reference = {"secret": "env:ONCALL_URL"}
    allowed = OPEN.model_copy(update={"secrets_allow": ("env:ONCALL_*",)})
    assert send(reference, allowed).said == "200 OK"
    assert "may not be opened here" in send(reference).error


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/services/" + SECRET,
        "http://127.0.0.1:{port}/in?key=" + SECRET,
        "http://jobs:" + SECRET + "@127.0.0.1:{port}/",
        "nosuch://" + SECRET,
    ],
)
def test_fault_85_no_part_of_an_address_comes_back_in_an_error(
    url: str, receiver: Receiver
) -> None:
    receiver.answer_with("403 Forbidden", body=f"{SECRET} opens nothing")
    told = send(url.format(port=receiver.port)).error
    assert told
    assert SECRET not in told


def test_a_process_sends_one_message_after_the_other(sender: Sender, receiver: Receiver) -> None:
    hand_over(sender, assignment(receiver.url))
    wait_for_answers([sender], 30)
    assert answer_of(sender) == Answer(said="200 OK")
    assert answer_of(sender) is None
    hand_over(sender, assignment(receiver.url))
    wait_for_answers([sender], 30)
    assert answer_of(sender) == Answer(said="200 OK")
    assert len(receiver.requests) == 2


def test_a_process_ends_with_whoever_has_started_it(sender: Sender, receiver: Receiver) -> None:
    hand_over(sender, assignment(receiver.url))
    wait_for_answers([sender], 30)
    assert sender.process.stdin is not None
    sender.process.stdin.close()
    assert sender.process.wait(30) == 0


def test_a_process_is_of_no_more_use_after_an_error(sender: Sender) -> None:
    hand_over(sender, assignment("nosuch://example.com"))
    wait_for_answers([sender], 30)
    answered = answer_of(sender)
    assert answered
    assert answered.error
    assert sender.process.returncode is not None


def test_a_process_that_dies_is_an_error_like_any_other(sender: Sender) -> None:
    hand_over(sender, assignment("http://example.com"))
    sender.process.kill()
    wait_until(lambda: sender.process.poll() is not None)
    assert answer_of(sender) == Answer(error="its process died: exit code -9")


def test_what_has_died_before_it_was_handed_anything_is_an_error_too(sender: Sender) -> None:
    sender.process.kill()
    wait_until(lambda: sender.process.poll() is not None)
    hand_over(sender, assignment("http://example.com"))
    assert answer_of(sender) == Answer(error="its process died: exit code -9")


def test_an_answer_that_never_ends_costs_ten_seconds(receiver: Receiver) -> None:
    receiver.drips = True
    assert send(receiver.url).error == "not sent within its time limit of 10 s"


def test_what_takes_too_long_is_killed(sender: Sender, silent_receiver: Receiver) -> None:
    hand_over(sender, assignment(silent_receiver.url))
    wait_until(lambda: silent_receiver.connections)
    assert answer_of(sender) is None
    sender.ends_at = 0.0
    assert answer_of(sender) == Answer(error="its process did not end within 30 s")
    assert sender.process.returncode == -9


def test_the_key_of_signatures_is_long_enough_and_never_shown() -> None:
    with pytest.raises(UsageError, match="JOBRUNNER_ALERTS_SIGNING_KEY is too short") as caught:
        check_settings(Settings(alerts_signing_key="short-secret"))
    assert "short-secret" not in json.dumps([caught.value.message, caught.value.hint])
