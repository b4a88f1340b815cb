"""Named places where a process ends itself when it is told to: for the tests that kill it there.

    JOBRUNNER_CRASH_AT      name, or name:0.01, with that probability; `*` is every place
    JOBRUNNER_CRASH_SIGNAL  KILL (the default), or STOP: it stands still until SIGCONT
    JOBRUNNER_CRASH_FILE    only the process that can make this file does it: it happens once

Without the first variable `reach` does nothing. The places are those where a commit, a message or a
call lies on one side and not on the other; each is named for what has just been done.
"""

import os
import random
import signal
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Crash:
    """What this process does, and where."""

    name: str
    probability: float
    signal: signal.Signals
    file: str

    def reach(self, name: str) -> None:
        if self.name not in {name, "*"}:
            return
        if random.random() < self.probability and self._is_first():  # noqa: S311  no secrets
            os.kill(os.getpid(), self.signal)

    def _is_first(self) -> bool:
        if not self.file:
            return True
        try:
            os.close(os.open(self.file, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


def _read(environ: Mapping[str, str]) -> _Crash | None:
    told = environ.get("JOBRUNNER_CRASH_AT", "")
    if not told:
        return None
    name, _, probability = told.partition(":")
    return _Crash(
        name=name,
        probability=float(probability or 1),
        signal=signal.Signals[f"SIG{environ.get('JOBRUNNER_CRASH_SIGNAL', 'KILL')}"],
        file=environ.get("JOBRUNNER_CRASH_FILE", ""),
    )


_crash = _read(os.environ)


def reach(name: str) -> None:
    """To be called where the process has come to the place of that name."""
    if _crash is not None:
        _crash.reach(name)
