"""What is kept of incidents and messages, for the tests of a database."""

from dataclasses import dataclass

from sqlalchemy import Engine, select

from jobrunner.db import tables
from jobrunner.db.engine import transaction
from tests.seeding import put_notifiers


@dataclass(frozen=True)
class Kept:
    """A row of `incidents`."""

    kind: str
    occurred: int
    is_open: bool


def incidents(engine: Engine) -> list[Kept]:
    """In the order in which they were opened."""
    columns = tables.incidents.c
    with engine.begin() as connection:
        rows = connection.execute(select(tables.incidents).order_by(columns.id)).all()
    return [Kept(row.kind, row.occurred, row.closed_at is None) for row in rows]


def messages(engine: Engine) -> list[str]:
    """`oncall: opened failure`, in the order in which they were made."""
    with engine.begin() as connection:
        rows = connection.execute(
            select(tables.notifications).order_by(tables.notifications.c.id)
        ).all()
    return [f"{row.notifier}: {row.event} {row.message['kind']}" for row in rows]


def set_notifiers(engine: Engine, **urls: object) -> None:
    """Those of the only project."""
    with transaction(engine) as connection:
        put_notifiers(connection, **urls)
