"""Descriptors 1 and 2, led through a pipe: what subprocesses and C code write, not only Python's print.

The pipe takes their place once and stays there. A thread reads it, so that no writer waits for long;
`drain` reads what is there without waiting, so that a daemon which keeps the pipe open keeps nobody.
"""

import ctypes
import fcntl
import logging
import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

_STDOUT, _STDERR = 1, 2
_PIPE_BYTES = 1024 * 1024
"""The most that Linux gives without privileges. A writer that holds Python's global lock, such as a C
extension, can fill it before the thread gets to read."""
_READ_BYTES = 64 * 1024


class DescriptorPipe:
    """Takes over 1 and 2 of this process when it is made; every piece goes to `take`."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._real = {number: os.dup(number) for number in (_STDOUT, _STDERR)}
        _keep_log_handlers_on(self._real)
        self.reopen()

    def reopen(self) -> None:
        """A pipe of its own for this process, which has been forked from the one that had the other."""
        self._pid = os.getpid()
        self._lock = threading.RLock()  # a signal's handler may write where it interrupts a read
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._room = _enlarge(self._writing)
        self.put_in_place()
        threading.Thread(target=self._read_on, name="run output", daemon=True).start()

    def put_in_place(self) -> None:
        """Again, where a run may have closed or replaced 1 and 2."""
        for number in self._real:
            os.dup2(self._writing, number)

    def flush(self) -> None:
        """Let C code of this process write what it keeps in its buffers."""
        _LIBC.fflush(None)  # not under the lock: it may have to wait for the thread

    def drain(self) -> None:
        """Hand on what has been written until now."""
        with self._lock:
            left = self._room
            while left > 0 and (data := self._read(left)):
                left -= len(data)

    def real(self, number: int) -> int:
        """Where 1 or 2 led before; in a process that a run has forked the pipe itself."""
        return self._real[number] if os.getpid() == self._pid else number

    def _read_on(self) -> None:
        readable = select.poll()
        readable.register(self._reading, select.POLLIN)
        while True:
            readable.poll()
            with self._lock:
                self._read(_READ_BYTES)

    def _read(self, most_bytes: int) -> bytes:
        try:
            data = os.read(self._reading, min(most_bytes, _READ_BYTES))
        except BlockingIOError:
            return b""
        self._take(data)
        return data


_LIBC = ctypes.CDLL(None)


def _enlarge(pipe: int) -> int:
    """How many bytes it holds."""
    if sys.platform != "linux":
        return _READ_BYTES
    with suppress(OSError):  # the user's pipes are many already
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)


def _keep_log_handlers_on(real: dict[int, int]) -> None:
    """The worker's own log stays out of what a run prints."""
    streams = {sys.__stdout__: _STDOUT, sys.__stderr__: _STDERR}
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and handler.stream in streams:
                number = real[streams[handler.stream]]
                handler.setStream(
                    open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115  a number, for good
                )
