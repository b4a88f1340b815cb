"""Coroutines as callables: one loop for all runs of a process, and ends that leave nothing behind."""

import asyncio
import sys
from collections.abc import Iterator

import pytest

import jobrunner
from tests.execute.conftest import Execute
from tests.ledger import Ledger

TASKS = """
import asyncio
import os
import threading

import redis.asyncio

import jobrunner
from jobrunner.call import SOFT_LIMIT_SIGNAL

pools = {}
tidied = []


def client(url):
    if url not in pools:
        pools[url] = redis.asyncio.BlockingConnectionPool.from_url(url, max_connections=1)
    return redis.asyncio.Redis(connection_pool=pools[url])


async def connection(url):
    return await client(url).client_id()


class Connection:
    async def __call__(self, url):
        return await client(url).client_id()


def own_loop():
    return asyncio.run(asyncio.sleep(0, "done"))


def own_loop_is_stopped():
    async def wait():
        threading.Timer(0.1, os.kill, [os.getpid(), SOFT_LIMIT_SIGNAL]).start()
        try:
            await asyncio.sleep(60)
        finally:
            tidied.append("own loop")
    asyncio.run(wait())


async def is_stopped_with_the_client_in_use(url):
    asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), SOFT_LIMIT_SIGNAL)
    try:
        await client(url).blpop("nothing", timeout=60)
    finally:
        await asyncio.sleep(0)
        tidied.append("coroutine")


async def close():
    for pool in pools.values():
        await pool.disconnect()


async def leaves_a_child_behind():
    asyncio.create_task(asyncio.sleep(60))
    raise ValueError


def plain(url):
    return jobrunner.run_async(connection(url))


def plain_is_stopped(url):
    jobrunner.run_async(is_stopped_with_the_client_in_use(url))


async def asks_plain_code(url):
    try:
        return plain(url)
    except RuntimeError as error:
        return str(error)


async def count_tasks():
    return len(asyncio.all_tasks())


async def has_a_limit_of_its_own():
    try:
        async with asyncio.timeout(0.05):
            await asyncio.sleep(60)
    except TimeoutError:
        return "its own"
"""


@pytest.fixture
def tasks() -> str:
    """What the module `acme` holds."""
    return TASKS


@pytest.fixture
def url(broker_url: str, execute: Execute) -> Iterator[str]:
    """The broker's address as redis-py writes it, where kombu has its own form for a socket."""
    yield broker_url.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")
    execute("acme.close")


def test_a_pool_that_one_run_has_made_serves_all_that_follow(
    execute: Execute, ledger: Ledger, url: str
) -> None:
    runs = [
        execute("acme.connection", args=[url]),
        execute("acme.Connection", args=[url]),
        execute("acme.own_loop"),
        execute("acme.connection", args=[url]),
    ]
    first, of_a_class, own, last = (ledger.run(run_id)["result"] for run_id in runs)
    assert own == "done"
    assert first == of_a_class == last > 0


def test_a_pool_whose_user_was_stopped_serves_the_next(
    execute: Execute, ledger: Ledger, url: str
) -> None:
    stopped = execute("acme.is_stopped_with_the_client_in_use", args=[url])
    assert ledger.attempts(stopped)[0].error_type == "timeout"
    assert sys.modules["acme"].tidied == ["coroutine"]
    assert ledger.run(execute("acme.connection", args=[url]))["result"] > 0


def test_plain_code_with_a_loop_of_its_own_is_stopped_like_any_other(
    execute: Execute, ledger: Ledger
) -> None:
    run_id = execute("acme.own_loop_is_stopped")
    assert ledger.attempts(run_id)[0].error_type == "timeout"
    assert sys.modules["acme"].tidied == ["own loop"]
    assert ledger.run(execute("acme.count_tasks"))["result"] == 1


def test_what_a_failed_run_has_left_on_the_loop_is_cancelled(
    execute: Execute, ledger: Ledger
) -> None:
    execute("acme.leaves_a_child_behind")
    assert ledger.run(execute("acme.count_tasks"))["result"] == 1


def test_a_limit_of_the_coroutines_own_is_no_end_of_its_run(
    execute: Execute, ledger: Ledger
) -> None:
    assert ledger.run(execute("acme.has_a_limit_of_its_own"))["result"] == "its own"


def test_plain_code_awaits_on_the_loop_that_all_share(
    execute: Execute, ledger: Ledger, url: str
) -> None:
    runs = [execute(f"acme.{name}", args=[url]) for name in ("connection", "plain", "connection")]
    first, plain, last = (ledger.run(run_id)["result"] for run_id in runs)
    assert first == plain == last > 0


def test_plain_code_that_awaits_is_stopped_like_a_coroutine(
    execute: Execute, ledger: Ledger, url: str
) -> None:
    stopped = execute("acme.plain_is_stopped", args=[url])
    assert ledger.attempts(stopped)[0].error_type == "timeout"
    assert sys.modules["acme"].tidied == ["coroutine"]
    assert ledger.run(execute("acme.plain", args=[url]))["result"] > 0


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_plain_code_within_a_coroutine_is_refused(
    execute: Execute, ledger: Ledger, url: str
) -> None:
    told = ledger.run(execute("acme.asks_plain_code", args=[url]))["result"]
    assert told == "asyncio.run() cannot be called from a running event loop"


def test_outside_of_a_run_there_is_a_loop_for_it() -> None:
    assert jobrunner.run_async(asyncio.sleep(0, "done")) == "done"
