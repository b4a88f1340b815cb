"""What a callable may change of its process, put back after each run.

Put back: working directory, environment, umask, signal handlers and mask, timers, locale, `sys.path`,
the standard streams and `logging.disable`. What its module sets while it is imported stays: that
happens once.

Not put back: threads, processes and descriptors, which may be an engine or a pool that serves the runs
to come; `isolate: true` is for the rest.
"""

import _signal  # type: ignore[import-not-found]  # `signal.getsignal` makes an enum of each: 20 times as dear
import locale
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TextIO

import structlog

from jobrunner.process_tree import Undertaker

_SIGNALS = sorted(map(int, signal.valid_signals()))

log = structlog.get_logger("jobrunner.execute")


@dataclass(frozen=True, slots=True)
class _Before:
    working_directory: str | None
    environment: dict[bytes, bytes]
    umask: int
    handlers: tuple[Any, ...]
    """Of `_SIGNALS`; None for one that Python has not set and cannot set again."""
    blocked: set[signal.Signals | int]
    timers: tuple[tuple[float, float], ...]
    locale: str
    logging_disabled: int
    path: list[str]
    streams: tuple[TextIO, TextIO, TextIO]
    threads: list[threading.Thread]


@dataclass(slots=True)
class Surroundings:
    """What one process puts back, run after run."""

    _before: _Before | None = None
    _told: set[str] = field(default_factory=set)
    _undertaker: Undertaker = field(default_factory=Undertaker)

    @contextmanager
    def restored(self, address: str) -> Iterator[None]:
        """The process is afterwards as it was when `remember` was called in the block, if it was."""
        try:
            yield
        finally:
            before, self._before = self._before, None
            if before is not None:
                _put_back(before)
                self._tell_of_threads(address, before.threads)
            self._undertaker.bury()

    def remember(self) -> None:
        """The callable is loaded; what it changes from now on is put back."""
        umask = os.umask(0o077)  # it can only be read by setting it
        os.umask(umask)
        self._before = _Before(
            working_directory=_working_directory(),
            environment=_environment().copy(),
            umask=umask,
            handlers=tuple(map(_signal.getsignal, _SIGNALS)),
            blocked=_blocked(),
            timers=_timers(),
            locale=locale.setlocale(locale.LC_ALL),
            logging_disabled=logging.root.manager.disable,
            path=sys.path.copy(),
            streams=(sys.stdin, sys.stdout, sys.stderr),
            threads=threading.enumerate(),
        )

    def _tell_of_threads(self, address: str, before: list[threading.Thread]) -> None:
        now = threading.enumerate()
        if now == before or address in self._told:
            return
        left = [one.name for one in now if one not in before and one.name != "run log"]
        if left:
            self._told.add(address)
            log.warning("threads_left_behind", job=address, threads=left[:10])


def _put_back(before: _Before) -> None:
    if _working_directory() != before.working_directory and before.working_directory is not None:
        with suppress(OSError):  # it has been removed
            os.chdir(before.working_directory)
    if _environment() != before.environment:
        _put_back_environment(before.environment)
    os.umask(before.umask)
    for number, handler in zip(_SIGNALS, before.handlers, strict=True):
        if handler is not None and _signal.getsignal(number) is not handler:
            signal.signal(number, handler)
    if _timers() != before.timers:
        for timer, (seconds, interval) in zip(_TIMERS, before.timers, strict=True):
            signal.setitimer(timer, seconds, interval)
    if _blocked() != before.blocked:
        signal.pthread_sigmask(signal.SIG_SETMASK, before.blocked)
    if locale.setlocale(locale.LC_ALL) != before.locale:
        locale.setlocale(locale.LC_ALL, before.locale)
    if logging.root.manager.disable != before.logging_disabled:
        logging.disable(before.logging_disabled)
    if sys.path != before.path:
        sys.path[:] = before.path
    sys.stdin, sys.stdout, sys.stderr = before.streams


def _working_directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109  for each run: pathlib takes longer
    except OSError:  # it has been removed
        return None


def _environment() -> dict[bytes, bytes]:
    return os.environb._data  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001  a copy of the public one takes 60 times as long


def _put_back_environment(before: dict[bytes, bytes]) -> None:
    has_moved = os.environb.get(b"TZ") != before.get(b"TZ")
    for name in list(_environment()):
        if name not in before:
            del os.environb[name]
    for name, value in before.items():
        if os.environb.get(name) != value:
            os.environb[name] = value
    if has_moved:
        time.tzset()


_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


def _timers() -> tuple[tuple[float, float], ...]:
    return tuple(map(signal.getitimer, _TIMERS))


def _blocked() -> set[signal.Signals | int]:
    return signal.pthread_sigmask(signal.SIG_BLOCK, ())
