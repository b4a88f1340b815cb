"""What several replicas start with at the same moment, one after the other."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections

_TRY_AGAIN_SECONDS = 0.2


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Until the end of the block nobody else who names the same name is in it, on whatever machine.

    An advisory lock of PostgreSQL, on a connection of its own: it is gone with the process that has it.
    """
    connection = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with connection.cursor() as cursor:
            # Tried, not waited for: CREATE INDEX CONCURRENTLY in a migration waits for all that others
            # are doing, and one that waits for the lock would be doing something.
            while True:
                cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
                if cursor.fetchone() == (True,):
                    break
                time.sleep(_TRY_AGAIN_SECONDS)
        yield
    finally:
        connection.close()
