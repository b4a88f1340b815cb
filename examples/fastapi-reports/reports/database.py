"""Sessions. One engine serves a process: all runs of a worker's process share one event loop."""

from collections.abc import AsyncIterator
from functools import cache
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from reports.settings import settings


@cache
def engine() -> AsyncEngine:
    """That of this process, made when it is first used: a worker's processes are forked."""
    return create_async_engine(settings().database_url, pool_pre_ping=True)


def open_session() -> AsyncSession:
    """A session for an `async with`."""
    return AsyncSession(engine(), expire_on_commit=False)


async def session_of_request() -> AsyncIterator[AsyncSession]:
    """One transaction: committed at the end of the route, rolled back by any exception."""
    async with open_session() as session, session.begin():
        yield session


# By its scope the transaction ends before the answer is sent: 202 is said of what is committed.
HasSession = Annotated[AsyncSession, Depends(session_of_request, scope="function")]
