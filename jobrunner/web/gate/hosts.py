"""The name a request is for must be one of ours.

A page of others could let its own name point to this machine, and would then be of one origin with us
in its readers' browsers (DNS rebinding). An address is no name, so the one that the request has
arrived at is good, too: probes call it by that.
"""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from jobrunner.web.problems import problem

_OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class Hosts:
    """ASGI middleware; `names` are those of `web_hosts`."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self.app = app
        self._names = _OF_THIS_MACHINE | {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is for us."""
        if scope["type"] != "http" or self._is_ours(scope):
            await self.app(scope, receive, send)
            return
        answer = problem(
            421,
            "This server does not go by that name.",
            hint="Name the hosts it is reached by in JOBRUNNER_WEB_HOSTS.",
        )
        await answer(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        given = Headers(scope=scope).getlist("host")
        name = _name_in(given[0]) if len(given) == 1 else ""
        return name in self._names or _is_address_of(name, scope)


def _name_in(host: str) -> str:
    """Without the port; brackets belong to an IPv6 address."""
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        return name.lower() if not port or port.startswith(":") else ""
    return host.partition(":")[0].lower()


def _is_address_of(name: str, scope: Scope) -> bool:
    server = scope.get("server")
    try:
        return server is not None and ipaddress.ip_address(name) == ipaddress.ip_address(server[0])
    except ValueError:
        return False
