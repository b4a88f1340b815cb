"""Connections: how PostgreSQL is reached, how long it is waited for, and what a lost one becomes.

Time-outs are set by the first statement of each transaction, for that transaction.
They are no start-up parameters (`options=-c …`), because PgBouncer refuses those, and no session
settings, because PgBouncer in transaction mode would hand them to somebody else's transaction.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import cast

from sqlalchemy import URL, Connection, Engine, TextClause, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from jobrunner.errors import DatabaseBusy, DatabaseUnavailable, UsageError, first_line

CONNECT_TIMEOUT_SECONDS = 5
POOL_TIMEOUT_SECONDS = 5.0

LOCK_NOT_AVAILABLE = "55P03"
"""The SQLSTATE of a lock time-out."""
_READ_ONLY = "25006"
_DISCONNECTS = frozenset(
    {
        _READ_ONLY,  # a failover: this host is now a standby, the primary is elsewhere
        "25P03",  # idle in a transaction for too long: the server has hung up
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now
        "57P04",  # database_dropped
    }
)
_GIVEN_UP = frozenset(
    {
        LOCK_NOT_AVAILABLE,
        "57014",  # query_canceled: the statement time-out, or an administrator
        "40P01",  # deadlock_detected
    }
)
_NO_ROOM = frozenset(
    {
        "53100",  # disk_full
        "53200",  # out_of_memory
    }
)
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds; unanswered writes, which keepalives do not see
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a transaction may keep others waiting; 0 is no limit."""

    statement_timeout_seconds: float = 30.0
    lock_timeout_seconds: float = 2.0
    idle_timeout_seconds: float = 5.0
    """Between two statements of a transaction: frees the rows that a frozen process holds."""


def make_engine(
    url: str,
    *,
    application_name: str,
    limits: Limits = Limits(),
    pool_size: int = 5,
    look_before_use: bool = False,
    connect_timeout_seconds: int = CONNECT_TIMEOUT_SECONDS,
) -> Engine:
    """An engine for that database; nothing is connected yet. UsageError when the URL is none.

    The driver is psycopg2 whatever the URL says. All times read are aware and UTC. With
    `look_before_use` a pooled connection that is lost is replaced unseen, for a round trip each time.
    """
    engine = create_engine(
        _with_driver(url),
        connect_args={
            "application_name": application_name,
            "connect_timeout": connect_timeout_seconds,
            **_KEEPALIVES,
        },
        isolation_level="READ COMMITTED",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_use_lifo=True,
        pool_pre_ping=look_before_use,
        hide_parameters=True,  # see `_leave_out_values`
    )
    beginning = f"SELECT set_config('timezone', 'UTC', true), {_local_settings(limits)}"

    def set_limits_first(connection: Connection) -> None:
        # A statement that is its own transaction has no others to keep waiting between two.
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql(beginning)

    event.listen(engine, "begin", set_limits_first)
    event.listen(engine, "handle_error", _notice_disconnect)
    event.listen(engine, "handle_error", _leave_out_values)
    return engine


def process_engine(url: str) -> Engine:
    """The one that code of the user shares, which has no start and no end where to make its own.

    One for each process: a connection that a fork has inherited is its parent's. One that the server
    has closed meanwhile is replaced unseen: between two uses may lie hours.
    """
    return _process_engine(os.getpid(), url)


