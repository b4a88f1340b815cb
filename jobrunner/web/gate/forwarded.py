"""Whose word about the caller's address and scheme is taken: that of `web_proxies`, and of nobody else.

`X-Forwarded-For` grows to the right: each proxy adds whom it was called by. So the last one that is no
proxy of ours is the caller, and what stands before it anybody could have written.
"""

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from jobrunner.errors import UsageError

Network = IPv4Network | IPv6Network
_SCHEMES = frozenset({"http", "https"})


class Forwarded:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, proxies: Sequence[Network]) -> None:
        self.app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, as the caller sent it to the first proxy."""
        client = scope.get("client")
        if client is not None and self._is_proxy(client[0]):
            headers = Headers(scope=scope)
            said = ",".join(headers.getlist("x-forwarded-for"))
            hops = [_without_port(hop.strip()) for hop in said.split(",") if hop.strip()]
            caller = next((hop for hop in reversed(hops) if not self._is_proxy(hop)), client[0])
            scheme = headers.get("x-forwarded-proto", "").strip().lower()
            scope = {
                **scope,
                "client": (caller, 0),
                "scheme": scheme if scheme in _SCHEMES else scope["scheme"],
            }
        await self.app(scope, receive, send)

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # as it comes where IPv6 is listened on
        return any(address in network for network in self._proxies)


def _without_port(hop: str) -> str:
    """Some proxies write it behind the address; with it each connection would be another caller."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def networks_of(proxies: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks as they are written. Raises UsageError for what is neither."""
    return tuple(map(_network, proxies))


def _network(proxy: str) -> Network:
    try:
        return ipaddress.ip_network(proxy)
    except ValueError as error:
        raise UsageError(
            f"JOBRUNNER_WEB_PROXIES names '{proxy}', which is no address and no network.",
            hint="Write addresses such as 10.0.0.7 or 10.0.0.0/24, separated by commas.",
        ) from error
