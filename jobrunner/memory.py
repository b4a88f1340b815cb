"""How much memory processes hold. Source: proc(5). Where there is no such thing, nothing is known.

A process that has forked shares its memory with the other until one of them writes: the sum of what is
resident counts that twice, the sum of proportional shares does not, but takes milliseconds to find out.
"""

import os
import re
import resource
import sys
from collections.abc import Iterable
from contextlib import suppress

_PAGE_BYTES = resource.getpagesize()


def reset_peak() -> None:
    """The peak of this process is counted from now on."""
    with suppress(OSError):
        # For each run: a file object takes longer than the write itself.
        clearing = os.open("/proc/self/clear_refs", os.O_WRONLY)
        try:
            os.write(clearing, b"5")
        finally:
            os.close(clearing)


def peak_bytes() -> int | None:
    """The most that this process has held since `reset_peak`."""
    if sys.platform != "linux":
        return None  # it cannot be reset
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def highest_peak_bytes(*pids: int) -> int | None:
    """The most that any one of these processes has held; None when all are gone."""
    peaks = (_kibibytes(pid, "status", "VmHWM") for pid in pids)
    return max((peak for peak in peaks if peak is not None), default=None)


def exceeds(pids: Iterable[int], limit_bytes: int) -> int | None:
    """What the processes hold together, in bytes, where that is more than the limit."""
    pids = list(pids)
    if sum(map(_resident_bytes, pids)) <= limit_bytes:
        return None
    held = sum(_kibibytes(pid, "smaps_rollup", "Pss") or 0 for pid in pids)
    return held if held > limit_bytes else None


def _resident_bytes(pid: int) -> int:
    pages = _read(pid, "statm").split()
    return int(pages[1]) * _PAGE_BYTES if pages else 0


def _kibibytes(pid: int, file: str, name: str) -> int | None:
    found = re.search(rf"^{name}:\s+(\d+) kB", _read(pid, file), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _read(pid: int, name: str) -> str:
    with suppress(OSError), open(f"/proc/{pid}/{name}", encoding="ascii", errors="replace") as file:  # noqa: PTH123  as above
        return file.read()
    return ""
