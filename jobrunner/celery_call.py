"""Celery's own task objects as callables of a run: with a request that tells of it.

The run is what Celery calls a task that is executed eagerly: `self.retry` sends nothing, it raises
`Retry`, and the next attempt of the same run is what comes of that.
"""

import inspect
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from celery import Task
from celery._state import (  # type: ignore[attr-defined]  # not in its stubs
    get_current_app,
    pop_current_task,
    push_current_task,
)
from celery.app.task import Context
from celery.app.trace import task_has_custom
from celery.exceptions import Retry

from jobrunner.callables import LoadedCallable
from jobrunner.current import CurrentRun
from jobrunner.errors import CallableError
from jobrunner.spec.models import JobSpec


def bound_to_run(
    loaded: LoadedCallable,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    run: CurrentRun,
    spec: JobSpec,
    hostname: str,
) -> LoadedCallable:
    """The same, for a Celery task with a request that tells of this run; others as they are.

    Calling it raises CallableError (`arguments`) where the task asks to be tried again with
    other arguments: those of a run are fixed.
    """
    task = loaded.function
    if not isinstance(task, Task):
        return loaded
    soft_limit = None if spec.soft_timeout is None else spec.soft_timeout.total_seconds()
    request = Context(
        id=str(run.id),
        root_id=str(run.id),
        correlation_id=str(run.id),
        args=tuple(args),
        kwargs=dict(kwargs),
        retries=run.attempt - 1,
        hostname=hostname,
        delivery_info={"exchange": "", "routing_key": spec.queue, "priority": spec.priority},
        timelimit=(spec.timeout.total_seconds(), soft_limit),
        called_directly=False,
        is_eager=True,
    )
    return replace(loaded, function=partial(_call, loaded, task, request))


def _call(
    loaded: LoadedCallable, task: Task[Any, Any], request: Context, *args: Any, **kwargs: Any
) -> Any:
    # As Celery's own worker does it: a base class may have its own way of calling `run`.
    body = task if task_has_custom(task, "__call__") else task.run
    with _entered(loaded, task, request):
        returned = body(*args, **kwargs)
    if inspect.isawaitable(returned):
        return _awaited(loaded, task, request, returned)
    return returned


async def _awaited(
    loaded: LoadedCallable, task: Task[Any, Any], request: Context, returned: Awaitable[Any]
) -> Any:
    with _entered(loaded, task, request):
        return await returned


@contextmanager
def _entered(loaded: LoadedCallable, task: Any, request: Context) -> Iterator[None]:
    """The task's request is this one, its app the current one, as long as its code runs."""
    before = get_current_app()
    task.app.set_current()
    push_current_task(task)
    task.request_stack.push(request)
    task.update_state = _update_nothing
    try:
        yield
    except Retry as asked:
        _refuse_other_arguments(loaded, request, asked)
        raise
    finally:
        del task.update_state
        task.request_stack.pop()
        pop_current_task()
        before.set_current()


def _update_nothing(*_: object, **__: object) -> None:
    """A run's state is PostgreSQL's, and its app's result back end knows nothing of the run."""


def _refuse_other_arguments(loaded: LoadedCallable, request: Any, asked: Any) -> None:
    wanted, signature = asked.sig, loaded.signature
    if wanted is None or signature is None:
        return
    try:
        is_the_same = _bound(signature, wanted) == _bound(signature, request)
    except TypeError:
        is_the_same = False
    if not is_the_same:
        raise CallableError(
            f"{loaded.path} asks to be tried again with other arguments, and a run keeps its own.",
            kind="arguments",
            hint="Call self.retry() without args and kwargs, and keep what changes elsewhere.",
        ) from None


def _bound(signature: inspect.Signature, given: Any) -> inspect.BoundArguments:
    bound = signature.bind(*given.args, **given.kwargs)
    bound.apply_defaults()
    return bound
