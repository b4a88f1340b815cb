"""One connection that a process keeps for statements that are transactions of their own.

A worker's child claims and ends thousands of runs: without BEGIN, COMMIT and limits around each it
needs one round trip instead of four. When the connection is lost, the statement is tried again on
a new one, so what is done here must be harmless when it is done twice.
"""

import threading
import time
from collections.abc import Callable
from random import SystemRandom
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from jobrunner.db.engine import describe, sqlstate
from jobrunner.errors import DatabaseUnavailable, first_line

_LONGEST_BACKOFF_SECONDS = 2.0
_PROGRAM_LIMIT = "54"
"""SQLSTATE class 54, program limit exceeded (PostgreSQL, appendix A)."""

_CHANCE = SystemRandom()  # Python's shared one may have been seeded by whoever else is here

Answer = TypeVar("Answer")


class KeptConnection:
    """Opened by its first use. May be used by several threads, one after the other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def do(
        self, statement: Callable[[Connection], Answer], *, patience_seconds: float | None
    ) -> Answer:
        """Carry out `statement`, again after each failure of the database, not of the statement.

        Raises DatabaseUnavailable once `patience_seconds` are over; None has no end.
        """
        give_up_at = None if patience_seconds is None else time.monotonic() + patience_seconds
        backoff_seconds = 0.1
        with self._lock:
            while True:
                try:
                    return self._try(statement)
                except DBAPIError as error:
                    self._drop()
                    if not _is_temporary(error):
                        raise
                    if give_up_at is not None and time.monotonic() + backoff_seconds > give_up_at:
                        raise self._unavailable(error) from error
                time.sleep(backoff_seconds * _CHANCE.uniform(0.5, 1.0))
                backoff_seconds = min(backoff_seconds * 2, _LONGEST_BACKOFF_SECONDS)

    def forked(self) -> "KeptConnection":
        """For a process that was forked from the one this is of: the same, with a connection of its own.

        The one it has inherited it must neither use nor collect: that would hang up for the other.
        """
        self._engine.dispose(close=False)
        return KeptConnection(self._engine)

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._drop()
            self._engine.dispose()

    def _try(self, statement: Callable[[Connection], Answer]) -> Answer:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            )
        answer = statement(self._connection)
        if self._connection.in_transaction():  # one of SQLAlchemy's alone: the server has none
            self._connection.commit()
        return answer

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _unavailable(self, error: DBAPIError) -> DatabaseUnavailable:
        return DatabaseUnavailable(
            f"{describe(self._engine)} does not answer: {first_line(error)}",
            hint="Check that the server is up, then try again.",
        )


def _is_temporary(error: DBAPIError) -> bool:
    """Lost, refused, shut down, read-only, a lock or a time-out: another try may go through."""
    if sqlstate(error).startswith(_PROGRAM_LIMIT):
        return False  # nested too deeply, for example: the same statement fails again
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
