"""A program under the supervisor that is started again when it ends, ever more slowly."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jobrunner.cli.nearby import nearby
from jobrunner.cli.style import cut
from jobrunner.embedded.children import Child, Supervisor
from jobrunner.embedded.program import Program
from jobrunner.errors import EmbeddedServerError
from jobrunner.wording.foreign_text import one_line

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0
_WELL_AFTER_SECONDS = 30.0
"""A program that ran for this long starts again at once, as if it were its first end."""
_LAST_LINE_COLUMNS = 160


class KeptProgram:
    """One of beat, worker and web. Call `run_once` again and again."""

    def __init__(
        self,
        supervisor: Supervisor,
        make_program: Callable[[], Program],
        *,
        starts_at: float = 0.0,
    ) -> None:
        """`starts_at` is monotonic: it is not started before."""
        self._supervisor = supervisor
        self._make_program = make_program
        self._child: Child | None = None
        self._started_at = 0.0
        self._start_at = starts_at
        self._ends = 0
        self._is_ending_on_purpose = False

    def run_once(self, now: float) -> str:
        """Start it if it is time to; `now` is monotonic. What is worth telling, '' for nothing."""
        if self._child is not None and self._child.exit_code is not None:
            return self._end(self._child, self._child.exit_code, now)
        if self._child is None and now >= self._start_at:
            return self._start(now)
        return ""

    def restart(self) -> None:
        """End it in order; `run_once` starts it again as soon as it is gone."""
        if self._child is not None and self._child.exit_code is None and self._child.pid:
            self._is_ending_on_purpose = True
            with suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGTERM)

    def kill(self) -> None:
        """At once, with all its processes."""
        if self._child is not None and self._child.exit_code is None and self._child.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def _start(self, now: float) -> str:
        program = self._make_program()
        _keep_one_earlier(Path(program.log_file))
        self._started_at = now
        try:
            self._child = self._supervisor.start(program)
        except EmbeddedServerError as error:
            return f"{error.message} {self._pause(now)}"
        return "started" if self._ends == 0 else "started again"

    def _end(self, child: Child, exit_code: int, now: float) -> str:
        self._child = None
        if self._is_ending_on_purpose:
            self._is_ending_on_purpose = False
            return self._start(now)
        if now - self._started_at > _WELL_AFTER_SECONDS:
            self._ends = 0
        log_file = Path(child.program.log_file)
        again = self._pause(now)
        if exit_code < 0:
            return f"ended by {_signal_name(-exit_code)}; {again}; its log is {nearby(log_file)}"
        # What is killed has said nothing of it: only a program that gave up has a last word.
        last = _last_line(log_file) if exit_code > 0 else ""
        return f"ended with exit code {exit_code}; {again}" + (f"   {last}" if last else "")

    def _pause(self, now: float) -> str:
        seconds = min(_FIRST_PAUSE_SECONDS * 2**self._ends, _LONGEST_PAUSE_SECONDS)
        self._ends += 1
        self._start_at = now + seconds
        return f"again in {seconds:g} s"


def _keep_one_earlier(log_file: Path) -> None:
    """So that logs do not grow for ever and the story of the last crash is not lost."""
    if log_file.exists():
        log_file.replace(log_file.with_suffix(".log.1"))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _last_line(log_file: Path) -> str:
    with suppress(OSError):
        lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        last = next((line for line in reversed(lines) if line.strip()), "")
        return cut(one_line(last), _LAST_LINE_COLUMNS)
    return ""
