"""Signal handlers that a test may lose."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_signals(*numbers: signal.Signals) -> Iterator[None]:
    """At the end of the block they are handled as before it."""
    handlers = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
