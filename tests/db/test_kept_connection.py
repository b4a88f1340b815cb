"""What the connection of a worker's child tries again, and what it does not."""

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from jobrunner.db.kept_connection import KeptConnection

DEEP = text("SELECT CAST(repeat('[', 100000) || repeat(']', 100000) AS jsonb)")


def test_what_is_nested_too_deeply_is_not_tried_again(engine: Engine) -> None:
    tries: list[bool] = []

    def store(connection: Connection) -> None:
        tries.append(True)
        connection.execute(DEEP)

    with pytest.raises(OperationalError, match="stack depth limit"):
        KeptConnection(engine).do(store, patience_seconds=5.0)
    assert tries == [True]
