"""One run: why it started, what became of each attempt, what it wrote, and what to do about it."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from jobrunner.db.engine import transaction
from jobrunner.db.run_logs import CLEAN_UP_ATTEMPT, StoredPiece, read_pieces
from jobrunner.db.runs import RunDetail
from jobrunner.run import RunState
from jobrunner.spec.secrets import hidden, shown
from jobrunner.web import acts
from jobrunner.web.charts.timeline import TimedAttempt, timeline
from jobrunner.web.context import HasWeb
from jobrunner.web.events import BEGINNING, position_of, stream_output
from jobrunner.web.forms import HasForm
from jobrunner.web.pages.rendering import page, see_other, zone_of
from jobrunner.web.security import Operator, Reader
from jobrunner.web.visible import visible_run
from jobrunner.wording.foreign_text import plain_output

_OUTPUT_SHOWN = 64 * 1024
"""Of an attempt, the last characters stand on the page; all of it is one step away."""
_LINE_CHARACTERS = 60

router = APIRouter(include_in_schema=False)


@router.get("/runs/{run_id}")
def run(
    request: Request, web: HasWeb, caller: Reader, run_id: uuid.UUID, said: str = ""
) -> Response:
    """The run as it stands; while it goes on, its state and its output come by themselves."""
    with transaction(web.engine) as connection:
        detail = visible_run(connection, caller, run_id)
        pieces = read_pieces(connection, run_id)
    return page(
        request,
        caller,
        "run.html",
        run=detail.run,
        detail=detail,
        namespace=detail.run.address.partition("/")[0],
        is_over=RunState(detail.run.state).is_final,
        why=_why(detail),
        timeline=_timeline(detail, web.now(), zone_of(request)),
        phases=_phases(detail.progress),
        arguments=_arguments(detail),
        result=None if detail.result is None else _json(shown(detail.result)),
        trace_id=_trace_id(detail.traceparent),
        outputs=_outputs(pieces),
        shown_up_to=f"{pieces[-1].attempt}-{pieces[-1].sequence}" if pieces else "",
        once=uuid.uuid4(),
        said=said,
    )


def _why(detail: RunDetail) -> str:
    run = detail.run
    match run.trigger:
        case "schedule":
            return f"Its schedule “{run.schedule}” was due."
        case "catch_up":
            return f"Its schedule “{run.schedule}” was due while nothing started runs; it was caught up."
        case "backfill":
            return f"{run.created_by} had a span of “{run.schedule}” run again."
        case _:
            return f"{run.created_by} started it."


def _timeline(detail: RunDetail, now: datetime, zone: tzinfo) -> Markup:
    return timeline(
        waited_from=max(detail.run.scheduled_for, detail.run.created_at),
        attempts=[
            TimedAttempt(each.number, each.state, each.started_at, each.finished_at)
            for each in detail.attempts
        ],
        now=now,
        zone=zone,
    )


@dataclass(frozen=True, slots=True)
class Phase:
    """A named part of the newest attempt."""

    name: str
    depth: int
    took: timedelta | None
    """None: it goes on, or never ended."""
    error: str | None


def _phases(progress: Mapping[str, Any] | None) -> Sequence[Phase]:
    if progress is None:
        return ()
    return [
        Phase(each["name"], each["depth"], _lasted(each), each["error"])
        for each in progress["phases"]
    ]


def _lasted(phase: Mapping[str, Any]) -> timedelta | None:
    if phase["ended_at"] is None:
        return None
    begun, ended = (datetime.fromisoformat(phase[key]) for key in ("started_at", "ended_at"))
    return ended - begun


def _arguments(detail: RunDetail) -> Sequence[tuple[str, str, bool]]:
    """(name, value as JSON, whether it was given at the trigger), as anybody may see them."""
    definition = detail.definition or {}
    schedules = definition.get("schedules") or ()
    schedule: Mapping[str, Any] = next(
        (each for each in schedules if each["name"] == detail.run.schedule), {}
    )
    usual = schedule.get("kwargs") or definition.get("kwargs") or {}
    given = detail.kwargs or {}
    masked = hidden(("kwargs",), {**usual, **given}, definition.get("sensitive") or ())
    rows = [(name, _json(value), name in given) for name, value in masked.items()]
    args = schedule.get("args") or definition.get("args")
    return [*([("(by position)", _json(shown(args)), False)] if args else []), *rows]


def _json(value: object) -> str:
    on_a_line = json.dumps(value, ensure_ascii=False)
    is_short = len(on_a_line) <= _LINE_CHARACTERS
    return on_a_line if is_short else json.dumps(value, ensure_ascii=False, indent=2)


def _trace_id(traceparent: str | None) -> str:
    """That of the W3C header; '' without one."""
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) == 4 else ""


@dataclass(frozen=True, slots=True)
class Output:
    """What one attempt has written."""

    attempt: int
    name: str
    text: str
    is_cut: bool
    """There is more before it."""


def _outputs(pieces: Sequence[StoredPiece]) -> Sequence[Output]:
    """By attempt, in order; of each the end."""
    return [
        _output(attempt, "".join(piece.text for piece in group))
        for attempt, group in groupby(pieces, key=lambda piece: piece.attempt)
    ]


def _output(attempt: int, written: str) -> Output:
    text = plain_output(written)
    name = f"Attempt {attempt}" if attempt <= CLEAN_UP_ATTEMPT else "Clean-up"
    if len(text) <= _OUTPUT_SHOWN:
        return Output(attempt, name, text, is_cut=False)
    return Output(attempt, name, text[-_OUTPUT_SHOWN:].partition("\n")[2], is_cut=True)


@router.get("/runs/{run_id}/output")
def output(web: HasWeb, caller: Reader, run_id: uuid.UUID) -> Response:
    """All that it wrote, as plain text."""
    with transaction(web.engine) as connection:
        visible_run(connection, caller, run_id)
        pieces = read_pieces(connection, run_id)
    text = "".join(plain_output(piece.text) for piece in pieces)
    return Response(text, media_type="text/plain; charset=utf-8")


@router.get("/runs/{run_id}/stream")
def stream(
    request: Request, web: HasWeb, caller: Reader, run_id: uuid.UUID, after: str = ""
) -> Response:
    """What it writes from there on, as it comes; `after` is the last piece that the page shows."""
    with transaction(web.engine) as connection:
        visible_run(connection, caller, run_id)
    return stream_output(request, run_id, after=position_of(after) or BEGINNING, shown=plain_output)


@router.post("/runs/{run_id}/cancel")
def cancel(request: Request, web: HasWeb, caller: Operator, run_id: uuid.UUID) -> Response:
    """A queued run never starts, a running one is told to end. Raises Conflict for one that is over."""
    with transaction(web.engine) as connection:
        state = acts.cancel(connection, caller, run_id)
    said = "cancelled" if state is RunState.CANCELLED else "told-to-end"
    return see_other(request, f"/runs/{run_id}", said=said)


@router.post("/runs/{run_id}/retry")
def retry(
    request: Request, web: HasWeb, caller: Operator, run_id: uuid.UUID, form: HasForm
) -> Response:
    """A new run with the same arguments; the same form sent twice makes one. Raises Conflict."""
    key = form.text("once")[:100]
    with transaction(web.engine) as connection:
        made = acts.retry(connection, caller, web.keyring, run_id, request_key=key or None)
    return see_other(request, f"/runs/{made.run_id}", said="retried")
