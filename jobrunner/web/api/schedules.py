"""Jobs with schedules that a program makes, changes and deletes, while everything runs."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from jobrunner.access.caller import Caller
from jobrunner.api_edits import carry_out
from jobrunner.db.api_schedules import StoredJob, page_of_api_jobs, stored_job
from jobrunner.db.engine import transaction
from jobrunner.reconcile import ApiEdit, Applied
from jobrunner.reconcile.api_owned import (
    change_edit,
    creation,
    deletion,
    replacement,
    switch,
)
from jobrunner.spec.models import NAME_PATTERN
from jobrunner.web.api.record import Cursor, JobInPath, Limit, NamespaceFilter, NamespaceInPath
from jobrunner.web.api.schedule_records import ApiJobPage, ApiJobRecord, api_job_record
from jobrunner.web.context import HasWeb
from jobrunner.web.cursors import cursor_of, parts_of
from jobrunner.web.etags import answer
from jobrunner.web.idempotency import HasOnce
from jobrunner.web.security import Administrator, Reader
from jobrunner.web.visible import check_sees_job

router = APIRouter(prefix="/schedules", tags=["schedules"])
_ONE = "/{namespace}/{name}"
_EXAMPLE: dict[str, Any] = {
    "task": "acme.crm.remind",
    "kwargs": {"customer": 42},
    "schedule": {"cron": "0 9 * * 1", "timezone": "Europe/Berlin"},
}

IfMatch = Annotated[
    str | None,
    Header(description="The `ETag` of the definition that is to be changed; 412 for another one."),
]


class NewJob(BaseModel):
    """A job: `namespace`, `name`, and the keys that a job has in a job file."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        json_schema_extra={"examples": [{"namespace": "crm", "name": "reminder-42", **_EXAMPLE}]},
    )

    namespace: str = Field(pattern=NAME_PATTERN)
    name: str = Field(pattern=NAME_PATTERN)