@lru_cache(maxsize=4)
def _process_engine(process_id: int, url: str) -> Engine:
    del process_id
    return make_engine(url, application_name="jobrunner code", look_before_use=True)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back by any exception.

    Raises DatabaseUnavailable, naming host and database, when there is no connection or it is lost;
    whether a commit that was under way has happened is unknown then. DatabaseBusy when the server
    gave up and another try may go through. Other database errors pass.
    """
    with _told(engine), _connected(engine) as connection, connection.begin():
        yield connection


@contextmanager
def single_statement(engine: Engine) -> Iterator[Connection]:
    """For a statement made by `alone`: a transaction of its own, in one round trip. Errors as above."""
    with _told(engine), _connected(engine) as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def alone(statement: str, limits: Limits = Limits()) -> TextClause:
    """The statement with its limits before it. The server takes both as one transaction."""
    return text(f"SELECT {_local_settings(limits)}; {statement}")


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(
                f"{_lost(error)} {describe(engine)}: {first_line(error)}",
                hint="Check that the server is up, then try again.",
            ) from error
        if sqlstate(error) in _NO_ROOM:
            raise DatabaseUnavailable(
                f"{describe(engine)} has no room: {first_line(error)}. Nothing was changed.",
                hint="Make room on the server; what is waiting goes on by itself.",
            ) from error
        if sqlstate(error) in _GIVEN_UP:
            raise DatabaseBusy(
                f"{describe(engine)} gave up: {first_line(error)}. Nothing was changed.",
                hint="Try again in a moment; pg_stat_activity shows who holds what.",
            ) from error
        raise


def of_one_moment(engine: Engine) -> Engine:
    """The same; all that one of its transactions reads is of one moment."""
    return engine.execution_options(isolation_level="REPEATABLE READ")


def change_limits(connection: Connection, limits: Limits) -> None:
    """Other limits for the rest of this transaction."""
    connection.exec_driver_sql(f"SELECT {_local_settings(limits)}")


def database_now(connection: Connection) -> datetime:
    """The server's clock, the only one that decides anything; aware, UTC."""
    now: datetime = connection.execute(text("SELECT statement_timestamp()")).scalar_one()
    return now


def describe(engine: Engine) -> str:
    """`PostgreSQL at db.internal:5432 (database jobs)`, for messages; never a user's password."""
    url = engine.url
    host = url.host or url.query.get("host") or "the local socket"
    port = url.port or url.query.get("port")
    place = host if isinstance(host, str) else ", ".join(host)
    place += f":{port}" if isinstance(port, str | int) else ""
    return f"PostgreSQL at {place} (database {url.database or url.username or 'default'})"


def sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's five letters for what happened; '' when the server had no say."""
    told = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None)
    return cast("str | None", told) or ""


def _with_driver(url: str) -> URL:
    if not url:
        raise UsageError(
            "No database is known.",
            hint="Set JOBRUNNER_DATABASE_URL, or start everything here with `jobrunner up`.",
        )
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _not_a_url() from None
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise _not_a_url()
    if "@" in f"{parsed.host}{parsed.database}":
        raise _not_a_url()  # the end of a password: no message about a host may quote it
    return parsed.set(drivername="postgresql+psycopg2")


def _not_a_url() -> UsageError:
    # The text itself is not quoted: it may hold a password.
    return UsageError(
        "The database URL cannot be read.",
        hint="Write it as postgresql://user:password@host:5432/name; "
        "special characters of a password are percent-encoded.",
    )


def _local_settings(limits: Limits) -> str:
    """Time-outs of the transaction, for one SELECT."""
    milliseconds = {
        "statement_timeout": limits.statement_timeout_seconds * 1000,
        "lock_timeout": limits.lock_timeout_seconds * 1000,
        "idle_in_transaction_session_timeout": limits.idle_timeout_seconds * 1000,
    }
    return ", ".join(
        f"set_config('{name}', '{round(value)}', true)" for name, value in milliseconds.items()
    )


def _notice_disconnect(context: ExceptionContext) -> None:
    """Such a connection is dropped, and every other of the pool with it."""
    code = getattr(context.original_exception, "pgcode", None) or ""
    if code in _DISCONNECTS or code.startswith("08"):
        context.is_disconnect = True


def _leave_out_values(context: ExceptionContext) -> None:
    """Below its first line PostgreSQL quotes what it refuses, and an address of a notifier has a password:
    no traceback shows it. Who waited for whom it may tell.
    """
    code = getattr(context.original_exception, "pgcode", None)
    if context.statement is None or code in _GIVEN_UP:
        return
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except PoolTimeoutError as error:
        raise DatabaseUnavailable(
            f"All connections of this process to {describe(engine)} are in use.",
            hint="Try again in a moment.",
        ) from error
    except DBAPIError as error:
        raise DatabaseUnavailable(
            f"Cannot connect to {describe(engine)}: {first_line(error)}",
            hint="Check that the server is up and that JOBRUNNER_DATABASE_URL is right.",
        ) from error
    with connection:
        yield connection


def _lost(error: DBAPIError) -> str:
    if sqlstate(error) == _READ_ONLY:
        return "Read-only, a standby or under maintenance, is"
    return "Lost the connection to"
