"""Processes that send one message each: how they are started, and what they have answered."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from pydantic import ValidationError

from jobrunner.notify.child import ALIVE_SECONDS, LIMIT_SECONDS, Answer, Assignment
from jobrunner.process_tree import kill_tree

_LOOK_AGAIN_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Sending:
    """One that is under way."""

    process: subprocess.Popen[bytes]
    ends_at: float
    """Of the monotonic clock: killed then."""


def begin_sending(assignment: Assignment) -> Sending:
    """Start it. Raises OSError when no process can be had.

    In a session of its own: Ctrl-C in a terminal is for whoever has started it.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "jobrunner.notify.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101  asked for above
    try:
        process.stdin.write(assignment.model_dump_json().encode())
        process.stdin.close()
    except BrokenPipeError:  # it has died; its exit code says so
        pass
    return Sending(process, time.monotonic() + ALIVE_SECONDS)


def answer_of(sending: Sending) -> Answer | None:
    """How it went; None while it goes on. One that takes too long is killed with all it has started."""
    process = sending.process
    if process.poll() is None:
        if time.monotonic() < sending.ends_at:
            return None
        stop_sending(sending)
        return Answer(error=f"its process did not end within {ALIVE_SECONDS} s")
    if process.returncode == -signal.SIGALRM:
        stop_sending(sending)
        return Answer(error=f"not sent within its time limit of {LIMIT_SECONDS} s")
    assert process.stdout is not None  # noqa: S101  asked for above
    with process.stdout as answered:
        try:
            return Answer.model_validate_json(answered.read())
        except ValidationError:
            return Answer(error=f"its process died: exit code {process.returncode}")


def stop_sending(sending: Sending) -> None:
    """Kill it; whether the message has arrived is unknown then."""
    kill_tree(sending.process.pid)
    sending.process.wait()
    if sending.process.stdout is not None:
        sending.process.stdout.close()


def send_now(assignment: Assignment) -> Answer:
    """Send it and wait for the answer."""
    sending = begin_sending(assignment)
    while (answer := answer_of(sending)) is None:
        time.sleep(_LOOK_AGAIN_SECONDS)
    return answer
