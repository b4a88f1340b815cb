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
    return answer_version(request, version, make, headers=headers)


def answer_version(
    request: Request,
    version: str,
    make: Callable[[], BaseModel],
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The same, where something tells two answers apart that is cheaper than what they are made of."""
    tag = f'"{version}"'
    # Kept by the caller alone, and never shown without asking.
    told = {"ETag": tag, "Cache-Control": "private, no-cache", **(headers or {})}
    known = request.headers.get("if-none-match", "")
    if tag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=304, headers=told)
    return Response(make().model_dump_json(), media_type="application/json", headers=told)
