"""How Linux is told that nobody may outlive the supervisor. Elsewhere these do nothing.

Sources: prctl(2) for the option and its traps, proc_pid_task(5) for the list of children.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_LAST_REAP_SECONDS = 1.0


def death_signal_setter(number: int) -> Callable[[], None]:
    """What a fork calls just before its exec, so that the kernel ends it with its parent.

    It must come after a change of user, which clears the setting.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    parent = os.getpid()

    def set_death_signal() -> None:
        if libc is None:
            return
        libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the call
            os.kill(os.getpid(), signal.SIGKILL)

    return set_death_signal


def kill_orphans() -> None:
    """End the adopted ones, which left their process group behind (a job that daemonised)."""
    deadline = time.monotonic() + _LAST_REAP_SECONDS
    while (orphans := _child_ids()) and time.monotonic() < deadline:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _child_ids() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:  # noqa: PTH123  pathlib is slow to import
            return [int(word) for word in file.read().split()]
    except OSError:  # no such list on this system
        return []
