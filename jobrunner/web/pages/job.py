"""One job: when it is due in words, how it went, what it is, and what may be done to it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from jobrunner.access.caller import Caller
from jobrunner.coming import coming_times, words_of
from jobrunner.db.engine import transaction
from jobrunner.db.jobs import drifted_jobs
from jobrunner.db.overview import ListedSchedule, get_job, schedules_of
from jobrunner.db.pauses import pauses_in_force
from jobrunner.db.run_pages import RunsWanted, page_of_runs
from jobrunner.errors import JobrunnerError
from jobrunner.run import Start
from jobrunner.spec.durations import format_duration
from jobrunner.spec.in_words import (
    alert_in_words,
    arguments_in_words,
    overlap_in_words,
    retry_in_words,
)
from jobrunner.spec.models import JobSpec, ScheduleSpec, load_job
from jobrunner.web import acts
from jobrunner.web.context import HasWeb, Web
from jobrunner.web.forms import Form, HasForm
from jobrunner.web.pages.argument_form import argument_fields, read_arguments
from jobrunner.web.pages.job_chart import read_job_chart
from jobrunner.web.pages.rendering import page, see_other, zone_of
from jobrunner.web.pages.until import read_until
from jobrunner.web.problems import status_of
from jobrunner.web.security import Operator, Reader
from jobrunner.web.visible import check_sees_job

_NEXT_SHOWN = 5
_RUNS_SHOWN = 20
_NO_FORM = Form()

router = APIRouter(include_in_schema=False)


@router.get("/jobs/{namespace}/{name}")
def job(
    request: Request, web: HasWeb, caller: Reader, *, namespace: str, name: str, said: str = ""
) -> Response:
    """All of it; `said` is what was done a moment ago."""
    return _show(request, web, caller, check_sees_job(caller, namespace, name), said=said)


@router.post("/jobs/{namespace}/{name}/run")
def run_now(
    request: Request, web: HasWeb, caller: Operator, *, namespace: str, name: str, form: HasForm
) -> Response:
    """A run with the arguments of the form; the same form sent twice is one run."""
    address = check_sees_job(caller, namespace, name)
    try:
        with transaction(web.engine) as connection:
            definition = get_job(connection, address).definition
            wanted = acts.Trigger(
                kwargs=read_arguments(*_arguments_of(definition), form) or None,
                request_key=form.text("once") or None,
                force=form.text("force") == "true",
            )
            made = acts.trigger(
                connection, caller, web.keyring, namespace=namespace, name=name, wanted=wanted
            )
    except JobrunnerError as error:
        return _show(request, web, caller, address, refused=error, form=form)
    if made.start is Start.SKIP:
        return see_other(request, f"/jobs/{address}", said="skipped")
    return see_other(request, f"/runs/{made.run_id}", said="triggered")


@router.post("/jobs/{namespace}/{name}/pause")
def pause(
    request: Request, web: HasWeb, caller: Operator, *, namespace: str, name: str, form: HasForm
) -> Response:
    """Hold its schedules back, with a reason and an end."""
    address = check_sees_job(caller, namespace, name)
    now = web.now()
    try:
        until = read_until(form.text("until"), now=now, zone=zone_of(request))
        with transaction(web.engine) as connection:
            acts.pause(
                connection,
                caller,
                namespace=namespace,
                name=name,
                reason=form.text("reason").strip(),
                until=until,
                now=now,
            )
    except JobrunnerError as error:
        return _show(request, web, caller, address, refused=error, form=form)
    return see_other(request, f"/jobs/{address}", said="paused")


@router.post("/jobs/{namespace}/{name}/resume")
def resume(request: Request, web: HasWeb, caller: Operator, namespace: str, name: str) -> Response:
    """End the job's own pause."""
    address = check_sees_job(caller, namespace, name)
    try:
        with transaction(web.engine) as connection:
            acts.resume(connection, caller, namespace=namespace, name=name)
    except JobrunnerError as error:
        return _show(request, web, caller, address, refused=error)
    return see_other(request, f"/jobs/{address}", said="resumed")


