"""A letter, from the first word to the server to the last."""

import email
import email.policy

import pytest

from jobrunner.notify.mail import Letter, send_mail
from tests.alerts.receivers import MailServer

LETTER = Letter("demo/work failed", "It failed.\n.\nMore.", "message-1")


def send(server: MailServer, rest: str, letter: Letter = LETTER, *, user: str = "") -> str:
    return send_mail(f"smtp://{user}127.0.0.1:{server.port}{rest}", letter, timeout_seconds=5)


def test_it_is_plain_text_for_everybody_who_is_named(mail_server: MailServer) -> None:
    said = send(mail_server, "?to=ops@example.com,ada@example.com&from=jobs@example.com")
    assert said == "127.0.0.1, for ops@example.com, ada@example.com"
    assert mail_server.recipients == ["<ops@example.com>", "<ada@example.com>"]
    letter = email.message_from_string(mail_server.letters[0], policy=email.policy.default)
    assert letter["Subject"] == "demo/work failed"
    assert letter["From"] == "jobs@example.com"
    assert letter["Message-ID"] == "<message-1@jobrunner>"
    assert letter.get_content_type() == "text/plain"


def test_a_password_is_not_sent_without_tls(mail_server: MailServer) -> None:
    with pytest.raises(OSError, match="offers no TLS"):
        send(mail_server, "?to=ops@example.com", user="jobs:pa55@")
    assert mail_server.letters == []


@pytest.mark.parametrize("rest", ["", "?to=", "?to=,"])
def test_an_address_that_names_nobody_is_none(mail_server: MailServer, rest: str) -> None:
    with pytest.raises(ValueError, match="nobody with"):
        send(mail_server, rest)


@pytest.mark.parametrize(
    "rest",
    [
        "?to=ops@example.com%0D%0ABcc:%20evil@example.com",
        "?to=ops@example.com&from=jobs@example.com%0ABcc:%20evil@example.com",
    ],
)
def test_fault_76_an_address_adds_no_header(mail_server: MailServer, rest: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        send(mail_server, rest)
    assert mail_server.letters == []


def test_fault_76_a_subject_adds_no_header(mail_server: MailServer) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        send(mail_server, "?to=ops@example.com", Letter("a\nBcc: evil@example.com", "", "1"))
    assert mail_server.letters == []
