"""The runs, newest first: what ran, what became of it, and what is done to several at once."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from jobrunner.access.caller import Caller
from jobrunner.db.engine import transaction
from jobrunner.db.job_filters import job_filters
from jobrunner.db.run_pages import ERRORS_READ, RunPosition, RunsWanted, page_of_runs
from jobrunner.db.runs import Run
from jobrunner.errors import JobrunnerError, UsageError
from jobrunner.run import TRIGGERS, RunState
from jobrunner.web import acts
from jobrunner.web.context import HasWeb, Web
from jobrunner.web.cursors import cursor_of, parts_of, unknown_cursor
from jobrunner.web.forms import Form, HasForm
from jobrunner.web.pages.rendering import local_path, page, zone_of
from jobrunner.web.pages.until import read_moment
from jobrunner.web.security import Operator, Reader

_RUNS_ON_PAGE = 50
_SPANS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}

router = APIRouter(include_in_schema=False)

# NUL is what no text of PostgreSQL holds.
Short = Annotated[str, Query(max_length=200, pattern="^[^\\x00]*$")]


@router.get("/runs")
def runs(
    request: Request,
    web: HasWeb,
    caller: Reader,
    *,
    text: Short = "",
    job: Short = "",
    state: RunState | Literal[""] = "",
    trigger: Literal["schedule", "catch_up", "manual", "backfill", ""] = "",
    queue: Short = "",
    last: Literal["hour", "day", "week", "month", ""] = "",
    since: Short = "",
    until: Short = "",
    after: Annotated[str, Query(max_length=1_000)] = "",
) -> Response:
    """A page of them. `job` is `namespace/job`, `namespace/job#schedule` or a namespace alone.

    `since` and `until` are in the reader's zone; with `since`, `last` says nothing more.
    """
    query = {
        "text": text.strip(),
        "job": job.strip(),
        "state": state,
        "trigger": trigger,
        "queue": queue,
        "last": last,
        "since": since.strip(),
        "until": until.strip(),
    }
    wanted = _wanted(query, web.now(), zone_of(request))
    position = _position(after) if after else None
    with transaction(web.engine) as connection:
        found = page_of_runs(connection, caller, wanted, after=position, limit=_RUNS_ON_PAGE + 1)
        filters = job_filters(connection, caller)
    shown = found[:_RUNS_ON_PAGE]
    return page(
        request,
        caller,
        "runs.html",
        runs=shown,
        next_cursor=_cursor_after(shown[-1]) if len(found) > len(shown) else "",
        query=query,
        is_all=not any(query.values()),
        is_first=not after,
        queues=filters.queues,
        states=[str(each) for each in RunState],
        triggers=TRIGGERS,
        spans=tuple(_SPANS),
        errors_read=ERRORS_READ,
    )


def _wanted(query: dict[str, str], now: datetime, zone: ZoneInfo) -> RunsWanted:
    of_job = "/" in query["job"]
    lately = now - _SPANS[query["last"]] if query["last"] else None
    return RunsWanted(
        job=query["job"] if of_job else None,
        namespace=None if of_job else query["job"] or None,
        queue=query["queue"] or None,
        states=(query["state"],) if query["state"] else (),
        triggers=(query["trigger"],) if query["trigger"] else (),
        since=read_moment(query["since"], zone=zone) or lately,
        until=read_moment(query["until"], zone=zone),
        error=query["text"] or None,
    )


def _position(cursor: str) -> RunPosition:
    at, run_id = parts_of(cursor, 2)
    try:
        moment, position = datetime.fromisoformat(at), uuid.UUID(run_id)
    except ValueError as error:
        raise unknown_cursor() from error
    if moment.tzinfo is None:
        raise unknown_cursor()
    return RunPosition(moment, position)


def _cursor_after(run: Run) -> str:
    return cursor_of(run.scheduled_for.isoformat(), str(run.id))


@router.post("/runs/several")
def several(request: Request, web: HasWeb, caller: Operator, form: HasForm) -> Response:
    """Cancel or retry the runs that are ticked: asked once, then done one by one.

    What is wrong with one of them keeps none of the others. Raises UsageError.
    """
    act, run_ids = _asked(form)
    shown: dict[str, Any] = {"act": act, "back": local_path(form.text("back"))}
    if not form.text("is_sure"):
        return page(request, caller, "runs_sure.html", run_ids=run_ids, once=uuid.uuid4(), **shown)
    do = _cancel if act == "cancel" else partial(_retry, web, form.text("once")[:100])
    done = [(run_id, *_what_came_of(web, caller, run_id, do)) for run_id in run_ids]
    return page(request, caller, "runs_done.html", done=done, **shown)


def _asked(form: Form) -> tuple[str, Sequence[uuid.UUID]]:
    act = form.text("act")
    if act not in {"cancel", "retry"}:
        raise UsageError("Neither cancel nor retry was asked for.", hint="Use the buttons.")
    try:
        run_ids = [uuid.UUID(each) for each in dict.fromkeys(form.texts("run"))]
    except ValueError as error:
        raise UsageError("What was ticked is no run.", hint="Load the page again.") from error
    if not 0 < len(run_ids) <= _RUNS_ON_PAGE:
        raise UsageError(
            f"More than {_RUNS_ON_PAGE} runs were sent." if run_ids else "No run was ticked.",
            hint="Go back, tick runs in the first column of the list, and choose again.",
        )
    return act, run_ids


Act = Callable[[Connection, Caller, uuid.UUID], str]


def _cancel(connection: Connection, caller: Caller, run_id: uuid.UUID) -> str:
    is_over = acts.cancel(connection, caller, run_id) is RunState.CANCELLED
    return "Cancelled; it never starts." if is_over else "It was told to end."


def _retry(web: Web, once: str, connection: Connection, caller: Caller, run_id: uuid.UUID) -> str:
    # The same form sent twice makes one new run of each.
    key = f"{once} {run_id}" if once else None
    made = acts.retry(connection, caller, web.keyring, run_id, request_key=key)
    return f"Run {str(made.run_id)[:8]} does it again."


def _what_came_of(web: Web, caller: Caller, run_id: uuid.UUID, do: Act) -> tuple[bool, str]:
    """Whether it was done, and what to say of it."""
    try:
        with transaction(web.engine) as connection:
            return True, do(connection, caller, run_id)
    except JobrunnerError as error:
        return False, error.message
