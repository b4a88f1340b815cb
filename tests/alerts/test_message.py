"""What a message says, and what it cannot be made to say."""

import uuid
from typing import Any

import pytest

from jobrunner.alerts.message import JobFacts, Message, RunFacts, link_of, tame, text_of, title_of
from tests.ledger import NOON

RUN = uuid.UUID(int=5)


def message(error: str | None = None, **values: Any) -> Message:
    about = JobFacts(
        project="shop",
        environment="prod",
        job="billing/invoices",
        owner="team-billing",
        file="jobs.d/billing.yaml",
        line=12,
        commit="0123456789abcdef",
        next_run_at=NOON,
    )
    run = RunFacts(id=RUN, scheduled_for=NOON, state="failed", error=error)
    given = {"event": "opened", "kind": "failure", "about": about, "run": run, **values}
    return Message(id=uuid.UUID(int=1), since=NOON, occurred=1, **given)


def test_it_says_what_where_since_when_and_what_comes_next() -> None:
    assert text_of(message("ValueError: out of paper"), web_url="https://jobs.example.com") == (
        "billing/invoices failed.\n"
        "Since: Sat 21 Nov 2026 12:00:00 UTC, once\n"
        f"Run: {RUN}, due Sat 21 Nov 2026 12:00:00 UTC\n"
        "Error: ValueError: out of paper\n"
        "Next run: Sat 21 Nov 2026 12:00:00 UTC\n"
        "Defined in: jobs.d/billing.yaml:12, commit 0123456789, project shop (prod)\n"
        "Owner: team-billing\n"
        f"https://jobs.example.com/runs/{RUN}"
    )


def test_without_an_address_of_the_pages_there_is_no_link() -> None:
    assert link_of(message(), web_url="") is None


@pytest.mark.parametrize(
    ("kind", "event", "title"),
    [
        ("failure", "opened", "billing/invoices failed"),
        ("missed", "opened", "billing/invoices did not run when it was due"),
        ("late", "opened", "billing/invoices is late"),
        ("too_long", "opened", "billing/invoices runs too long"),
        ("late", "recovered", "billing/invoices has recovered: it was late"),
        ("failure", "recovered", "billing/invoices has recovered: it had failed"),
    ],
)
def test_each_kind_has_its_words(kind: str, event: str, title: str) -> None:
    assert title_of(message(kind=kind, event=event)) == title


def test_a_recovery_does_not_repeat_the_error() -> None:
    assert "Error" not in text_of(message("ValueError: out of paper", event="recovered"))


HOSTILE = [
    "two\r\nBcc: everybody@example.com",
    "\x1b[31mred\x1b[0m",
    "turned \u202e around",
    "<!channel> <https://evil.example|sign in>",
    "[sign in](https://evil.example)",
    "`code` ```block``` **bold** ~~gone~~",
    "@everyone @here",
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_fault_76_what_others_wrote_marks_links_and_calls_nobody(text: str) -> None:
    tamed = tame(text)
    assert not set("<>`*~\r\n\x1b\u202e") & set(tamed)
    assert "](" not in tamed
    assert "@e" not in tamed
    assert "@h" not in tamed


@pytest.mark.parametrize("text", HOSTILE)
def test_fault_76_an_error_is_one_line_of_a_message(text: str) -> None:
    assert len(text_of(message(text)).splitlines()) == len(text_of(message("x")).splitlines())
