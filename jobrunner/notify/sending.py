"""A process that sends messages, one after the other: how it is started, and what it answers.

It is kept as long as there is more to send: to start one takes longer than to send fifty messages.
"""

import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import IO

from pydantic import ValidationError

from jobrunner.notify.child import ALIVE_SECONDS, LIMIT_SECONDS, Answer, Assignment
from jobrunner.process_tree import kill_tree

_END_SECONDS = 5.0


@dataclass(slots=True)
class Sender:
    """One such process. It ends when its stdin is closed, so also with whoever has started it."""

    process: subprocess.Popen[bytes]
    ends_at: float = math.inf
    """Of the monotonic clock: killed then. Infinite while it has nothing to send."""


def start_sender() -> Sender:
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
    return Sender(process)


def hand_over(sender: Sender, assignment: Assignment) -> None:
    """Let it send this; it must have answered whatever it was handed before."""
    assert sender.process.stdin is not None  # noqa: S101  asked for at the start
    sender.ends_at = time.monotonic() + ALIVE_SECONDS
    with suppress(BrokenPipeError):  # it has died; its exit code says so
        sender.process.stdin.write(assignment.model_dump_json().encode() + b"\n")
        sender.process.stdin.flush()


def wait_for_answers(senders: Iterable[Sender], timeout_seconds: float) -> None:
    """Return as soon as one of them has answered or died, or after that time."""
    wait([_stdout_of(one).fileno() for one in senders], timeout_seconds)


def answer_of(sender: Sender) -> Answer | None:
    """How it went; None while it goes on. One that takes too long is killed with all it has started.

    After an error the process is of no more use: what foreign code has left behind in it nobody knows.
    """
    stdout = _stdout_of(sender)
    if not wait([stdout.fileno()], 0):
        if time.monotonic() < sender.ends_at:
            return None
        stop_sender(sender)
        return Answer(error=f"its process did not end within {ALIVE_SECONDS} s")
    try:
        answer = Answer.model_validate_json(stdout.readline())
    except ValidationError:  # nothing, or not all of it
        return Answer(error=_reason_of_death(sender))
    if answer.error:
        stop_sender(sender)
    sender.ends_at = math.inf
    return answer


def stop_sender(sender: Sender) -> None:
    """Kill it, unless that was done; whether a message that is under way has arrived is unknown then."""
    pipes = [pipe for pipe in (sender.process.stdin, sender.process.stdout) if pipe is not None]
    if all(pipe.closed for pipe in pipes):
        return
    kill_tree(sender.process.pid)
    sender.process.wait()
    for pipe in pipes:
        with suppress(BrokenPipeError):  # what it has not read any more
            pipe.close()


def send_now(assignment: Assignment) -> Answer:
    """Send it by a process of its own and wait for the answer. Raises OSError as `start_sender` does."""
    sender = start_sender()
    hand_over(sender, assignment)
    while (answer := answer_of(sender)) is None:
        wait_for_answers([sender], sender.ends_at - time.monotonic())
    stop_sender(sender)
    return answer


def _stdout_of(sender: Sender) -> IO[bytes]:
    assert sender.process.stdout is not None  # noqa: S101  asked for at the start
    return sender.process.stdout


def _reason_of_death(sender: Sender) -> str:
    with suppress(subprocess.TimeoutExpired):
        sender.process.wait(_END_SECONDS)
    stop_sender(sender)
    if sender.process.returncode == -signal.SIGALRM:
        return f"not sent within its time limit of {LIMIT_SECONDS} s"
    return f"its process died: exit code {sender.process.returncode}"
