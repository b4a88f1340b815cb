"""How much a request may bring, and how long it may take to: nothing grows with what a stranger sends."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobrunner.web.problems import Problem, problem

HEADER_BYTES_MAX = 8 * 1024
HEADERS_MAX = 100
BODY_BYTES_MAX = 1024 * 1024
BODY_SECONDS_MAX = 20.0


class Sizes:
    """ASGI middleware. The body is read here, whole, so that a route never waits for one."""

    def __init__(self, app: ASGIApp, body_seconds_max: float = BODY_SECONDS_MAX) -> None:
        self.app = app
        self._body_seconds_max = body_seconds_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is small enough and comes soon enough."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _refusal_of_head(scope) or await self._read_in_time(receive)
        if isinstance(body, Problem):
            body.headers["Connection"] = "close"  # the rest of the body is not waited for
            await body(scope, receive, send)
            return
        await self.app(scope, _given_first(body, receive), send)

    async def _read_in_time(self, receive: Receive) -> bytes | Problem:
        try:
            async with asyncio.timeout(self._body_seconds_max):
                return await _read_body(receive)
        except TimeoutError:
            return problem(408, "The body of the request did not come in time.")


def _refusal_of_head(scope: Scope) -> Problem | None:
    headers = scope["headers"]
    head_bytes = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    head_bytes += sum(len(name) + len(value) + 4 for name, value in headers)
    if len(headers) > HEADERS_MAX or head_bytes > HEADER_BYTES_MAX:
        return problem(
            431,
            "The head of the request is too large.",
            hint=f"Send at most {HEADER_BYTES_MAX} bytes and {HEADERS_MAX} headers.",
        )
    names = {name for name, _ in headers}
    if {b"content-length", b"transfer-encoding"} <= names:
        # A proxy before us may have read the one, and then its next request begins elsewhere.
        return problem(400, "The request says in two ways how long it is.")
    announced = dict(headers).get(b"content-length", b"0")
    # What is no number was refused by the server already.
    return _too_large() if announced.isdigit() and int(announced) > BODY_BYTES_MAX else None


def _too_large() -> Problem:
    return problem(
        413,
        "The body of the request is too large.",
        hint=f"Send at most {BODY_BYTES_MAX} bytes.",
    )


async def _read_body(receive: Receive) -> bytes | Problem:
    """All of it; the refusal as soon as it is too large. Of a caller who has gone, as much as came."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            return _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _given_first(body: bytes, receive: Receive) -> Receive:
    """The body at once, then whatever comes: that the caller has gone."""
    given = False

    async def receive_next() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_next
