"""`Idempotency-Key`: a request that is sent again is done once, and answered the same.

The key belongs to its subject, for a day. The answer is kept in the transaction of the act: neither
is there without the other. A refusal is not kept, since nothing was done.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from jobrunner.access.caller import Caller
from jobrunner.db.answers import Answer, claim_key, keep_answer
from jobrunner.db.engine import transaction
from jobrunner.errors import UsageError
from jobrunner.web.context import Web
from jobrunner.web.security import known_caller

_KEY = re.compile(r"[!-~]{1,200}")
_KEPT_HEADERS = ("content-type", "location", "etag")


@dataclass(frozen=True, slots=True)
class Once:
    """The request at hand, for a route that makes something."""

    request: Request
    body: bytes = field(repr=False)

    def answer(self, act: Callable[[Connection], Response]) -> Response:
        """The act's answer, in one transaction with the act; or what the same request was answered.

        Raises UsageError for a key that another request has, or that is none. What the act raises
        undoes it.
        """
        web: Web = self.request.app.state.web
        key = self.request.headers.get("idempotency-key")
        if key is not None and not _KEY.fullmatch(key):
            raise UsageError(
                "The Idempotency-Key cannot be used.",
                hint="Send 1 to 200 visible ASCII characters, such as a UUID.",
            )
        with transaction(web.engine) as connection:
            if key is None:
                return act(connection)
            return self._repeat_or_do(connection, key, act)

    def _repeat_or_do(
        self, connection: Connection, key: str, act: Callable[[Connection], Response]
    ) -> Response:
        caller = known_caller(self.request)
        request_hash = self._hash(caller)
        earlier = claim_key(connection, caller.subject, key, request_hash)
        if earlier is None:
            given = act(connection)
            keep_answer(connection, caller.subject, key, _kept(given, request_hash))
            return given
        if earlier.request_hash != request_hash:
            raise UsageError(
                f"The Idempotency-Key {key!r} was used for another request.",
                hint="Use a new key for a new request.",
            )
        return Response(earlier.body, earlier.status, dict(earlier.headers))

    def _hash(self, caller: Caller) -> bytes:
        """Of all that the answer depends on, the caller's rights among it."""
        url = self.request.url
        rights = [caller.role, sorted(caller.namespaces or ()), caller.own_runs_only]
        head = [self.request.method, url.path, url.query, rights]
        return hashlib.sha256(json.dumps(head).encode() + b"\n" + self.body).digest()


def _kept(answer: Response, request_hash: bytes) -> Answer:
    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    return Answer(request_hash, answer.status_code, headers, bytes(answer.body).decode())


async def _once(request: Request) -> Once:
    return Once(request, await request.body())


HasOnce = Annotated[Once, Depends(_once)]
"""The type of a route's argument that takes it; the route asks for an Operator or more, too."""
