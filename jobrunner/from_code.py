"""`jobrunner.trigger()`: a run of a job, asked for by Python code, in its own transaction or the caller's.

The caller's transaction is written to with the caller's driver: psycopg2, psycopg or asyncpg.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session, scoped_session

from jobrunner.current import current_run
from jobrunner.db.engine import process_engine, sqlstate, transaction
from jobrunner.errors import Conflict, SchemaBehind, UsageError
from jobrunner.sealing import make_keyring
from jobrunner.settings import Settings, load_settings
from jobrunner.triggers import TriggeredRun, trigger_run

if TYPE_CHECKING:  # it needs greenlet, which only callers with asynchronous sessions have
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

_NO_SUCH_TABLE = frozenset({"42P01", "3F000"})
_REQUEST_SCOPE = "python"
"""A request id is known by its job alone: the same one from another host is the same request."""


def trigger(
    address: str,
    kwargs: Mapping[str, Any] | None = None,
    *,
    request_id: str | None = None,
    session: Session | scoped_session[Any] | Connection | None = None,
    force: bool = False,
    created_by: str | None = None,
) -> TriggeredRun:
    """A run of the job `namespace/job` now; `kwargs` are laid over the job's own.

    With `session` the run is written in the caller's transaction, so that it exists exactly when
    the caller's data does; without one it exists when this returns. A beat sends it after the
    commit. The same `request_id` again gives the same run. It obeys `overlap` unless `force`.

    `created_by` is whose run it is, as the host's JWT names him: who may see only his own runs sees
    it. None: nobody's; the run that asks, or the program and its host, is shown with it.

    Until the transaction ends, no other run of a job where others count (`overlap` other than
    `allow`, or `max_concurrency`) is started.

    Raises NotFound, Conflict (the request id was used with other arguments), UsageError (arguments
    that JSON cannot hold); without `session` DatabaseUnavailable.
    """
    settings = load_settings(os.environ, Path.cwd())
    ask = _request(settings, address, kwargs, request_id, force=force, created_by=created_by)
    if session is not None:
        return ask(_connection_of(session))
    with transaction(process_engine(settings.database_url)) as connection:
        return ask(connection)


async def trigger_async(
    address: str,
    kwargs: Mapping[str, Any] | None = None,
    *,
    request_id: str | None = None,
    session: "AsyncSession | AsyncConnection | None" = None,
    force: bool = False,
    created_by: str | None = None,
) -> TriggeredRun:
    """`trigger` for asynchronous code: without `session` it works in a thread."""
    if session is None:
        return await asyncio.to_thread(
            trigger, address, kwargs, request_id=request_id, force=force, created_by=created_by
        )
    settings = load_settings(os.environ, Path.cwd())
    ask = _request(settings, address, kwargs, request_id, force=force, created_by=created_by)
    if not hasattr(session, "run_sync"):
        raise _wrong_session(session, "trigger_async()", "an AsyncSession or AsyncConnection")
    return await session.run_sync(lambda inner: ask(_connection_of(inner)))


def _request(
    settings: Settings,
    address: str,
    kwargs: Mapping[str, Any] | None,
    request_id: str | None,
    *,
    force: bool,
    created_by: str | None,
) -> Callable[[Connection], TriggeredRun]:
    if request_id == "":
        # A value that was never set, most likely: each such request would be the first one again.
        raise UsageError("The request id is empty.", hint="Give one, or leave it out.")
    if created_by == "":  # an anonymous user has no runs that are his
        raise UsageError(
            "The run would be nobody's.", hint="Name somebody, or leave created_by out."
        )
    return partial(
        _trigger_on,
        address=address,
        created_by=caller_of_code() if created_by is None else created_by,
        kwargs=kwargs,
        request_key=request_id,
        request_scope=_REQUEST_SCOPE,
        force=force,
        keyring=make_keyring(settings),
    )


def caller_of_code() -> str:
    """Shown with the run: the run that asks for it, or the program and its host."""
    try:
        run = current_run()
    except Conflict:
        return f"{Path(sys.argv[0]).name or 'python'}@{gethostname()}"
    return f"{run.job} (run {run.id})"


def _trigger_on(connection: Connection, *, address: str, **request: Any) -> TriggeredRun:
    try:
        return trigger_run(connection, address, **request)
    except ProgrammingError as error:
        if sqlstate(error) not in _NO_SUCH_TABLE:
            raise
        raise SchemaBehind(
            f"The database {connection.engine.url.database} has no tables of jobrunner.",
            hint="Give a session of the database where jobrunner is; `jobrunner db upgrade` makes them.",
        ) from error


def _connection_of(session: Session | scoped_session[Any] | Connection) -> Connection:
    if isinstance(session, Connection):
        return session
    if not isinstance(session, Session | scoped_session):
        raise _wrong_session(session, "trigger()", "a Session or Connection of SQLAlchemy")
    return session.connection()


def _wrong_session(session: object, function: str, wanted: str) -> UsageError:
    return UsageError(
        f"{function} cannot use a session of class {type(session).__name__}.",
        hint=f"Give {wanted}; trigger() is for plain ones, trigger_async() for asynchronous ones.",
    )
