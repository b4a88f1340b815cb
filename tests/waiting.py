"""Wait for a state of the world that announces itself to nobody."""

import time
from collections.abc import Callable

_LOOK_AGAIN_SECONDS = 0.02


def wait_until(holds: Callable[[], object], *, timeout_seconds: float = 30.0) -> None:
    """Return once `holds()` is true; AssertionError when it is not in time."""
    deadline = time.monotonic() + timeout_seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so after {timeout_seconds} s"
        time.sleep(_LOOK_AGAIN_SECONDS)
