"""A request's target as a proxy is sent it, `GET http://host/path`, is the same as the path at that host.

Source: RFC 9112, section 3.2.2: a server has to take it, and its host counts whatever `Host` says.
"""

import re
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_ABSOLUTE = re.compile(rb"https?://([^/]*)(/.*)?", re.IGNORECASE | re.DOTALL)


class Targets:
    """ASGI middleware. From here on every target begins with its path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on by its path."""
        target = _ABSOLUTE.fullmatch(scope.get("raw_path") or b"")
        await self.app(_at(scope, *target.groups()) if target else scope, receive, send)


def _at(scope: Scope, host: bytes, path: bytes | None) -> Scope:
    raw_path = path or b"/"
    others = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {
        **scope,
        "raw_path": raw_path,
        "path": unquote(raw_path.decode("latin-1")),
        "headers": [(b"host", host), *others],
    }
