"""A connection of somebody else's, lent for statements of ours in his transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError


@contextmanager
def borrowed(driver_connection: Any, *, database: str) -> Iterator[Connection]:
    """An open connection of psycopg or psycopg2 as one of SQLAlchemy's, for the length of the block.

    It is given back as it was taken: nothing here commits, rolls back, closes or sets it up. `database`
    is what messages call it. What goes wrong there is raised as the driver's own error.
    """
    driver = type(driver_connection).__module__.partition(".")[0]
    engine = create_engine(
        URL.create(f"postgresql+{driver}", database=database),
        creator=lambda: _Lent(driver_connection),
        poolclass=NullPool,
        # Otherwise the first use asks the server for its version and more, changes how the owner's
        # values are read, and ends with a roll-back.
        _initialize=False,
    )
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise (error.orig or error) from error


class _Lent:
    """The driver's connection without the ends that only its owner may make of a transaction."""

    def __init__(self, owned: Any) -> None:
        self._owned = owned

    def __getattr__(self, name: str) -> Any:
        return getattr(self._owned, name)

    def commit(self) -> None:
        """The owner's to say."""

    def rollback(self) -> None:
        """The owner's to say."""

    def close(self) -> None:
        """The owner's to say."""
