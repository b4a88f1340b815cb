"""Whom a token was good for a moment ago: who asks often is looked up once a second.

So a token that was revoked, or has expired, is good for a second at most. Nothing is kept of one that
was refused.
"""

import threading
import time
from collections.abc import Callable

from jobrunner.access.caller import Caller
from jobrunner.access.tokens import TokenText
from jobrunner.db.tokens import Refusal

KEPT_SECONDS = 1.0
"""From the beginning of the look-up on."""
_TOKENS_MAX = 10_000


class KnownTokens:
    """Callers by the hash of their secret. One for the process; safe in threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._known: dict[tuple[str, bytes], tuple[Caller, float]] = {}

    def holder_of(
        self, token: TokenText, look_up: Callable[[TokenText], Caller | Refusal]
    ) -> Caller | Refusal:
        """What `look_up` says, or has said less than KEPT_SECONDS ago."""
        key, now = (token.id, token.secret_hash), self._now()
        with self._lock:
            known, until = self._known.get(key, (None, now))
        if known is not None and now < until:
            return known
        found = look_up(token)
        if isinstance(found, Caller):
            self._keep(key, found, now + KEPT_SECONDS)
        return found

    def _keep(self, key: tuple[str, bytes], caller: Caller, until: float) -> None:
        with self._lock:
            if len(self._known) >= _TOKENS_MAX:
                self._known.clear()
            self._known[key] = (caller, until)