@dataclass(frozen=True, slots=True)
class ShownSchedule:
    """A schedule of the job."""

    name: str
    words: str | None
    """When it is due; None: this version cannot read it."""
    instead: str
    """What it gives in place of its job; '' for nothing."""
    enabled: bool
    error: str | None
    total_run_count: int


def _show(
    request: Request,
    web: Web,
    caller: Caller,
    address: str,
    *,
    said: str = "",
    refused: JobrunnerError | None = None,
    form: Form = _NO_FORM,
) -> Response:
    """The page; with `refused` what was wrong of a form, which is filled in as it was."""
    with transaction(web.engine) as connection:
        listed = get_job(connection, address)
        schedules = schedules_of(connection, address)
        pauses = pauses_in_force(connection)
        runs = page_of_runs(connection, caller, RunsWanted(job=address), limit=_RUNS_SHOWN)
        chart = read_job_chart(connection, request, caller, address)
        drifted = address in drifted_jobs(connection, [address])
    spec = _readable(listed.definition)
    queues = (listed.queue,)
    return page(
        request,
        caller,
        "job.html",
        status_code=200 if refused is None else status_of(refused),
        job=listed,
        spec=spec,
        namespace=address.partition("/")[0],
        schedules=[_shown(address, one) for one in schedules],
        coming=coming_times(address, schedules, after=web.now(), count=_NEXT_SHOWN),
        pauses=[one for one in pauses if one.covers(address, queues=queues, tags=listed.tags)],
        runs=runs,
        job_chart=chart,
        usual=chart.usual,
        drifted=drifted,
        definition=[] if spec is None else definition_fields(spec),
        fields=argument_fields(*_arguments_of(listed.definition)),
        said=said,
        refused=refused,
        written=dict(form.fields),
        once=uuid.uuid4(),
    )


def _readable(definition: Any) -> JobSpec | None:
    try:
        return load_job(definition)
    except ValidationError:  # written by a newer version, or by hand
        return None


def _arguments_of(definition: Any) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The job's `kwargs`, and the names of those that are sensitive."""
    spec = _readable(definition)
    return ({}, ()) if spec is None else (spec.kwargs, spec.sensitive)


def _shown(address: str, schedule: ListedSchedule) -> ShownSchedule:
    try:
        spec = ScheduleSpec.model_validate(schedule.spec)
    except ValidationError:  # as above
        spec = None
    return ShownSchedule(
        name=schedule.name,
        words=words_of(address, schedule),
        instead="" if spec is None else _instead(spec),
        enabled=spec is None or spec.enabled,
        error=schedule.error,
        total_run_count=schedule.total_run_count,
    )


def _instead(spec: ScheduleSpec) -> str:
    arguments = arguments_in_words(spec.args or (), spec.kwargs or {})
    given = [
        f"arguments ({arguments})" if arguments else "",
        f"queue {spec.queue}" if spec.queue else "",
        "" if spec.priority is None else f"priority {spec.priority}",
        f"up to {format_duration(spec.jitter)} later" if spec.jitter else "",
        "" if spec.max_runs is None else f"at most {spec.max_runs:,} runs",
    ]
    return ", ".join(part for part in given if part)


def definition_fields(spec: JobSpec) -> list[tuple[str, str]]:
    """What is in force, as names and words."""
    priority = "" if spec.priority is None else f", priority {spec.priority}"
    fields = [
        ("Calls", spec.calls),
        ("Arguments", arguments_in_words(spec.args, spec.kwargs)),
        ("Queue", spec.queue + priority),
        ("Time limit", format_duration(spec.timeout)),
        (
            "Expires",
            "" if spec.expires is None else f"{format_duration(spec.expires)} after its time",
        ),
        ("Retry", retry_in_words(spec.retry)),
        ("Overlap", overlap_in_words(spec)),
        ("Catch-up", spec.catch_up.policy),
        ("Alerts", "; ".join(map(alert_in_words, spec.alerts))),
        ("Protected", "no apply deletes it" if spec.protect else ""),
    ]
    return [(name, words) for name, words in fields if words]
