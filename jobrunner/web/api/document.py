"""The OpenAPI document: every route of the API, with what each of them may answer."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from jobrunner.web.security import PUBLIC

_DESCRIPTION = """\
Jobs, their runs, and the state of the whole. Times are ISO 8601 with an offset, durations are in
seconds where a name says so. Lists are read page by page: `next_cursor` of one is `cursor` of the next.

What exists only for others answers 404, as what does not exist. An error is a problem of RFC 9457:
`title` says what is wrong, `detail` what to do next. A `GET` that is asked again and again takes
`If-None-Match` with the `ETag` of its last answer. A `POST` takes an `Idempotency-Key`: sent again
within a day, it is done once and answered the same.
"""
_PROBLEM = {
    "description": "What is wrong, and what to do next.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "RFC 9457.",
    "type": "object",
    "required": ["status", "title"],
    "properties": {
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "description": "Of a request that cannot be read: where, and why. Of a definition, `at` is a "
            "JSON pointer, and `code` and `help` are those of the same mistake in a file.",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    name: {"type": "string"} for name in ("at", "problem", "code", "help")
                },
            },
        },
    },
}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token (`jobrunner token create`), or a JWT of a host that is configured.",
}
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")
"""The shape that it gives to errors, which is not ours."""

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json", dependencies=[PUBLIC])
def openapi(request: Request) -> JSONResponse:
    """The document, below the path under which this app is reached."""
    prefix = request.scope.get("root_path", "")
    servers = {"servers": [{"url": prefix}]} if prefix else {}
    return JSONResponse({**document_of(request.app), **servers})


def document_of(app: FastAPI) -> dict[str, Any]:
    """The same for every request; made once for an app."""
    if app.openapi_schema is None:
        app.openapi_schema = _make(app)
    return app.openapi_schema


def _make(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title="jobrunner", version="1", description=_DESCRIPTION, routes=app.routes)
    paths = {path: item for path, item in made["paths"].items() if path.startswith("/api/v1/")}
    schemas = made["components"]["schemas"]
    kept = {name: schema for name, schema in schemas.items() if name not in _OF_FASTAPI}
    return {
        **made,
        "paths": {path: _with_problems(item) for path, item in paths.items()},
        "components": {
            "schemas": {**kept, "Problem": _PROBLEM_SCHEMA},
            "securitySchemes": {"bearer": _BEARER},
        },
        "security": [{"bearer": []}],
    }


def _with_problems(item: Mapping[str, Any]) -> dict[str, Any]:
    return {method: _answered(operation) for method, operation in item.items()}


def _answered(operation: Mapping[str, Any]) -> dict[str, Any]:
    answers = {
        status: answer for status, answer in operation["responses"].items() if status != "422"
    }
    # The name of its function, which is what a client that is made from this calls it.
    name = operation["operationId"].partition("_api_v1_")[0]
    return {**operation, "operationId": name, "responses": {**answers, "default": _PROBLEM}}
