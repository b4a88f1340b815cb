"""A thread that sleeps until there is work: what it does keeps nothing waiting that cannot wait."""

import threading
from collections.abc import Callable

_CLOSES_WITHIN_SECONDS = 1.0


class WokenThread:
    """Calls `work` after each `wake`, however many there were meanwhile. `work` raises nothing, and
    begins nothing new once `is_over`.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self._wanted = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_over(self) -> bool:
        """Whether it was closed."""
        return self._over.is_set()

    def wake(self) -> None:
        """There is something to do. The first call starts the thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._repeat, name=self._name, daemon=True)
            self._thread.start()
        self._wanted.set()

    def rest(self, seconds: float) -> None:
        """Within `work`: so long, or until it is closed."""
        self._over.wait(seconds)

    def close(self) -> None:
        """What goes on may end; nothing new is begun."""
        self._over.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(_CLOSES_WITHIN_SECONDS)

    def _repeat(self) -> None:
        while not self.is_over:
            self._wanted.wait()
            self._wanted.clear()
            self._work()
