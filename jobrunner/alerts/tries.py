"""How long a message that could not be sent waits for its next try, and its receiver for the next message."""

from datetime import timedelta

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(hours=24)
"""Of age: by then somebody has seen it elsewhere, or nobody looks."""


def next_try_in(tries: int, age: timedelta) -> timedelta | None:
    """After that many tries of a message that is so old: 10 s, 20 s, … 1 h; None: it is given up."""
    delay = _doubled(FIRST_DELAY, tries - 1, LONGEST_DELAY)
    return None if age + delay > GIVEN_UP_AFTER else delay


FIRST_REST = timedelta(seconds=1)
LONGEST_REST = timedelta(minutes=1)
"""Of a receiver that is out of reach: so soon it hears of everything once it is back."""


def rest_after(failures: int) -> timedelta:
    """After that many messages in a row that a receiver has not taken: 1 s, 2 s, … 1 min.

    The first may be the message's own fault, and the next one is not to wait long for it.
    """
    return _doubled(FIRST_REST, failures - 1, LONGEST_REST)


def _doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    doubled: timedelta = first * 2 ** min(times, 16)
    return min(doubled, longest)
