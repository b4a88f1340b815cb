"""What is said between `task_imports` and its child process, a line each, as JSON.

On its own, so that whoever asks loads nothing of what it takes to answer.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from jobrunner.misfits import Judged, Problem


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Opening(_Line):
    """What the process works with."""

    parent: int
    """The process that has started it, and without which it ends."""
    answers: int
    """The descriptor that the answers are written to."""
    root: str
    allow: tuple[str, ...]


class Question(_Line):
    """One call: see `spec.calls.Call`."""

    path: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    is_complete: bool
    sensitive: tuple[str, ...]
    is_on_end: bool


class Answer(_Line):
    """What is wrong; neither where nothing is, or where Python itself knows no signature."""

    judged: Judged | None = None
    problem: Problem | None = None
