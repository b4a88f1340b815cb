"""Statements that are planned once for each connection, and what happens where that is not possible."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from jobrunner.db.prepared import PreparedStatement

DOUBLE = PreparedStatement("SELECT CAST(:number AS int) * 2, :word || '!'")
VALUES = {"number": 21, "word": "it's"}


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """One that commits each statement by itself."""
    with engine.connect() as opened:
        yield opened.execution_options(isolation_level="AUTOCOMMIT")
        opened.invalidate()


def prepared(connection: Connection) -> list[str]:
    """Names of what the server has prepared on this connection."""
    found = connection.execute(text("SELECT name FROM pg_prepared_statements WHERE from_sql"))
    return list(found.scalars())


def test_it_is_prepared_at_its_first_use_and_only_then(connection: Connection) -> None:
    assert DOUBLE.first(connection, VALUES) == (42, "it's!")
    once = prepared(connection)
    assert DOUBLE.first(connection, {"number": 4, "word": ""}) == (8, "!")
    assert (len(once), prepared(connection)) == (1, once)


def test_it_is_planned_anew_now_and_then(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.db.prepared.PLAN_AGAIN_SECONDS", 0.0)
    times = text("SELECT min(prepare_time) FROM pg_prepared_statements WHERE from_sql")
    DOUBLE.first(connection, VALUES)
    first = connection.execute(times).scalar_one()
    assert DOUBLE.first(connection, VALUES) == (42, "it's!")
    assert connection.execute(times).scalar_one() > first


def test_a_result_without_rows_is_none(connection: Connection) -> None:
    assert PreparedStatement("SELECT 1 WHERE :number = 2").first(connection, {"number": 1}) is None


def test_within_a_transaction_it_goes_as_it_is(engine: Engine) -> None:
    with engine.begin() as connection:
        assert DOUBLE.first(connection, VALUES) == (42, "it's!")
        assert prepared(connection) == []


def test_behind_a_pooler_what_is_gone_goes_as_it_is_from_then_on(connection: Connection) -> None:
    DOUBLE.first(connection, VALUES)
    connection.execute(text("DEALLOCATE ALL"))
    assert DOUBLE.first(connection, VALUES) == (42, "it's!")
    assert DOUBLE.first(connection, VALUES) == (42, "it's!")
    assert prepared(connection) == []


def test_behind_a_pooler_what_is_there_already_goes_as_it_is(connection: Connection) -> None:
    DOUBLE.first(connection, VALUES)
    connection.connection.info.clear()  # another client has this server connection now
    assert DOUBLE.first(connection, VALUES) == (42, "it's!")


def test_any_other_refusal_is_raised_as_sqlalchemy_would(connection: Connection) -> None:
    with pytest.raises(DBAPIError, match="division by zero"):
        PreparedStatement("SELECT 1 / CAST(:number AS int)").first(connection, {"number": 0})


def test_a_lost_connection_is_told_as_one(connection: Connection) -> None:
    DOUBLE.first(connection, VALUES)
    with pytest.raises(DBAPIError) as lost:
        PreparedStatement("SELECT pg_terminate_backend(pg_backend_pid()), :word").first(
            connection, {"word": ""}
        )
    assert lost.value.connection_invalidated
