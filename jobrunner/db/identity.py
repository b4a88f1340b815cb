"""Whether two connections lead to the same database, by whatever names and ways."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Identity:
    """Of one database of one running server. Two servers do not start in the same microsecond."""

    database: str
    server_started_at: datetime


_READ_IDENTITY = text("SELECT current_database(), pg_postmaster_start_time()")


def read_identity(connection: Connection) -> Identity:
    """Of the database that this connection is open to; a restart of the server changes it."""
    database, server_started_at = connection.execute(_READ_IDENTITY).one()
    return Identity(database, server_started_at)
