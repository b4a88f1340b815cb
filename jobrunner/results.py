"""Celery's results, read from the runs: `AsyncResult(run_id)` works where `result_backend` is `jobrunner`.

`jobrunner://` reads the database that the environment names, `jobrunner+postgresql://…` that one.
Nothing is ever written here: how a run ended is what its worker has recorded.
"""

import os
import uuid
from pathlib import Path
from typing import Any

import structlog
from celery import Celery, states
from celery.backends.base import BaseBackend
from celery.exceptions import TaskRevokedError, TimeLimitExceeded, WorkerLostError

from jobrunner.db.engine import process_engine, transaction
from jobrunner.db.runs import Run, RunDetail, get_run
from jobrunner.errors import Conflict, NotFound
from jobrunner.run import RunState
from jobrunner.settings import load_settings

_STATES = {
    RunState.QUEUED: states.PENDING,  # a further attempt: RETRY
    RunState.RUNNING: states.STARTED,
    RunState.SUCCEEDED: states.SUCCESS,
    RunState.FAILED: states.FAILURE,
    RunState.LOST: states.FAILURE,
    RunState.CANCELLED: states.REVOKED,
    RunState.EXPIRED: states.REVOKED,
    RunState.SKIPPED: states.REVOKED,
    RunState.MISSED: states.REVOKED,
    # Nobody will ever know: as Celery says of a task that it knows nothing of.
    RunState.HANDED_OVER: states.PENDING,
}
_ERRORS = {"timeout": TimeLimitExceeded, "lost": WorkerLostError}
"""What Celery calls the ends that are no exception of the callable."""

log = structlog.get_logger("jobrunner.results")


def celery_state(run: Run) -> str:
    """What Celery calls the state of the run."""
    if run.state == RunState.QUEUED and run.attempt:
        return states.RETRY
    return _STATES[RunState(run.state)]


class RunResults(BaseBackend):
    """A result back end that only reads. `docs/reference/python.md` has the table of states."""

    def __init__(self, app: Celery[Any], url: str | None = None, **options: Any) -> None:
        super().__init__(app, url=url, **options)
        self._database_url = url if url and url.startswith("postgres") else None
        self._has_warned = False

    def as_uri(self, include_password: bool = False) -> str:  # noqa: FBT001, FBT002  Celery's signature
        """As the worker's banner shows it."""
        del include_password
        return "jobrunner://"

    def task_result_exists(self, task_id: str) -> bool:
        """There is such a run, whatever its state."""
        return self._find(task_id) is not None

    def store_result(self, task_id: str, *_: Any, **__: Any) -> None:
        """Passed over: a run's outcome is recorded elsewhere, and no other task has a row here."""
        if not self._has_warned:
            self._has_warned = True
            log.warning(
                "result_not_kept", task=task_id, reason="this result back end only reads runs"
            )

    def forget(self, task_id: str) -> None:
        """Refused."""
        raise Conflict(
            f"The result of run {task_id} cannot be forgotten: it is the run's own record.",
            hint="jobrunner.retention.delete_old_runs deletes runs by age.",
        )

    def ensure_chords_allowed(self) -> None:
        """Refused: a chord writes results."""
        raise NotImplementedError("The result back end jobrunner:// only reads runs: no chords.")

    def save_group(self, group_id: str, result: Any) -> None:
        """Refused likewise."""
        raise NotImplementedError("The result back end jobrunner:// only reads runs: no groups.")

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        detail = self._find(task_id)
        if detail is None:
            return {"task_id": task_id, "status": states.PENDING, "result": None}
        state = celery_state(detail.run)
        newest = detail.attempts[-1] if detail.attempts else None
        return {
            "task_id": task_id,
            "status": state,
            "result": self._result(detail, state),
            "traceback": None if newest is None else newest.traceback,
            "children": None,
            "date_done": detail.run.finished_at,
            "name": detail.run.address,
            "queue": detail.run.queue,
            "worker": detail.run.worker,
            "retries": max(detail.run.attempt - 1, 0),
        }

    def _find(self, task_id: str) -> RunDetail | None:
        try:
            run_id = uuid.UUID(task_id)
        except ValueError:
            return None
        url = self._database_url or load_settings(os.environ, Path.cwd()).database_url
        with transaction(process_engine(url)) as connection:
            try:
                return get_run(connection, run_id)
            except NotFound:
                return None

    def _result(self, detail: RunDetail, state: str) -> Any:
        match state:
            case states.SUCCESS:
                return detail.result
            case states.STARTED:
                return {"hostname": detail.run.worker, **(detail.progress or {})}
            case states.REVOKED:
                return TaskRevokedError(detail.run.error or detail.run.state)
            case states.RETRY | states.FAILURE:
                return self._exception(detail)
            case _:
                return None

    def _exception(self, detail: RunDetail) -> BaseException:
        """Of the newest attempt, of its class where this process knows it, else of one with its name."""
        newest = detail.attempts[-1] if detail.attempts else None
        error_type = (newest and newest.error_type) or detail.run.state
        told = detail.run.error or error_type
        if error_type in _ERRORS:
            return _ERRORS[error_type](told)
        module, _, name = error_type.rpartition(".")
        stored = {
            "exc_module": module or "builtins",
            "exc_type": name,
            "exc_message": told.removeprefix(f"{name}: "),
        }
        return self.exception_to_python(stored)
