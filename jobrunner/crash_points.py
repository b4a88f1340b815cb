"""Named places where a process ends itself when it is told to: for the tests that kill it there.

    JOBRUNNER_CRASH_AT      name, name:3 (the third time), name:0.01 (each time with that
                            probability); `*` is every place
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


@dataclass(slots=True)
class _Crash:
    """What this process does, and where."""

    name: str
    after: int
    """How many times it has still to get there; with a `probability` it is not looked at."""
    probability: float | None
    signal: signal.Signals
    file: str

    def reach(self, name: str) -> None:
        if self.name not in {name, "*"} or not self._is_time() or not self._is_first():
            return
        os.kill(os.getpid(), self.signal)

    def _is_time(self) -> bool:
        if self.probability is not None:
            return random.random() < self.probability  # noqa: S311  accidents, no secrets
        self.after -= 1
        return self.after == 0

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
    name, _, when = told.partition(":")
    return _Crash(
        name=name,
        after=int(when or 1) if "." not in when else 0,
        probability=float(when) if "." in when else None,
        signal=signal.Signals[f"SIG{environ.get('JOBRUNNER_CRASH_SIGNAL', 'KILL')}"],
        file=environ.get("JOBRUNNER_CRASH_FILE", ""),
    )


_crash = _read(os.environ)


def reach(name: str) -> None:
    """To be called where the process has come to the place of that name."""
    if _crash is not None:
        _crash.reach(name)
