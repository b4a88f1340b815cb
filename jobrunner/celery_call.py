"""Celery's own task objects as callables of a run."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobrunner.callables import LoadedCallable


def bound_to_run(
    loaded: LoadedCallable, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> LoadedCallable:
    """The same, for a Celery task with a request that tells of the current run."""
    del args, kwargs
    return loaded
