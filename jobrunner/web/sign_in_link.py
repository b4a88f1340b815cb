"""A one-time link that signs its maker in: for who sits at the machine, and has the database already."""

from sqlalchemy import Engine

from jobrunner.access.sessions import new_session
from jobrunner.db.engine import transaction
from jobrunner.db.sessions import insert_link


def make_sign_in_link(engine: Engine, address: str, *, subject: str) -> str:
    """Good for ten minutes, once, as an administrator. `address` is that of the server, with its prefix."""
    made = new_session()
    with transaction(engine) as connection:
        insert_link(connection, made, subject=subject)
    return f"{address}/sign-in/link/{made}"
