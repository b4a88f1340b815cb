"""Statements that a process sends thousands of times, planned once for each connection.

Planning a claim takes PostgreSQL longer than carrying it out. What stands here is prepared at its
first use on a connection, and executed past SQLAlchemy. Behind a pooler that gives each transaction
another server connection, such as PgBouncer, what was prepared may be gone or be there already; the
statement is sent as it is then, on this connection for good.

A plan fits the sizes that the tables had. Nothing tells the server that a table which was empty has
grown, until it is analyzed; so each statement is planned anew now and then.
"""

import re
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

_PARAMETER = re.compile(r"(?<!:):(\w+)")
_UNKNOWN_STATEMENT = "26000"
_KNOWN_STATEMENT = "42P05"
PLAN_AGAIN_SECONDS = 60.0


class PreparedStatement:
    """One statement with `:name` parameters whose types PostgreSQL finds by itself."""

    def __init__(self, statement: str) -> None:
        self._text = text(statement)
        self._parameters = tuple(dict.fromkeys(_PARAMETER.findall(statement)))
        # By its text: where connections are shared, one name never stands for two statements.
        self._name = f"jobrunner_{sha256(statement.encode()).hexdigest()[:16]}"
        numbers = {name: number for number, name in enumerate(self._parameters, start=1)}
        numbered = _PARAMETER.sub(lambda found: f"${numbers[found[1]]}", statement)
        self._prepare = f"PREPARE {self._name} AS {numbered}"
        self._forget = f"DEALLOCATE {self._name}"
        self._execute = f"EXECUTE {self._name}({', '.join(['%s'] * len(self._parameters))})"

    def first(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row of the result, if it has one.

        Only a connection in autocommit mode prepares: there a refusal undoes nothing.
        """
        known = connection.connection.info.setdefault("prepared", {})
        raw: Any = connection.connection.driver_connection
        if not raw.autocommit or known is None:
            return self._first_unprepared(connection, values)
        try:
            with raw.cursor() as cursor:
                self._plan(cursor, known)
                cursor.execute(self._execute, [values[name] for name in self._parameters])
                row: tuple[Any, ...] | None = cursor.fetchone()
                return row
        except psycopg2.Error as error:
            if error.pgcode in {_UNKNOWN_STATEMENT, _KNOWN_STATEMENT}:
                connection.connection.info["prepared"] = None
                return self._first_unprepared(connection, values)
            raise self._wrapped(connection, error) from error

    def _plan(self, cursor: Any, known: dict[str, float]) -> None:
        now = time.monotonic()
        planned_at = known.get(self._name)
        if planned_at is not None and now < planned_at + PLAN_AGAIN_SECONDS:
            return
        if planned_at is not None:
            cursor.execute(self._forget)
        cursor.execute(self._prepare)
        known[self._name] = now

    def _first_unprepared(
        self, connection: Connection, values: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        row = connection.execute(self._text, values).first()
        return None if row is None else tuple(row)

    def _wrapped(self, connection: Connection, error: psycopg2.Error) -> BaseException:
        """As SQLAlchemy would raise it."""
        dialect = connection.dialect
        return DBAPIError.instance(
            self._execute,
            None,
            error,
            psycopg2.Error,
            connection_invalidated=dialect.is_disconnect(cast("Any", error), None, None),
            dialect=dialect,
        )
