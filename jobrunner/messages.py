"""What a run looks like on its way: Celery's task message, protocol 2, and what can be read from one.

Its only argument is a version and a run id. Making one by kombu costs more than all of the run's SQL;
so one is made of each kind, and copies of it are filled in (`Envelopes`).
"""

import json
import os
import uuid
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from jobrunner.run import OutgoingRun

EXECUTE_TASK = "jobrunner.execute"
MESSAGE_VERSION = 1
SENT_AT_HEADER = "jobrunner_sent_at"

_KINDS_MAX = 1_000
_BODY_BYTES_MAX = 1_024
"""Ours have 130."""
UNREADABLE_BYTES_KEPT = 4_096
_SAMPLE_ID = str(uuid.UUID(bytes=os.urandom(16)))
_SAMPLE_ADDRESS = "sample/address-of-a-job"
_SAMPLE_SENT_AT = datetime(2001, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC)


def message_body(run_id: object) -> str:
    """Arguments, keyword arguments and what a canvas would want, as JSON."""
    # 42 characters up to the end of the id, 6 before it: it stands alone in base64, too.
    return (
        f'[[{MESSAGE_VERSION}, "{run_id}"], {{}}, '
        '{"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
    )


def message_headers(run: OutgoingRun, *, origin: str, sent_at: datetime) -> dict[str, Any]:
    """Celery's message protocol 2; `shadow` lets Flower and logs show the job's name.

    No `timelimit`: anybody could forge it, so a worker goes by the definition that it claims.
    """
    run_id = run.run_id
    return {
        "lang": "py",
        "task": EXECUTE_TASK,
        "id": run_id,
        "shadow": run.address,
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": run.attempt,
        "root_id": run_id,
        "parent_id": None,
        "argsrepr": "()",
        "kwargsrepr": "{}",
        "origin": origin,
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
        SENT_AT_HEADER: sent_at.timestamp(),
    }


Make = Callable[[OutgoingRun, datetime], tuple[str, str]]
"""A complete message by kombu, as JSON, and its delivery tag."""


class Kind(NamedTuple):
    """What tells messages apart for good; the rest of one is its run's id and address, and the time."""

    queue: str
    priority: int | None
    attempt: int


_kind = attrgetter(*Kind._fields)


class Envelopes:
    """Messages filled in from one that kombu has made of each kind."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._templates: dict[tuple[Any, ...], str] = {}

    def fill(self, runs: Sequence[OutgoingRun], sent_at: datetime) -> Iterator[bytes]:
        """The message of each run, in order."""
        seconds = json.dumps(sent_at.timestamp())
        for run, tag in zip(runs, _delivery_tags(len(runs)), strict=True):
            message = self._template(run) % {
                "body_id": _base64(run.run_id),
                "id": run.run_id,
                "address": json.dumps(run.address),
                "sent_at": seconds,
                "tag": tag,
            }
            yield message.encode()

    def _template(self, run: OutgoingRun) -> str:
        kind: tuple[Any, ...] = _kind(run)
        found = self._templates.get(kind)
        if found is None:
            if len(self._templates) >= _KINDS_MAX:
                self._templates.clear()
            found = self._templates[kind] = self._make_template(Kind(*kind))
        return found

    def _make_template(self, kind: Kind) -> str:
        sample = OutgoingRun(run_id=_SAMPLE_ID, address=_SAMPLE_ADDRESS, **kind._asdict())
        template, tag = self._make(sample, _SAMPLE_SENT_AT)
        template = template.replace("%", "%%")
        for name, value in (
            ("body_id", _base64(_SAMPLE_ID)),
            ("id", _SAMPLE_ID),
            ("address", json.dumps(_SAMPLE_ADDRESS)),
            ("sent_at", json.dumps(_SAMPLE_SENT_AT.timestamp())),
            ("tag", tag),
        ):
            template = template.replace(value, f"%({name})s")
        return template


def _base64(text: str) -> str:
    return b2a_base64(text.encode(), newline=False).decode()


def _delivery_tags(number: int) -> Iterator[str]:
    """As unique as kombu's own, which are UUIDs."""
    digits = os.urandom(16 * number).hex()
    for start in range(0, len(digits), 32):
        tag = digits[start : start + 32]
        yield f"{tag[:8]}-{tag[8:12]}-{tag[12:16]}-{tag[16:20]}-{tag[20:]}"


def problem_of(content_type: object, headers: object, body: object) -> str:
    """Why a message is none that a beat sends to this worker, in one line; '' when it is one.

    Whoever can write to the broker can write anything. So all that would have an effect is looked
    at before Celery reads the message: its type, what it names, times, and what Celery would send
    after it. Its time limits have none: those of the claimed definition hold.
    """
    if content_type == "unreadable":
        return "it is no message"
    if content_type != "application/json":
        return f"its content type is {content_type!r:.80}"
    if not isinstance(headers, dict) or headers.get("task") != EXECUTE_TASK:
        named = headers.get("task") if isinstance(headers, dict) else None
        return f"it names the task {named!r:.80}" if named else "it names no task"
    if not isinstance(body, str | bytes) or len(body) > _BODY_BYTES_MAX:
        return f"its body is longer than {_BODY_BYTES_MAX} bytes, or is no text"
    if headers.get("eta") or headers.get("expires"):
        return "its times are none that a beat gives"
    try:
        (version, run_id), keywords, sent_after = json.loads(body)
        is_run = str(uuid.UUID(run_id)) == run_id == headers["id"]
        has_more = bool(keywords) or any(sent_after.values())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "its body is no version and run id"
    if isinstance(version, bool) or not isinstance(version, int) or not is_run or has_more:
        return "its body is no version and run id"
    if abs(version - MESSAGE_VERSION) > 1:
        return f"its version is {version:d}, and this worker's {MESSAGE_VERSION}"
    return ""


def readable(item: bytes) -> bytes:
    """What a Redis list holds, as it is if kombu can take it for a message; else in a wrapping.

    kombu reads any text there as a message of its own, and what is none ends its worker. In the
    wrapping it becomes one of a type that nobody reads. Compressed ones are wrapped, too: kombu would
    unpack them, whatever their size.
    """
    try:
        message = json.loads(item)
        properties, headers = message["properties"], message["headers"]
        is_message = (
            isinstance(properties["delivery_tag"], str)
            and isinstance(properties["delivery_info"], dict)
            and isinstance(headers, dict)
            and "compression" not in headers
            and isinstance(message["body"], str)
            and properties["body_encoding"] == "base64"
            and a2b_base64(message["body"], strict_mode=True) is not None
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        is_message = False
    return item if is_message else _wrapping(item)


def _wrapping(item: bytes) -> bytes:
    properties = {"delivery_tag": str(uuid.uuid4()), "delivery_info": {}, "body_encoding": "base64"}
    wrapping = {
        "body": b2a_base64(item[:UNREADABLE_BYTES_KEPT], newline=False).decode(),
        "content-type": "unreadable",
        "content-encoding": "binary",
        "headers": {},
        "properties": properties,
    }
    return json.dumps(wrapping).encode()


def sent_at_of(message: bytes | None) -> datetime | None:
    """When the batch of a waiting message was made; None for somebody else's."""
    if message is None:
        return None
    try:
        return datetime.fromtimestamp(json.loads(message)["headers"][SENT_AT_HEADER], UTC)
    except (ValueError, KeyError, TypeError):
        return None
