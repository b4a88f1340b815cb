"""NOTIFY and LISTEN: the accelerator. Polling is the guarantee, so a lost one costs at most a second."""

import select
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, text

CHANNEL = "jobrunner"


def notify(connection: Connection) -> None:
    """Wake every beat when the caller's transaction commits; nothing is sent when it does not."""
    connection.execute(text(f"NOTIFY {CHANNEL}"))


class Listener:
    """A connection of its own that hears `notify`. Context manager; DatabaseUnavailable as any connection."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.raw_connection()
        # Never returned to the pool: a pooled connection that listens would surprise its next user.
        self._connection.detach()
        driver = self._connection.driver_connection
        assert driver is not None  # noqa: S101  a fresh connection has one
        self._driver = driver
        self._driver.set_session(autocommit=True)
        with self._driver.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")

    def wait(self, timeout_seconds: float) -> bool:
        """Sleep until somebody notifies; False when the time ran out. Raises OperationalError when cut off."""
        ready, _, _ = select.select([self._driver], [], [], max(timeout_seconds, 0.0))
        if not ready:
            return False
        self._driver.poll()
        self._driver.notifies.clear()
        return True

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
