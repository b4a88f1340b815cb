"""ETag: who has what is still true gets a 304, before an answer is made of what the database said."""

import hashlib
from collections.abc import Callable, Mapping

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response


def answer(
    request: Request,
    found: object,
    make: Callable[[], BaseModel],
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """What `make` gives as JSON, or 304 for who has it already.

    `found` is all that the answer is made of: plain frozen values, of which nothing depends on the
    moment. Two that are equal have one tag.
    """
    version = hashlib.blake2b(repr(found).encode(), digest_size=15).hexdigest()
    return _answer_version(request, version, make, headers=headers)


def answer_asked(
    request: Request, ask_version: Callable[[], str], make: Callable[[], BaseModel]
) -> Response:
    """The same, where one question tells two answers apart that is cheaper than what they are made of.

    From then on it is asked by itself when the caller asks for the same again: see `web.unchanged`.
    """
    request.state.ask_version = ask_version
    return _answer_version(request, ask_version(), make)


def _answer_version(
    request: Request,
    version: str,
    make: Callable[[], BaseModel],
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    told = {**headers_of(version), **(headers or {})}
    if has_newest(request, version):
        return Response(status_code=304, headers=told)
    return Response(make().model_dump_json(), media_type="application/json", headers=told)


def has_newest(request: Request, version: str) -> bool:
    """Whether the caller says that he has the answer of this version."""
    known = request.headers.get("if-none-match", "")
    return _tag(version) in (each.strip().removeprefix("W/") for each in known.split(","))


def headers_of(version: str) -> dict[str, str]:
    """What goes with an answer: kept by the caller alone, and never shown without asking."""
    return {"ETag": _tag(version), "Cache-Control": "private, no-cache"}


def _tag(version: str) -> str:
    return f'"{version}"'
