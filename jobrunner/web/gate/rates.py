"""How many requests are answered: so many a second for each address and for each credential.

A credential is told from another by a hash of what was sent, before anybody has asked whether it is
good: only its holder can use up its share. Guessing at others falls to the share of the address.
"""

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from starlette.types import ASGIApp, Receive, Scope, Send

from jobrunner.access.networks import caller_network
from jobrunner.web.problems import problem

BURST_SECONDS = 4.0
"""Who was quiet for so long may send at once what he could have sent meanwhile."""
_CALLERS_MAX = 20_000
_CREDENTIALS = frozenset({b"authorization", b"cookie"})


class Rates:
    """ASGI middleware; `per_second` 0 is no limit."""

    def __init__(
        self, app: ASGIApp, per_second: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.app = app
        self._shares = None if per_second == 0 else Shares(per_second, now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is within the shares of its caller."""
        shares = None if scope["type"] != "http" else self._shares
        wait_seconds = 0.0 if shares is None else max(map(shares.take, _callers(scope)))
        if wait_seconds == 0:
            await self.app(scope, receive, send)
            return
        answer = problem(
            429,
            "Too many requests have come from you.",
            headers={"Retry-After": str(math.ceil(wait_seconds))},
        )
        await answer(scope, receive, send)


class Shares:
    """What each caller may still send: a bucket that fills at a steady rate, up to the burst."""

    def __init__(self, per_second: float, now: Callable[[], float]) -> None:
        self._per_second = per_second
        self._now = now
        self._full_at: OrderedDict[bytes, float] = OrderedDict()
        """When the caller's bucket is full again. Who is not here has a full one."""

    def take(self, caller: bytes) -> float:
        """0 when the caller may; else the seconds until he may. What is refused costs nothing."""
        now = self._now()
        full_at = max(self._full_at.get(caller, now), now) + 1 / self._per_second
        wait_seconds = full_at - now - max(BURST_SECONDS, 1 / self._per_second)
        if wait_seconds > 1e-9:  # what floating point makes of nothing
            return wait_seconds
        self._full_at[caller] = full_at
        self._full_at.move_to_end(caller)
        if len(self._full_at) > _CALLERS_MAX:
            self._full_at.popitem(last=False)
        return 0.0


def _callers(scope: Scope) -> Iterator[bytes]:
    client = scope.get("client")
    yield caller_network("" if client is None else client[0]).encode()
    for name, value in scope["headers"]:
        if name in _CREDENTIALS:
            yield hashlib.sha256(value).digest()
