"""Streams of server-sent events: what a run does, and what it writes, until it is over.

Who was cut off goes on behind the `Last-Event-ID` that it sends. A stream ends within seconds of the
end of its caller's credentials.
"""

import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence

from anyio.to_thread import run_sync
from fastapi import Request
from starlette.responses import Response, StreamingResponse

from jobrunner.db.engine import transaction
from jobrunner.db.run_logs import StoredPiece, read_pieces
from jobrunner.db.run_watch import RunGlimpse
from jobrunner.errors import AccessDenied, DatabaseUnavailable
from jobrunner.run import RunState
from jobrunner.web.context import Web
from jobrunner.web.forms import Form
from jobrunner.web.problems import problem
from jobrunner.web.run_watch import Listener, RunWatch
from jobrunner.web.security import identify, known_caller
from jobrunner.wording.times import iso

_CHECK_SECONDS = 3.0
"""So often the credentials are looked at again, and a silent stream says that it is there."""
_READ_AT_ONCE = 500

Position = tuple[int, int]
"""(attempt, sequence) of a piece of output."""
BEGINNING: Position = (0, -1)


def stream_events(request: Request, run_id: uuid.UUID) -> Response:
    """`state` and `progress` as they change, then `end`. The caller sees the run: that was asked before."""
    return _stream(request, run_id, _Changes(request.headers.get("last-event-id", "")).events)


def stream_output(
    request: Request,
    run_id: uuid.UUID,
    *,
    after: Position = BEGINNING,
    shown: Callable[[str], str] = str,
) -> Response:
    """`output` for each piece of it, through `shown`, then `end`. As above."""
    after = position_of(request.headers.get("last-event-id", "")) or after
    web: Web = request.app.state.web
    output = _Output(web, run_id, after, shown)
    return _stream(request, run_id, output.events)


def position_of(text: str) -> Position | None:
    """Of `1-12`; None for what is none."""
    attempt, _, sequence = text.partition("-")
    if not (_is_number(attempt) and _is_number(sequence)):
        return None
    return int(attempt), int(sequence)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


Events = Callable[[Listener], AsyncIterator[bytes]]


def _stream(request: Request, run_id: uuid.UUID, events: Events) -> Response:
    watch: RunWatch = request.app.state.run_watch
    subject = known_caller(request).subject
    if watch.is_full(subject):
        return problem(429, "You have too many streams open.", headers={"Retry-After": "5"})

    async def body() -> AsyncIterator[bytes]:
        with watch.listening(run_id, subject) as listener:
            async for event in _while_known(request, listener, events):
                yield event

    # Proxies are told to pass on each event as it comes.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(body(), media_type="text/event-stream", headers=headers)


async def _while_known(
    request: Request, listener: Listener, events: Events
) -> AsyncIterator[bytes]:
    checked_at = time.monotonic()
    while True:
        if await listener.news(_CHECK_SECONDS):
            async for event in events(listener):
                yield event
            if _is_over(listener.glimpse):
                yield _event("end", {"state": _state_of(listener.glimpse)})
                return
        else:
            yield b": still here\n\n"
        if time.monotonic() - checked_at >= _CHECK_SECONDS:
            if not await run_sync(_is_known, request):
                return
            checked_at = time.monotonic()


def _is_known(request: Request) -> bool:
    try:
        return identify(request, Form()) == known_caller(request)
    except AccessDenied:
        return False
    except DatabaseUnavailable:
        return True  # nothing is read while it is away


def _is_over(glimpse: RunGlimpse | None) -> bool:
    return glimpse is None or RunState(glimpse.state).is_final


def _state_of(glimpse: RunGlimpse | None) -> str | None:
    return None if glimpse is None else glimpse.state


class _Changes:
    """State and progress of a run, each told when it is another than the last one told."""

    def __init__(self, last_event_id: str) -> None:
        state, _, progress = last_event_id.partition(".")
        self._told = [state, progress]

    async def events(self, listener: Listener) -> AsyncIterator[bytes]:
        """What is news in what was seen."""
        glimpse = listener.glimpse
        if glimpse is None:
            return
        parts = (("state", _state(glimpse)), ("progress", glimpse.progress))
        for index, (name, data) in enumerate(parts):
            mark = "" if data is None else hashlib.sha256(_json(data)).hexdigest()[:16]
            if mark != self._told[index]:
                self._told[index] = mark
                yield _event(name, data, event_id=".".join(self._told))


def _state(glimpse: RunGlimpse) -> dict[str, object]:
    return {
        "state": glimpse.state,
        "held": glimpse.held,
        "attempt": glimpse.attempt,
        "started_at": iso(glimpse.started_at),
        "finished_at": iso(glimpse.finished_at),
        "is_cancelled": glimpse.is_cancelled,
        "error": glimpse.error,
    }


class _Output:
    """The pieces of a run's output, each told once."""

    def __init__(
        self, web: Web, run_id: uuid.UUID, after: Position, shown: Callable[[str], str]
    ) -> None:
        self._web = web
        self._run_id = run_id
        self._begins_after = after
        self._after = after
        self._shown = shown
        self._hashes: dict[Position, int] = {}

    async def events(self, listener: Listener) -> AsyncIterator[bytes]:
        """What is new. At the end from the beginning: how much was cut is told where the gap is."""
        is_over = _is_over(listener.glimpse)
        after = self._begins_after if is_over else self._after
        while pieces := await run_sync(self._read, after):
            for piece in pieces:
                after = (piece.attempt, piece.sequence)
                if self._hashes.get(after) != hash(piece.text):
                    self._hashes[after] = hash(piece.text)
                    yield self._event(piece)
        self._after = max(self._after, after)

    def _read(self, after: Position) -> Sequence[StoredPiece]:
        with transaction(self._web.engine) as connection:
            return read_pieces(connection, self._run_id, after=after, limit=_READ_AT_ONCE)

    def _event(self, piece: StoredPiece) -> bytes:
        data = {
            "attempt": piece.attempt,
            "sequence": piece.sequence,
            "written_at": iso(piece.written_at),
            "text": self._shown(piece.text),
        }
        return _event("output", data, event_id=f"{piece.attempt}-{piece.sequence}")


def _event(name: str, data: object, *, event_id: str | None = None) -> bytes:
    lines = [f"event: {name}".encode(), b"data: " + _json(data)]
    if event_id is not None:
        lines.insert(0, f"id: {event_id}".encode())
    return b"\n".join(lines) + b"\n\n"


def _json(data: object) -> bytes:
    """On one line, whatever is in it."""
    return json.dumps(data, sort_keys=True).encode()
