"""`trigger(session=…)`: the run exists exactly when the caller's data does, whatever its driver."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

import jobrunner
from jobrunner.db.wakeups import Listener
from jobrunner.errors import Conflict, NotFound, SchemaBehind, UsageError
from tests.from_code.conftest import Rows, url_for
from tests.ledger import Ledger


@pytest.fixture(params=["psycopg2", "psycopg"])
def own(request: pytest.FixtureRequest, job: str, database_url: str) -> Iterator[Engine]:
    """The caller's own engine, by each driver."""
    assert job
    made = create_engine(url_for(request.param, database_url))
    yield made
    made.dispose()


def test_before_the_commit_nobody_sees_the_run(own: Engine, job: str, rows: Rows) -> None:
    with Session(own) as session:
        triggered = jobrunner.trigger(job, {"n": 1}, session=session)
        assert rows() == []
        session.commit()
    assert [(row.id, row.kwargs) for row in rows()] == [(triggered.run_id, {"n": 1})]


def test_a_rollback_takes_the_run_back(own: Engine, job: str, rows: Rows) -> None:
    with Session(own) as session:
        jobrunner.trigger(job, session=session)
        session.rollback()
    assert rows() == []


def test_a_savepoint_takes_back_what_is_within_it(own: Engine, job: str, rows: Rows) -> None:
    with Session(own) as session:
        kept = jobrunner.trigger(job, session=session)
        with session.begin_nested() as savepoint:
            jobrunner.trigger(job, session=session)
            savepoint.rollback()
        session.commit()
    assert [row.id for row in rows()] == [kept.run_id]


def test_a_connection_and_a_scoped_session_will_do(own: Engine, job: str, rows: Rows) -> None:
    with own.begin() as connection:
        jobrunner.trigger(job, session=connection)
    scoped = scoped_session(sessionmaker(own))
    jobrunner.trigger(job, session=scoped)
    scoped.commit()
    scoped.remove()
    assert len(rows()) == 2


def test_the_commit_wakes_the_beats(own: Engine, job: str, engine: Engine) -> None:
    listener = Listener(engine)
    with Session(own) as session:
        jobrunner.trigger(job, session=session)
        assert not listener.wait(0.1)
        session.commit()
    assert listener.wait(30)
    listener.close()


def test_equal_requests_in_two_transactions_are_one_run(own: Engine, job: str, rows: Rows) -> None:
    for _ in range(2):
        with Session(own) as session:
            jobrunner.trigger(job, {"n": 1}, session=session, request_id="7")
            session.commit()
    assert len(rows()) == 1


def test_an_equal_request_in_the_same_transaction_is_the_same_run(own: Engine, job: str) -> None:
    with Session(own) as session:
        both = [jobrunner.trigger(job, session=session, request_id="7") for _ in range(2)]
    assert both[0].run_id == both[1].run_id


def test_other_arguments_are_refused_and_the_transaction_lives_on(
    own: Engine, job: str, rows: Rows
) -> None:
    with Session(own) as session:
        jobrunner.trigger(job, {"n": 1}, session=session, request_id="7")
        with pytest.raises(Conflict):
            jobrunner.trigger(job, {"n": 2}, session=session, request_id="7")
        with pytest.raises(NotFound):
            jobrunner.trigger("test/nobody", session=session)
        session.commit()
    assert len(rows()) == 1


@pytest.mark.parametrize("value", ["a\x00b", {"\ud800": 1}, [float("nan")], {1}])
def test_arguments_that_cannot_be_stored_leave_the_transaction_alone(
    own: Engine, job: str, rows: Rows, value: object
) -> None:
    with Session(own) as session:
        with pytest.raises(UsageError):
            jobrunner.trigger(job, {"value": value}, session=session)
        jobrunner.trigger(job, {"value": "\\u0000"}, session=session)
        session.commit()
    assert len(rows()) == 1


