"""Mail, by an address such as `smtp://user:password@mail.example.com:587?to=ops@example.com`.

`smtps` and `mailtos` speak TLS from the first byte, `smtp` and `mailto` where the server offers it; a
password is sent by no other way.
"""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

SCHEMES = ("smtp", "smtps", "mailto", "mailtos")
_ENCRYPTED = ("smtps", "mailtos")
_PORT = 25
_PORT_OF_TLS = 465


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent: plain text."""

    subject: str
    text: str
    message_id: str


def send_mail(url: str, letter: Letter, *, timeout_seconds: float) -> str:
    """Who has accepted it: `mail.example.com, for ops@example.com`.

    Raises OSError (SMTPException is one) when it is refused or out of reach, ValueError for an address
    that is none.
    """
    parts = urlsplit(url)
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    to = [one.strip() for one in given.get("to", "").split(",") if one.strip()]
    if not parts.hostname or not to:
        raise ValueError("it names no server, or nobody with ?to=")
    user = unquote(parts.username or "")
    sender = given.get("from") or (user if "@" in user else to[0])
    made = _made(letter, sender, to)
    with _connected(parts, timeout_seconds) as server:
        is_encrypted = parts.scheme in _ENCRYPTED or _start_tls(server)
        if user and not is_encrypted:
            raise OSError("the server offers no TLS, so the password is not sent")
        if user:
            server.login(user, unquote(parts.password or ""))
        server.send_message(made, from_addr=sender, to_addrs=to)
    return f"{parts.hostname}, for {', '.join(to)}"


def _made(letter: Letter, sender: str, to: Sequence[str]) -> EmailMessage:
    """A line feed in a header is refused by the class itself."""
    made = EmailMessage()
    made["From"] = sender
    made["To"] = ", ".join(to)
    made["Subject"] = letter.subject
    made["Date"] = formatdate()
    made["Message-ID"] = f"<{letter.message_id}@jobrunner>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(letter.text)
    return made


def _connected(parts: SplitResult, timeout_seconds: float) -> smtplib.SMTP:
    host = parts.hostname or ""
    if parts.scheme in _ENCRYPTED:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(
            host, parts.port or _PORT_OF_TLS, timeout=timeout_seconds, context=context
        )
    return smtplib.SMTP(host, parts.port or _PORT, timeout=timeout_seconds)


def _start_tls(server: smtplib.SMTP) -> bool:
    """Whether the rest is encrypted."""
    server.ehlo()
    if not server.has_extn("starttls"):
        return False
    server.starttls(context=ssl.create_default_context())
    return True
