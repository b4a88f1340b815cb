"""What a run looks like on its way: Celery's task message, protocol 2, and what can be read from one.

Its only argument is a version and a run id. Making one by kombu costs more than all of the run's SQL;
so one is made of each kind, and copies of it are filled in (`Envelopes`).
"""

import json
import os
import uuid
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from jobrunner.run import OutgoingRun

EXECUTE_TASK = "jobrunner.execute"
MESSAGE_VERSION = 1
SENT_AT_HEADER = "jobrunner_sent_at"

_KINDS_MAX = 1_000
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
    """Celery's message protocol 2; `shadow` lets Flower and logs show the job's name."""
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
        "timelimit": [run.timeout_seconds, run.soft_timeout_seconds],
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
    timeout_seconds: float
    soft_timeout_seconds: float | None


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


def sent_at_of(message: bytes | None) -> datetime | None:
    """When the batch of a waiting message was made; None for somebody else's."""
    if message is None:
        return None
    try:
        return datetime.fromtimestamp(json.loads(message)["headers"][SENT_AT_HEADER], UTC)
    except (ValueError, KeyError, TypeError):
        return None


def run_ids_of(unacknowledged: Iterable[bytes]) -> Iterator[str]:
    """The runs among what workers have in hand; somebody else's ids may be any text."""
    for value in unacknowledged:
        try:
            headers = json.loads(value)[0]["headers"]
            if headers["task"] == EXECUTE_TASK:
                yield str(uuid.UUID(headers["id"]))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            continue