def test_overlap_is_obeyed_and_the_other_waits(own: Engine, ledger: Ledger) -> None:
    ledger.add_job(name="queue", overlap="queue", expires="5m", priority=3)
    ledger.add_job(name="replace", overlap="replace")
    with Session(own) as session:
        starts = [
            jobrunner.trigger(f"test/{name}", session=session).start
            for name in ("queue", "queue", "queue", "replace", "replace")
        ]
    assert starts == ["send", "hold", "skip", "send", "replace"]


def test_where_no_other_run_counts_nobody_waits_for_the_callers_commit(
    own: Engine, job: str, rows: Rows
) -> None:
    with own.connect() as connection:
        jobrunner.trigger(job, session=connection)
        jobrunner.trigger(job)
        assert len(rows()) == 1


def test_a_database_without_the_tables_is_told_in_a_sentence(
    own: Engine, job: str, ledger: Ledger
) -> None:
    with ledger.engine.begin() as connection:
        connection.execute(text("ALTER SCHEMA jobrunner RENAME TO elsewhere"))
    with Session(own) as session, pytest.raises(SchemaBehind, match="no tables of jobrunner"):
        jobrunner.trigger(job, session=session)


def test_what_is_no_session_is_refused_in_a_sentence(job: str) -> None:
    with pytest.raises(UsageError, match="session of class dict"):
        jobrunner.trigger(job, session={})  # type: ignore[arg-type]  # that is what is tested
    with pytest.raises(UsageError, match="trigger_async"):
        asyncio.run(jobrunner.trigger_async(job, session={}))  # type: ignore[arg-type]  # likewise


@pytest.fixture(params=["asyncpg", "psycopg"])
def own_async(request: pytest.FixtureRequest, job: str, database_url: str) -> AsyncEngine:
    """The caller's own asynchronous engine, by each driver; disposed of by its test."""
    assert job
    return create_async_engine(url_for(request.param, database_url))


def test_async_the_run_exists_with_the_commit(own_async: AsyncEngine, job: str, rows: Rows) -> None:
    async def ask() -> None:
        async with AsyncSession(own_async) as session:
            await jobrunner.trigger_async(job, {"n": 1}, session=session)
            assert rows() == []
            await session.commit()
        await own_async.dispose()

    asyncio.run(ask())
    assert [row.kwargs for row in rows()] == [{"n": 1}]


def test_async_a_rollback_takes_the_run_back(own_async: AsyncEngine, job: str, rows: Rows) -> None:
    async def ask() -> None:
        async with own_async.connect() as connection:
            await jobrunner.trigger_async(job, session=connection)
            await connection.rollback()
        await own_async.dispose()

    asyncio.run(ask())
    assert rows() == []


def test_async_fifty_equal_requests_at_once_are_one_run(
    own_async: AsyncEngine, job: str, rows: Rows
) -> None:
    async def ask_once() -> object:
        async with own_async.begin() as connection:
            asked = await jobrunner.trigger_async(job, {"n": 1}, session=connection, request_id="7")
            return asked.run_id

    async def ask() -> set[object]:
        ids = set(await asyncio.gather(*(ask_once() for _ in range(50))))
        await own_async.dispose()
        return ids

    assert asyncio.run(ask()) == {row.id for row in rows()}
    assert len(rows()) == 1


def test_async_overlap_is_obeyed(own_async: AsyncEngine, ledger: Ledger) -> None:
    ledger.add_job(name="queue", overlap="queue", expires="5m", priority=3)
    ledger.add_job(name="replace", overlap="replace", max_concurrency=2)

    async def ask() -> list[str]:
        async with own_async.connect() as connection:
            starts = [
                (await jobrunner.trigger_async(f"test/{name}", session=connection)).start.value
                for name in ("queue", "queue", "queue", "replace", "replace")
            ]
        await own_async.dispose()
        return starts

    assert asyncio.run(ask()) == ["send", "hold", "skip", "send", "replace"]
