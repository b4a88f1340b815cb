"""A process with all that it has started, also what has left its group or lost its parent.

On Linux a process can ask to become the parent of every descendant whose own parent dies. A worker's
parent and its children do: what a run has started stays below the child that runs it, also after a
double fork or `setsid`, and is found there when it is to end. Elsewhere only the group is ended.

Sources: prctl(2) and proc_pid_task(5).
"""

import ctypes
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Collection
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PASSES_MAX = 50
_PARENT_SECONDS = 0.5


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, instead of process 1."""
    _call_prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """SIGKILL for this process as soon as `parent` is gone, which has just forked it."""
    _call_prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died between the fork and the call
        os.kill(os.getpid(), signal.SIGKILL)


def die_with_parent_and_take_all_along() -> None:
    """SIGKILL for this process and for all below it, within a second of its parent's death.

    The kernel would kill this process alone, and nobody finds what is below one that is gone. So a
    thread looks for the parent; code that does not let go of Python's lock keeps it waiting.
    """
    watch = threading.Thread(
        target=_outlive, args=(os.getppid(),), name="parent watch", daemon=True
    )
    watch.start()
    _call_prctl(_PR_SET_PDEATHSIG, 0)  # Celery has asked for it


def kill_tree(pid: int) -> None:
    """SIGKILL to a process and to all below it.

    It is stopped first: so what loses its parent goes to it, and nothing new is started by it. Is
    it dead already, only its group can be found from here; `sweep_orphans` ends the rest.
    """
    _send(pid, signal.SIGSTOP)
    _kill_below(pid)
    _send(pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def kill_descendants() -> None:
    """SIGKILL to all below this process. Those it has started itself stay to be waited for."""
    if sys.platform == "linux":
        _kill_below(os.getpid())
    else:
        _kill_own_group()


def descendants(pid: int) -> list[int]:
    """All that live below a process, parents first."""
    found: list[int] = []
    level = [pid]
    while level:
        level = [child for parent in level for child in _children(parent) if not _has_ended(child)]
        found += level
    return found


def sweep_orphans(own: Collection[int]) -> int:
    """End what this process has adopted; how many were still alive.

    `own`: children that it has started itself. Others that it has started are known by its group,
    which they have not left. Called where no child is being started at the same time.
    """
    group = os.getpgrp()
    alive = 0
    for pid in _children(os.getpid()):
        if pid in own or _group(pid) in {group, None}:
            continue
        if not _has_ended(pid):
            alive += 1
            kill_tree(pid)
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return alive


def how_it_ended(exit_code: int) -> str:
    """`exit code 3`, or `killed (signal 9, likely memory)` for -9.

    Nobody here sends SIGKILL without saying why: it was the kernel, most likely.
    """
    if exit_code >= 0:
        return f"exit code {exit_code}"
    likely = ", likely memory" if exit_code == -signal.SIGKILL else ""
    return f"killed (signal {-exit_code}{likely})"


def how_it_died(pid: int) -> str | None:
    """`killed (signal 9, likely memory)`, `exit code 3`; None while our child lives.

    It stays to be waited for by whoever has started it.
    """
    if not hasattr(os, "waitid"):  # macOS before Python 3.13: the pool notices
        return None
    try:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return "it is gone"
    if ended is None:
        return None
    is_exit = ended.si_code == os.CLD_EXITED
    return how_it_ended(ended.si_status if is_exit else -ended.si_status)


class Undertaker:
    """Takes adopted processes that have ended out of the process table.

    Not those that code of this process has started and may still wait for: their exit codes would
    be gone.
    """

    def __init__(self) -> None:
        self._spared: set[int] = set()

    def bury(self) -> None:
        """Look, which costs next to nothing while no child has ended."""
        if sys.platform != "linux":
            return
        try:
            if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return
        except ChildProcessError:
            return
        ended = {pid for pid in _children(os.getpid()) if _has_ended(pid)}
        self._spared &= ended
        if ended > self._spared:
            # `subprocess.Popen`, and those of `multiprocessing` and `psutil`.
            waited_for = {one.pid for one in gc.get_objects() if type(one).__name__ == "Popen"}
            self._spared |= ended & waited_for
        for pid in ended - self._spared:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _outlive(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    kill_descendants()
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_below(pid: int) -> None:
    """Until a look finds nothing new: what is being forked during one is found by the next."""
    killed: set[int] = set()
    for _ in range(_PASSES_MAX):
        found = set(descendants(pid)) - killed
        if not found:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):  # nobody forks while the others die
            for one in found:
                _send(one, number)
        killed |= found


def _kill_own_group() -> None:
    """All but this process, which steps out of its group for that moment."""
    group = os.getpid()
    with suppress(ProcessLookupError, PermissionError):  # the parent is gone, and so are we soon
        os.setpgid(0, os.getpgid(os.getppid()))
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        os.setpgid(0, group)


def _children(pid: int) -> list[int]:
    """Those of all its threads, also ended ones that nobody has waited for."""
    found: list[int] = []
    with suppress(OSError):  # it is gone, or this is no Linux
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  pathlib is slow to import
            with suppress(OSError):
                found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def _has_ended(pid: int) -> bool:
    state = _stat(pid)
    return state is None or state[0] in "ZX"


def _group(pid: int) -> int | None:
    stat = _stat(pid)
    return None if stat is None else int(stat[2])


def _stat(pid: int) -> list[str] | None:
    """State, parent, group and so on: what follows the name, which may hold anything."""
    with suppress(OSError):
        return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return None


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123  see above
        return file.read()


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _call_prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
