"""Runs that Django code asks for: in the transaction of its own connection, or after its commit."""

import os
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.utils import DatabaseErrorWrapper
from sqlalchemy import Connection

from jobrunner import from_code
from jobrunner.db.borrowed import borrowed
from jobrunner.db.engine import make_engine
from jobrunner.db.engine import transaction as own_transaction
from jobrunner.db.identity import Identity, read_identity
from jobrunner.errors import UsageError
from jobrunner.settings import load_settings
from jobrunner.triggers import TriggeredRun


def trigger(
    address: str,
    kwargs: Mapping[str, Any] | None = None,
    *,
    request_id: str | None = None,
    using: str = DEFAULT_DB_ALIAS,
    force: bool = False,
    created_by: str | None = None,
) -> TriggeredRun:
    """`jobrunner.trigger` in the transaction of that Django connection: the run exists exactly when what
    else the transaction writes does. Outside of `atomic` it exists when this returns.

    Raises UsageError where that connection's database is not jobrunner's own; `trigger_on_commit` is for
    these, and Django's own errors where the database fails. What is raised leaves the caller's transaction
    usable.
    """
    with transaction.atomic(using=using):
        django_connection = connections[using]
        if django_connection.vendor != "postgresql":
            raise _other_database(using)
        name = str(django_connection.settings_dict["NAME"])
        with (
            DatabaseErrorWrapper(django_connection),
            borrowed(django_connection.connection, database=name) as connection,
        ):
            _refuse_other_database(connection, using)
            return from_code.trigger(
                address,
                kwargs,
                request_id=request_id,
                session=connection,
                force=force,
                created_by=created_by,
            )


def trigger_on_commit(
    address: str,
    kwargs: Mapping[str, Any] | None = None,
    *,
    request_id: str | None = None,
    using: str = DEFAULT_DB_ALIAS,
    force: bool = False,
    created_by: str | None = None,
) -> None:
    """`jobrunner.trigger` once the transaction of that Django connection is committed, at once where none
    is open. A process that dies between the two leaves the data without the run.

    What `jobrunner.trigger` raises comes out of the end of the `atomic` block, after the commit.
    """
    ask = partial(
        from_code.trigger,
        address,
        kwargs,
        request_id=request_id,
        force=force,
        created_by=created_by,
    )
    transaction.on_commit(ask, using=using)


def _refuse_other_database(connection: Connection, using: str) -> None:
    there, url = read_identity(connection), load_settings(os.environ, Path.cwd()).database_url
    if there == _own_identity(url):
        return
    _own_identity.cache_clear()  # the server may have been started anew
    if there != _own_identity(url):
        raise _other_database(using)


@lru_cache(maxsize=4)
def _own_identity(url: str) -> Identity:
    engine = make_engine(url, application_name="jobrunner code")
    try:
        with own_transaction(engine) as connection:
            return read_identity(connection)
    finally:
        engine.dispose()


def _other_database(using: str) -> UsageError:
    return UsageError(
        f"The database {using!r} of Django is not jobrunner's own, so a run cannot be part of its "
        "transactions.",
        hint="Use trigger_on_commit(), or set DATABASES by database_from_environment().",
    )
