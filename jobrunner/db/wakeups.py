"""NOTIFY and LISTEN: the accelerator. Polling is the guarantee, so a lost one costs at most a second."""

import select
from typing import cast

import psycopg2
from psycopg2.extensions import connection as DriverConnection  # noqa: N812  it is a class
from sqlalchemy import Connection, Engine, text

from jobrunner.db.engine import describe
from jobrunner.errors import DatabaseUnavailable, first_line

CHANNEL = "jobrunner"


def notify(connection: Connection) -> None:
    """Wake every beat when the caller's transaction commits; nothing is sent when it does not."""
    connection.execute(text(f"NOTIFY {CHANNEL}"))


class Listener:
    """A connection of its own that hears `notify`. Raises DatabaseUnavailable when it is cut off."""

    def __init__(self, engine: Engine) -> None:
        self._place = describe(engine)
        try:
            self._connection = engine.raw_connection()
            # Never returned to the pool: one that listens would surprise its next user.
            self._connection.detach()
            self._driver = cast(DriverConnection, self._connection.dbapi_connection)
            self._driver.set_session(autocommit=True)
            with self._driver.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
        except psycopg2.OperationalError as error:
            raise self._cut_off(error) from error

    def wait(self, timeout_seconds: float) -> bool:
        """Sleep until somebody notifies; False when the time ran out."""
        ready, _, _ = select.select([self._driver], [], [], max(timeout_seconds, 0.0))
        if not ready:
            return False
        try:
            self._driver.poll()
        except psycopg2.OperationalError as error:
            raise self._cut_off(error) from error
        self._driver.notifies.clear()
        return True

    def _cut_off(self, error: psycopg2.OperationalError) -> DatabaseUnavailable:
        return DatabaseUnavailable(f"Cannot listen to {self._place}: {first_line(error)}")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
