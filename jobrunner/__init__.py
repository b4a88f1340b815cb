"""Plan and apply for Celery jobs.

What needs a database is imported when it is first asked for: `import jobrunner` stands in the code
of jobs and of web processes, and costs them nothing.
"""

import pkgutil
from typing import TYPE_CHECKING

from jobrunner.current import CurrentRun, EndedRun, current_run
from jobrunner.run_async import run_async
from jobrunner.saying import phase, progress

if TYPE_CHECKING:
    from jobrunner.client import Client
    from jobrunner.from_code import trigger, trigger_async
    from jobrunner.triggers import TriggeredRun

__all__ = [
    "Client",
    "CurrentRun",
    "EndedRun",
    "TriggeredRun",
    "current_run",
    "phase",
    "progress",
    "run_async",
    "trigger",
    "trigger_async",
]

_LATE = {
    "Client": "jobrunner.client",
    "TriggeredRun": "jobrunner.triggers",
    "trigger": "jobrunner.from_code",
    "trigger_async": "jobrunner.from_code",
}
"""Public names by the module that is imported for them."""

if not TYPE_CHECKING:  # a type checker would take it for leave to ask for any name

    def __getattr__(name: str) -> object:
        if name not in _LATE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return pkgutil.resolve_name(f"{_LATE[name]}:{name}")
