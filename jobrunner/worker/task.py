"""The one task of a worker: a message names a run, and a child executes it.

Loaded by Celery (`include` of `jobrunner.app`). Nothing is decided here.
"""

import uuid
from typing import Any

import structlog
from celery import Task, shared_task
from celery.exceptions import Reject

from jobrunner.db.attempts import Claim
from jobrunner.errors import DatabaseUnavailable
from jobrunner.execute import execute_run
from jobrunner.messages import EXECUTE_TASK
from jobrunner.worker.here import here
from jobrunner.worker.request import TOKEN_HEADER

log = structlog.get_logger("jobrunner.worker")


class ExecuteTask(Task[Any, Any]):
    """Celery looks the request's class up by this name."""

    Request = "jobrunner.worker.request:ExecuteRequest"


@shared_task(
    name=EXECUTE_TASK,
    base=ExecuteTask,
    bind=True,
    acks_late=True,
    ignore_result=True,
    max_retries=0,
)
def execute(self: ExecuteTask, version: int, run_id: str) -> str | None:
    """Make an attempt of a run. The message decides nothing: the database does, at the claim.

    Returns the state of the run then and the type of its error, `failed builtins.ValueError`, for the
    events that Flower reads; None: nothing was started.

    Its arguments are what `messages.problem_of` has let pass.
    """
    del version
    wanted = uuid.UUID(run_id)
    token = uuid.UUID(self.request.get(TOKEN_HEADER))
    assert here.home is not None  # noqa: S101  a child has one from its start on
    try:
        executed = execute_run(here.home, Claim(wanted, token))
    except DatabaseUnavailable as error:
        log.warning("claim_failed", run=str(wanted), error=error.message)
        raise Reject(error.message, requeue=True) from error
    if executed is None or executed.state is None:
        return None
    return f"{executed.state.value} {executed.error_type or ''}".strip()
