"""What the parent knows of a message in hand."""

import re
import uuid
from typing import Any

from billiard.einfo import ExceptionInfo
from celery.exceptions import Reject, Terminated, WorkerLostError
from celery.worker.request import Request

from jobrunner.crash_points import reach
from jobrunner.db.attempts import Claim
from jobrunner.process_tree import how_it_ended, kill_tree
from jobrunner.recover import Death
from jobrunner.run import Outcome
from jobrunner.worker.here import here

_EVENTS = {"failed": "task-failed", "lost": "task-failed", "queued": "task-retried"}
"""What those who read Celery's events are told of a run, by its state after the attempt."""
TOKEN_HEADER = "jobrunner_claim_token"  # noqa: S105  the name, no secret


class ExecuteRequest(Request):
    """What the parent knows of a message, and tells its heartbeat.

    The parent makes the token of the claim: so it can speak for its child's attempt, and only for
    that one, without asking anybody.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._claim = Claim(uuid.UUID(self.id), uuid.uuid4())
        self.request_dict[TOKEN_HEADER] = str(self._claim.token)
        # The pool knows no limits: those of the message may be forged. The heartbeat has the claim's.
        self.time_limits = (None, None)
        here.lookahead.begun(self._claim.token)

    def on_accepted(self, pid: Any, time_accepted: float) -> None:
        """A child has the message; `pid` is an int, whatever the stubs say."""
        if here.heartbeat is not None:
            here.heartbeat.accepted(self._claim, pid)
        reach("message_accepted")
        super().on_accepted(pid, time_accepted)

    def on_failure(
        self,
        exc_info: ExceptionInfo,
        send_failed_event: bool = True,  # noqa: FBT001, FBT002  Celery's signature
        return_ok: bool = False,  # noqa: FBT001, FBT002  Celery's signature
    ) -> Any:
        """The death of the child, or an error of our own."""
        # What was raised in a child comes wrapped, with the text of its traceback.
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        match error:
            case WorkerLostError() | Terminated():
                self._kill(Outcome.LOST, f"its process died: {_death(error)}")
            case Reject() | SystemExit() | KeyboardInterrupt():
                pass
            case _:
                # A callable may have spoilt what its process needs; the next run would fail as well.
                told = f"its process failed by itself with {type(error).__name__}, see the worker's log"
                self._kill(Outcome.LOST, told)
                # Celery raises a MemoryError again, in here, which ends the worker.
                exc_info.exception = WorkerLostError(told)
        return super().on_failure(exc_info, send_failed_event, return_ok)

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002  Celery's signature
        """For Celery the task has succeeded whenever the run's end is written, whatever it is."""
        state, _, error_type = str(fields.get("result")).strip("'").partition(" ")
        if type == "task-succeeded" and state in _EVENTS:
            # Readers look for the class before a bracket; what it said stays where runs are shown.
            exception = f"{error_type.rpartition('.')[2] or state}()"
            type, fields = _EVENTS[state], {"exception": exception, "traceback": ""}  # noqa: A001  as above
        super().send_event(type, **fields)

    def acknowledge(self) -> None:
        """Late acknowledgement: the message is done with, however the run ended."""
        self._ended()
        reach("message_done")
        super().acknowledge()

    def reject(self, requeue: bool = False) -> None:  # noqa: FBT001, FBT002  Celery's signature
        """The message goes back, or is thrown away."""
        self._ended()
        super().reject(requeue)

    def _kill(self, outcome: Outcome, told: str) -> None:
        if here.heartbeat is not None:
            here.heartbeat.report(Death(self._claim, outcome, told))
        if self.worker_pid is not None:
            kill_tree(int(self.worker_pid))

    def _ended(self) -> None:
        here.lookahead.ended(self._claim.token)
        if here.heartbeat is not None:
            here.heartbeat.ended(self._claim)


def _death(error: WorkerLostError | Terminated) -> str:
    """From `Worker exited prematurely: signal 9 (SIGKILL) Job: 7.`, or `exitcode 3`; or `Terminated(15)`."""
    told = re.search(r"prematurely: (signal|exitcode) (\d+)", str(error))
    if told is None:
        return "it was terminated"
    kind, number = told.groups()
    return how_it_ended(-int(number) if kind == "signal" else int(number))