@router.get("", summary="The jobs that the API owns", response_model=ApiJobPage)
def list_schedules(
    request: Request,
    web: HasWeb,
    caller: Reader,
    *,
    namespace: NamespaceFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """By namespace and name. Those of files are among `/api/v1/jobs`."""
    after = None if cursor is None else parts_of(cursor, 1)[0]
    with transaction(web.engine) as connection:
        found = page_of_api_jobs(
            connection, caller, namespace=namespace, after=after, limit=limit + 1
        )
    return answer(request, found, lambda: _page(found, limit))


def _page(found: Sequence[StoredJob], limit: int) -> ApiJobPage:
    last = found[limit - 1] if len(found) > limit else None
    return ApiJobPage(
        items=tuple(map(api_job_record, found[:limit])),
        next_cursor=None if last is None else cursor_of(last.address),
    )


@router.post("", summary="Make a job with a schedule", status_code=201, response_model=ApiJobRecord)
def create_schedule(
    request: Request, web: HasWeb, caller: Administrator, once: HasOnce, body: NewJob
) -> Response:
    """The beats have it when this is answered. `Location` is the job, `ETag` is of its definition.

    409 for an address that exists. A deleted one returns with its history.
    """
    address = check_sees_job(caller, body.namespace, body.name)
    edit = creation(body.model_extra or {}, web.keyring)
    where = request.app.url_path_for("api_schedule", namespace=body.namespace, name=body.name)
    headers = {"Location": request.scope.get("root_path", "") + where}

    def act(connection: Connection) -> Response:
        applied = carry_out(
            connection, ApiEdit(address, edit), action="create", author=caller.subject
        )
        return _told(connection, address, applied, status_code=201, headers=headers)

    return once.answer(act)


@router.get(_ONE, name="api_schedule", summary="One of them", response_model=ApiJobRecord)
def get_schedule(
    web: HasWeb, caller: Reader, namespace: NamespaceInPath, name: JobInPath
) -> Response:
    """Also of files: it says which. `ETag` is of the definition alone, and not of what has become of it."""
    address = check_sees_job(caller, namespace, name)
    with transaction(web.engine) as connection:
        return _told(connection, address)


@router.put(_ONE, summary="Replace its definition", response_model=ApiJobRecord)
def replace_schedule(
    web: HasWeb,
    caller: Administrator,
    once: HasOnce,
    *,
    namespace: NamespaceInPath,
    name: JobInPath,
    body: Annotated[dict[str, Any], Body(examples=[_EXAMPLE])],
    if_match: IfMatch = None,
) -> Response:
    """By the keys that a job has in a job file; what is left out is what is built in."""
    address = check_sees_job(caller, namespace, name)
    wanted = ApiEdit(address, replacement(body, web.keyring), _digest(if_match))
    return once.answer(lambda connection: _changed(connection, caller, "replace", wanted))


@router.patch(_ONE, summary="Change some of its keys", response_model=ApiJobRecord)
def change_schedule(
    web: HasWeb,
    caller: Administrator,
    once: HasOnce,
    *,
    namespace: NamespaceInPath,
    name: JobInPath,
    body: Annotated[
        dict[str, Any],
        Body(examples=[{"schedule": {"cron": None, "every": "5m"}, "enabled": True}]),
    ],
    if_match: IfMatch = None,
) -> Response:
    """A merge patch (RFC 7396) over `definition`: mappings merge, null removes.

    409 for a job with sensitive arguments, unless nothing but `enabled` changes.
    """
    address = check_sees_job(caller, namespace, name)
    wanted = ApiEdit(address, change_edit(body, web.keyring), _digest(if_match))
    return once.answer(lambda connection: _changed(connection, caller, "change", wanted))


@router.delete(_ONE, summary="Delete it", status_code=204)
def delete_schedule(
    caller: Administrator,
    once: HasOnce,
    *,
    namespace: NamespaceInPath,
    name: JobInPath,
    allow_protected: Annotated[
        bool, Query(description="Also one that has `protect: true`.")
    ] = False,
    if_match: IfMatch = None,
) -> Response:
    """Its runs stay, and one that goes on goes on."""
    address = check_sees_job(caller, namespace, name)
    wanted = ApiEdit(address, deletion(allow_protected=allow_protected), _digest(if_match))

    def act(connection: Connection) -> Response:
        carry_out(connection, wanted, action="delete", author=caller.subject)
        return Response(status_code=204)

    return once.answer(act)


@router.post(f"{_ONE}/enable", summary="Switch it on", response_model=ApiJobRecord)
def enable_schedule(
    caller: Administrator,
    once: HasOnce,
    *,
    namespace: NamespaceInPath,
    name: JobInPath,
    if_match: IfMatch = None,
) -> Response:
    """Its times count from now: what passed while it was off is not made up for."""
    address = check_sees_job(caller, namespace, name)
    wanted = ApiEdit(address, switch(enabled=True), _digest(if_match))
    return once.answer(lambda connection: _changed(connection, caller, "enable", wanted))


@router.post(f"{_ONE}/disable", summary="Switch it off", response_model=ApiJobRecord)
def disable_schedule(
    caller: Administrator,
    once: HasOnce,
    *,
    namespace: NamespaceInPath,
    name: JobInPath,
    if_match: IfMatch = None,
) -> Response:
    """It starts nothing more; a run by hand is possible."""
    address = check_sees_job(caller, namespace, name)
    wanted = ApiEdit(address, switch(enabled=False), _digest(if_match))
    return once.answer(lambda connection: _changed(connection, caller, "disable", wanted))


def _digest(if_match: str | None) -> str | None:
    """Of whatever definition there is for `*`."""
    return None if if_match in {None, "*"} else str(if_match).strip().strip('"')


def _changed(connection: Connection, caller: Caller, action: str, wanted: ApiEdit) -> Response:
    applied = carry_out(connection, wanted, action=action, author=caller.subject)
    return _told(connection, wanted.address, applied)


def _told(
    connection: Connection,
    address: str,
    applied: Applied | None = None,
    *,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    job = stored_job(connection, address)
    record = api_job_record(job, () if applied is None else applied.plan.diagnostics)
    return Response(
        record.model_dump_json(),
        status_code=status_code,
        media_type="application/json",
        headers={"ETag": f'"{job.digest}"', **(headers or {})},
    )
