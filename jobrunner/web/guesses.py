"""Wrong credentials are counted by address: after ten in a minute no more are looked at."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from starlette.exceptions import HTTPException

FAILURES_MAX = 10
WITHIN_SECONDS = 60.0
_ADDRESSES_MAX = 10_000


class Guesses:
    """The failures of the last minute, by address. One for the process; safe in threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raise HTTPException 429 for an address that has guessed wrong too often."""
        with self._lock:
            failed = self._failed.get(address)
            wait = 0.0 if failed is None else failed[0] + WITHIN_SECONDS - self._now()
            if failed is None or len(failed) < FAILURES_MAX or wait <= 0:
                return
        raise HTTPException(
            429,
            "Too many wrong credentials have come from this address.",
            headers={"Retry-After": str(int(wait) + 1)},
        )

    def failed(self, address: str) -> None:
        """One more; the addresses heard of longest ago are forgotten."""
        with self._lock:
            of_address = self._failed.setdefault(address, deque(maxlen=FAILURES_MAX))
            of_address.append(self._now())
            self._failed.move_to_end(address)
            if len(self._failed) > _ADDRESSES_MAX:
                self._failed.popitem(last=False)
