"""The trace that a request belongs to: what it asks for continues it."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from jobrunner.tracing import continuing, readable_traceparent


class Traces:
    """Reads `traceparent`. A header that is none is passed over, as its standard has it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        given = Headers(scope=scope).get("traceparent") if scope["type"] == "http" else None
        with continuing(readable_traceparent(given)):
            await self._app(scope, receive, send)
