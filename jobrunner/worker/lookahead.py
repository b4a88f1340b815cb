"""One message more than a worker has children, for as long as its runs are short.

A child that has ended a run waits for its next message: the result is read, the broker is asked, the answer
is unpacked. Behind a run of a millisecond that wait is as long as the run. So the parent takes one message
ahead and hands it out as soon as a child is free.

A message that waits in one worker is out of reach of all others. Therefore nothing is taken ahead until a
row of runs has been short, and what no child has become free for goes back to the head of its queue after
`HELD_AT_MOST_SECONDS`; then the row begins anew.
"""

from collections.abc import Callable, Hashable
from typing import Any, Protocol

QUICK_SECONDS = 0.02
"""A run that ends within it is short: from the hand-out of its message to the acknowledgement."""
QUICK_RUNS = 16
"""So many in a row before anything is taken ahead."""
HELD_AT_MOST_SECONDS = 0.05


class Source(Protocol):
    """The broker and the pool, as the worker's parent has them."""

    @property
    def children(self) -> int:
        """How many runs can be in hand at once."""

    def hand_out(self, message: Any) -> None:
        """To a child that is free."""

    def give_back(self, message: Any) -> None:
        """To the head of its queue, for whoever is free."""

    def take_ahead(self, number: int) -> bool:
        """So many messages more than there are children; False where it cannot be changed now."""

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        """On the thread of the event loop, which everything here runs on."""


class Lookahead:
    """What the parent has in hand, and at most one message ahead of it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._source: Source | None = None
        self._in_hand: dict[Hashable, float] = {}
        """Since when, by the token of the claim. Set by `begun`, cleared by `ended`."""
        self._held: Any = None
        """The message that waits for a child. Set by `take`; cleared when it goes out or back."""
        self._held_since = 0.0
        self._is_ahead = False
        self._is_timed = False
        self._quick = 0

    def connect(self, source: Source) -> None:
        """A new connection. What was held came over the old one, and nobody waits for its word."""
        self._source, self._held, self._is_ahead, self._quick = source, None, False, 0

    def take(self, message: Any) -> None:
        """A message has come."""
        source = self._connected()
        if not self._is_ahead or self._held is not None or len(self._in_hand) < source.children:
            source.hand_out(message)
            return
        self._held, self._held_since = message, self._monotonic()
        if not self._is_timed:  # one timer for many messages: hardly any is held until it fires
            self._is_timed = True
            source.call_later(HELD_AT_MOST_SECONDS, self._look)

    def begun(self, token: Hashable) -> None:
        """A message has been handed out."""
        self._in_hand[token] = self._monotonic()

    def ended(self, token: Hashable) -> None:
        """It is done with, however it ended. A second word for one token is not counted."""
        since = self._in_hand.pop(token, None)
        if since is None or self._source is None:
            return
        self._quick = self._quick + 1 if self._monotonic() - since <= QUICK_SECONDS else 0
        if not self._is_ahead and self._quick >= QUICK_RUNS:
            self._is_ahead = self._source.take_ahead(1)
        elif self._is_ahead and not self._quick:
            self._is_ahead = not self._source.take_ahead(0)
        if self._held is not None and len(self._in_hand) < self._source.children:
            held, self._held = self._held, None
            self._source.hand_out(held)

    def close(self) -> None:
        """The worker is to end: what has not been handed out is for the others."""
        if self._source is not None:
            self._stop()
        self._source = None

    def _look(self) -> None:
        self._is_timed = False
        if self._held is None or self._source is None:
            return
        rest = self._held_since + HELD_AT_MOST_SECONDS - self._monotonic()
        if rest > 0:
            self._is_timed = True
            self._source.call_later(rest, self._look)
        else:
            self._stop()

    def _stop(self) -> None:
        source = self._connected()
        self._quick = 0
        if self._is_ahead:
            self._is_ahead = not source.take_ahead(0)
        if self._held is not None:
            held, self._held = self._held, None
            source.give_back(held)

    def _connected(self) -> Source:
        assert self._source is not None  # noqa: S101  messages come over a connection
        return self._source
