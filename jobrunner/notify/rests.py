"""Receivers that have not taken what came last: they are left alone for a while, longer each time."""

import time

from jobrunner.alerts.tries import rest_after
from jobrunner.db.notifications import Receiver


class Rests:
    """Kept in memory: a beat that starts finds out for itself who is out of reach."""

    def __init__(self) -> None:
        self._failures: dict[Receiver, int] = {}
        self._until: dict[Receiver, float] = {}

    def note_taken(self, receiver: Receiver) -> None:
        """It is there."""
        self._failures.pop(receiver, None)
        self._until.pop(receiver, None)

    def note_failed(self, receiver: Receiver) -> None:
        """It is out of reach, or does not want it."""
        self._failures[receiver] = self._failures.get(receiver, 0) + 1
        rest = rest_after(self._failures[receiver])
        self._until[receiver] = time.monotonic() + rest.total_seconds()

    def receivers(self) -> list[Receiver]:
        """Who is left alone now."""
        now = time.monotonic()
        return [receiver for receiver, until in self._until.items() if until > now]
