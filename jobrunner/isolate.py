"""`isolate: true`: a run in a process of its own, forked for it and gone with it."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from jobrunner.process_tree import adopt_orphans, die_with, kill_tree


@dataclass(frozen=True, slots=True)
class Ended:
    """The process that is gone."""

    exit_code: int
    """Negative: the signal that has killed it."""
    memory_peak_bytes: int | None
    """The most that it held."""


def in_own_process(body: Callable[[], None], *, passed_on: Sequence[int]) -> Ended:
    """Fork a process that does `body` and nothing else, and wait for its end.

    Signals `passed_on`, which are sent to this process, reach the other. It dies with this one; and
    when this one is told to end, which raises here, it is killed first.
    """
    own_id = os.getpid()
    # None comes while there is nobody yet to pass it on to.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, passed_on)
    pid = os.fork()
    if pid == 0:
        _be_the_other(own_id, body, blocked)
    before = [signal.signal(number, lambda it, _: _pass_on(pid, it)) for number in passed_on]
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    try:
        _, status, usage = os.wait4(pid, 0)
    except BaseException:
        kill_tree(pid)
        os.waitpid(pid, 0)
        raise
    finally:
        for number, handler in zip(passed_on, before, strict=True):
            signal.signal(number, handler)
    peak_bytes = usage.ru_maxrss * 1024 if sys.platform == "linux" else None
    return Ended(os.waitstatus_to_exitcode(status), peak_bytes)


def _pass_on(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it has just been waited for
        os.kill(pid, number)


def _be_the_other(
    parent: int, body: Callable[[], None], blocked: "set[signal.Signals | int]"
) -> NoReturn:
    exit_code = 1
    try:
        die_with(parent)
        adopt_orphans()
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        body()
        exit_code = 0
    except BaseException:  # noqa: BLE001  nothing of this process may go on in the code that has forked it
        traceback.print_exc()
    finally:
        os._exit(exit_code)
