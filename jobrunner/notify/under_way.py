"""The messages that are being sent: a receiver has one at a time, and waits for no other receiver.

The processes belong to no receiver: one that is done takes whoever's message is next.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from jobrunner.db.notifications import Notification, Receiver
from jobrunner.notify.child import Answer, Assignment
from jobrunner.notify.sending import (
    Sender,
    answer_of,
    hand_over,
    start_sender,
    stop_sender,
    wait_for_answers,
)

AT_ONCE_MAX = 16
_KEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Sending:
    notification: Notification
    sender: Sender


@dataclass(frozen=True, slots=True)
class _Idle:
    sender: Sender
    since: float
    """Of the monotonic clock."""


class UnderWay:
    """What is being sent, and the processes that have nothing to do for a moment; `close` once."""

    def __init__(self) -> None:
        self._sending: list[_Sending] = []
        self._idle: list[_Idle] = []

    def receivers(self) -> list[Receiver]:
        """Whom something is being sent to."""
        return [one.notification.receiver for one in self._sending]

    def room(self) -> int:
        """How many more may be begun."""
        return AT_ONCE_MAX - len(self._sending)

    def begin(self, notification: Notification, assignment: Assignment) -> None:
        """Send it. Raises OSError when no process can be had."""
        # The one that was busy last: of the others some are not needed any more.
        sender = self._idle.pop().sender if self._idle else start_sender()
        hand_over(sender, assignment)
        self._sending.append(_Sending(notification, sender))

    def answers(self, wait_seconds: float) -> Iterator[tuple[Notification, Answer]]:
        """How those went that are over, as soon as there is one, or after that time."""
        self._end_idle()
        if self._sending:
            wait_for_answers([one.sender for one in self._sending], wait_seconds)
        for one in list(self._sending):
            answer = answer_of(one.sender)
            if answer is not None:
                self._sending.remove(one)
                if not answer.error:
                    self._idle.append(_Idle(one.sender, time.monotonic()))
                yield one.notification, answer

    def close(self) -> None:
        """End all processes: what they were sending is owed still."""
        for sender in [one.sender for one in self._sending] + [one.sender for one in self._idle]:
            stop_sender(sender)

    def _end_idle(self) -> None:
        while self._idle and self._idle[0].since < time.monotonic() - _KEPT_SECONDS:
            stop_sender(self._idle.pop(0).sender)
