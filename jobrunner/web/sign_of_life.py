"""The pages' process among those at work: its event loop tells a thread, which tells the database."""

from contextlib import suppress

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobrunner.db.engine import transaction
from jobrunner.db.processes import Process, sign_in, sign_out
from jobrunner.errors import DatabaseUnavailable
from jobrunner.woken_thread import WokenThread


class SignOfLife:
    """`turned` every few seconds, `stop` once. A loop that hangs gives none, as a dead process does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._process: Process | None = None
        self._thread = WokenThread("sign of life", self._sign_in)

    async def turned(self) -> None:
        """On the event loop, which does not wait for the database."""
        self._thread.wake()

    def stop(self) -> None:
        """An orderly end."""
        self._thread.close()
        if self._process is not None:
            with suppress(DatabaseUnavailable, DBAPIError), transaction(self._engine) as connection:
                sign_out(connection, self._process)

    def _sign_in(self) -> None:
        if self._thread.is_over:
            return
        with suppress(DatabaseUnavailable, DBAPIError), transaction(self._engine) as connection:
            self._process = sign_in(connection, "web", earlier=self._process)
