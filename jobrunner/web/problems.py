"""Errors as RFC 9457 problem details: what is wrong, and what to do next."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from jobrunner.errors import (
    AccessDenied,
    BrokerUnavailable,
    ConfigurationError,
    Conflict,
    DatabaseUnavailable,
    GuardRefused,
    JobrunnerError,
    LockNotObtained,
    NotFound,
    SchemaMismatch,
    StalePlan,
    UsageError,
)
from jobrunner.spec.json_definition import Mistake
from jobrunner.web.gate.response_headers import ALWAYS
from jobrunner.web.pages.rendering import is_for_person, problem_page
from jobrunner.web.pages.sign_in import leads_to_sign_in, to_sign_in

_STATUSES: tuple[tuple[type[JobrunnerError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (StalePlan, 412),
    (GuardRefused, 422),
    (LockNotObtained, 409),
    (ConfigurationError, 422),
    (UsageError, 422),
    (DatabaseUnavailable, 503),
    (BrokerUnavailable, 503),
    (SchemaMismatch, 503),
)
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}


class Problem(JSONResponse):
    """`application/problem+json`."""

    media_type = "application/problem+json"


def problem(
    status: int, title: str, *, hint: str = "", headers: dict[str, str] | None = None, **more: Any
) -> Problem:
    """An answer with `status`, `title`, and what to do next as `detail`."""
    body = {"status": status, "title": title, **({"detail": hint} if hint else {}), **more}
    return Problem(jsonable_encoder(body), status_code=status, headers=headers)


def add_handlers(app: FastAPI, *, has_pages: bool = True) -> None:
    """Every error of a route becomes a problem; what is none of ours is the server's to tell.

    A person who asks for a page is told on one, where there are any.
    """
    app.state.has_pages = has_pages
    app.add_exception_handler(JobrunnerError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_starlette)
    app.add_exception_handler(Exception, _of_nobody)


def status_of(error: JobrunnerError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, AccessDenied):
        return 403 if error.is_known else 401
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem_of(error: JobrunnerError) -> Problem:
    """The answer to a program."""
    status = status_of(error)
    found: dict[str, Any] = (
        {"errors": _mistakes(error)} if isinstance(error, ConfigurationError) else {}
    )
    return problem(status, error.message, hint=error.hint, headers=_HEADERS.get(status), **found)


def _mistakes(error: ConfigurationError) -> list[dict[str, str]]:
    """Of a definition that was sent; `at` is a JSON pointer within it."""
    return [
        {"at": each.pointer, "problem": each.message, "code": each.code, "help": each.help}
        for each in error.diagnostics
        if isinstance(each, Mistake)
    ]


def _of_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, JobrunnerError)  # noqa: S101  registered for them alone
    status = status_of(error)
    if status == 401 and request.app.state.has_pages and leads_to_sign_in(request):
        return to_sign_in(request)
    if _is_for_person(request):
        return problem_page(request, status_code=status, title=error.message, hint=error.hint)
    return problem_of(error)


def _is_for_person(request: Request) -> bool:
    return request.app.state.has_pages and is_for_person(request)


def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for them alone
    found = [
        {"at": "/".join(map(str, each["loc"])), "problem": each["msg"]} for each in error.errors()
    ]
    if _is_for_person(request):
        hint = f"{found[0]['at']}: {found[0]['problem']}"
        return problem_page(
            request, status_code=422, title="This address cannot be read.", hint=hint
        )
    return problem(422, "The request cannot be read.", errors=found)


def _of_starlette(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for them alone
    if _is_for_person(request) and error.status_code == 404:
        return problem_page(request, status_code=404, title="There is no such page.", hint="")
    return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))


def _of_nobody(request: Request, _: Exception) -> Response:
    """A mistake of the product: what it is stands in the log alone. Sent from outside all middleware."""
    title, hint = "Something is wrong here.", "The log of the server says what."
    if _is_for_person(request):
        answer: Response = problem_page(request, status_code=500, title=title, hint=hint)
    else:
        answer = problem(500, title, hint=hint)
    answer.headers.update({**ALWAYS, "Cache-Control": "no-store"})
    return answer
