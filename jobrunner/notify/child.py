"""One try to send each of some messages. A process of its own: what hangs or crashes here hurts no beat.

    python -m jobrunner.notify.child    reads an Assignment a line from its stdin, and writes an Answer
                                        a line to its stdout; it ends with its stdin

The secret in an address is opened here, just before it is used, and masked in the answer.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, ConfigDict

from jobrunner.alerts.message import Message, link_of, text_of, title_of
from jobrunner.errors import JobrunnerError, UsageError
from jobrunner.masking import Masker
from jobrunner.notify import mail, webhook
from jobrunner.notify.guard import refuse_private_connections
from jobrunner.notify.services import Service
from jobrunner.secrets import make_secrets
from jobrunner.settings import Settings

LIMIT_SECONDS = 10
"""Of sending one message: the process ends itself then, whatever it waits for."""
ALIVE_SECONDS = 30
"""Of one message in all: whoever waits for it ends the process then. To load a library takes a busy
machine long.
"""
_TIMEOUT_SECONDS = 8.0
"""Of a single connect or answer: so there is time left to say which it was."""
_SHORTEST_PART = 6
_KEY_BYTES_MIN = 32


class Assignment(BaseModel):
    """What such a process is to send."""

    model_config = ConfigDict(frozen=True)

    settings: Settings
    url: Any
    """An address, or a reference to one."""
    message: Message


class Answer(BaseModel):
    """How it went."""

    model_config = ConfigDict(frozen=True)

    said: str = ""
    """What came back."""
    error: str = ""
    """Why it was not sent; '' when it was."""


def check_settings(settings: Settings) -> None:
    """Raises UsageError for a key that signs nothing well, and for a pattern of secrets that is none."""
    make_secrets(settings, {})
    if settings.alerts_signing_key and len(settings.alerts_signing_key.encode()) < _KEY_BYTES_MIN:
        raise UsageError(
            f"JOBRUNNER_ALERTS_SIGNING_KEY is too short: it has fewer than {_KEY_BYTES_MIN} bytes.",
            hint="Make one with: openssl rand -hex 32",
        )


def main() -> None:
    """What the process does, as long as there is something to send."""
    answer_to = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(
        os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
    )  # what a library prints is no answer
    for line in sys.stdin:
        signal.alarm(ALIVE_SECONDS)
        answered = answer(Assignment.model_validate_json(line), os.environ)
        signal.alarm(0)
        print(answered.model_dump_json(), file=answer_to, flush=True)


def answer(assignment: Assignment, environ: Any) -> Answer:
    """Send it, and say how it went, without the secrets of its address."""
    masker = Masker()
    try:
        url = _opened(assignment, environ, masker)
        if not assignment.settings.alerts_allow_private:
            refuse_private_connections()
        send = _prepared(url, assignment)
        signal.alarm(LIMIT_SECONDS)
        return Answer(said=_one_line(masker.text(send())))
    except JobrunnerError as error:
        return Answer(error=_one_line(masker.text(error.message)))
    except Exception as error:  # noqa: BLE001  whatever a library raises is an answer
        told = str(error) or type(error).__name__
        return Answer(error=_one_line(masker.text(told)))


def _opened(assignment: Assignment, environ: Any, masker: Masker) -> str:
    secrets = make_secrets(assignment.settings, environ)
    args, _ = secrets.opened("", ([assignment.url], {}))
    url = str(args[0])
    for part in _parts_that_open(url):
        masker.add(part)
    return url


def _parts_that_open(url: str) -> list[str]:
    """An address as a whole, and what of it may be a password or a key; the host is none."""
    parts = urlsplit(url)
    told = [unquote(parts.username or ""), unquote(parts.password or "")]
    told += [unquote(one) for one in parts.path.split("/")]
    told += [value for values in parse_qs(parts.query).values() for value in values]
    return [url, *(one for one in told if len(one) >= _SHORTEST_PART and "@" not in one)]


def _prepared(url: str, assignment: Assignment) -> Callable[[], str]:
    scheme, message = url.partition(":")[0].lower(), assignment.message
    web_url = assignment.settings.web_url
    title, text = title_of(message), text_of(message, web_url=web_url)
    if scheme in webhook.SCHEMES:
        return partial(
            webhook.post,
            url,
            webhook.Post(
                _body(message, title, text, web_url),
                str(message.id),
                assignment.settings.alerts_signing_key,
            ),
            now_seconds=int(time.time()),
            timeout_seconds=_TIMEOUT_SECONDS,
            allow_private=assignment.settings.alerts_allow_private,
        )
    if scheme in mail.SCHEMES:
        letter = mail.Letter(title, text, str(message.id))
        return partial(mail.send_mail, url, letter, timeout_seconds=_TIMEOUT_SECONDS)
    is_good = message.event == "recovered"
    return partial(Service(url).send, title=title, text=text, is_good=is_good)


def _body(message: Message, title: str, text: str, web_url: str) -> bytes:
    told = message.model_dump(mode="json")
    told |= {"title": title, "text": text, "url": link_of(message, web_url=web_url)}
    return json.dumps(told).encode()


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


if __name__ == "__main__":
    main()
