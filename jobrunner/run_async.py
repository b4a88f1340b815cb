"""Asynchronous code from plain code: `jobrunner.run_async()`."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

_Given = TypeVar("_Given")
Wait = Callable[[Awaitable[Any]], Any]

_wait: ContextVar[Wait | None] = ContextVar("jobrunner_wait", default=None)


def run_async(awaitable: Awaitable[_Given]) -> _Given:
    """What it gives, for plain code that needs asynchronous code.

    In a run it is awaited on the event loop that all `async def` callables of the worker's process
    share, so that their engines and clients serve it; elsewhere, and in threads, on a loop of its own.
    Raises RuntimeError within a coroutine, which has `await`.
    """
    wait = _wait.get() or _wait_on_a_new_loop
    given: _Given = wait(awaitable)
    return given


def set_wait(wait: Wait | None) -> None:
    """Who awaits for the code of this context; None: nobody, as within a coroutine."""
    _wait.set(wait)


def _wait_on_a_new_loop(awaitable: Awaitable[Any]) -> Any:
    import asyncio  # noqa: PLC0415  `import jobrunner` stands in the code of jobs, and costs them little

    async def wait() -> Any:
        return await awaitable

    return asyncio.run(wait())
