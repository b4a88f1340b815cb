"""A PostgreSQL and a Valkey of one's own, to be emptied, killed and started again."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from kombu import Connection as BrokerConnection

from jobrunner.db.engine import make_engine
from jobrunner.db.migrate import upgrade
from jobrunner.embedded.children import Supervisor
from jobrunner.embedded.servers import RunningServers, start_servers
from tests.servers import open_folder, redis_client
from tests.waiting import wait_until

_ENDS_WITHIN_SECONDS = 30.0


class OwnServers:
    """Both of them; what they keep on disk stays when they are started again."""

    def __init__(self, running: RunningServers) -> None:
        self._running = running

    @property
    def supervisor(self) -> Supervisor:
        return self._running.supervisor

    @property
    def database_url(self) -> str:
        return self._running.database_url

    @property
    def broker_url(self) -> str:
        return self._running.broker_url

    def restart_postgres(self, number: signal.Signals) -> None:
        """SIGINT: its "fast" stop. SIGQUIT: "immediate", as a crash; it recovers from its log."""
        self._restart("postgres", number)
        wait_until(self._is_postgres_up, timeout_seconds=_ENDS_WITHIN_SECONDS)

    def empty_broker(self) -> None:
        with BrokerConnection(self.broker_url) as connection:
            redis_client(connection).flushall()

    def restart_broker(self) -> None:
        """It keeps nothing on disk."""
        self._restart("valkey", signal.SIGKILL)

    def _restart(self, name: str, number: signal.Signals) -> None:
        child = self.supervisor._children[name]
        os.kill(child.pid, number)
        assert child.wait(_ENDS_WITHIN_SECONDS) is not None, f"{name} does not end"
        self.supervisor.start(child.program)

    def _is_postgres_up(self) -> bool:
        try:
            psycopg2.connect(self.database_url).close()
        except psycopg2.OperationalError:
            return False
        return True


@contextmanager
def open_own_servers() -> Iterator[OwnServers]:
    """Started and migrated; all that their supervisor has started ends with the block."""
    with open_folder() as folder:
        running = start_servers(folder)
        try:
            engine = make_engine(running.database_url, application_name="chaos")
            upgrade(engine)
            engine.dispose()
            yield OwnServers(running)
        finally:
            running.stop()
