"""A worker for development: started anew, in order, whenever Python below the project changes."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import watchfiles

_GATHER_MILLISECONDS = 200
_LOOK_MILLISECONDS = 500
_NAMED = 3


def saved_python(root: Path, stop: threading.Event) -> Iterator[list[Path]]:
    """What was saved, each time, until `stop`; nothing twice a second, when nothing was."""
    for changes in watchfiles.watch(
        root,
        watch_filter=watchfiles.PythonFilter(),
        debounce=_GATHER_MILLISECONDS,
        rust_timeout=_LOOK_MILLISECONDS,
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=False,
        ignore_permission_denied=True,
    ):
        yield sorted({Path(path) for _, path in changes})


def names_of(changed: Iterable[Path], root: Path) -> str:
    """As a person knows them: `tasks/mail.py, tasks/shop.py`; of many the first and how many more."""
    names = [_name(path, root) for path in changed]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


@dataclass
class Reloading:
    """One worker at a time. `run` until SIGTERM or Ctrl-C.

    While a file that was saved cannot be read as Python there is no worker: it would go on with code
    that nobody sees any more, or fail run by run.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    root: Path
    say: Callable[[str], None]
    _stop: threading.Event = field(default_factory=threading.Event)
    _worker: "subprocess.Popen[bytes] | None" = None
    _broken: set[Path] = field(default_factory=set)

    def run(self) -> int:
        """The exit code of the last worker."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        self._start()
        for changed in saved_python(self.root, self._stop):
            if changed:
                self._reload(changed)
            elif self._worker is not None and self._worker.poll() is not None:
                self.say(f"The worker has ended by itself, exit code {self._worker.returncode}.")
                self._wait_for_next_save()
        return 0 if self._worker is None else self._worker.wait()

    def _end(self, number: int, _: FrameType | None) -> None:
        self._stop.set()
        # Ctrl-C reaches the worker from the terminal.
        if number == signal.SIGTERM and self._worker is not None:
            self._worker.terminate()

    def _start(self) -> None:
        if not self._stop.is_set():
            self._worker = subprocess.Popen(self.argv, env=dict(self.environment))  # noqa: S603  our own interpreter

    def _reload(self, changed: Sequence[Path]) -> None:
        self.say(f"{names_of(changed, self.root)} changed; the worker starts anew.")
        if self._worker is not None:
            self._worker.terminate()
            self._worker.wait()
            self._worker = None
        problems = self._problems(changed)
        for problem in problems:
            self.say(problem)
        if problems:
            self._wait_for_next_save()
        else:
            self._start()

    def _problems(self, changed: Iterable[Path]) -> list[str]:
        """Of what has changed, and of what was broken before."""
        found = {path: _problem(path, self.root) for path in sorted(self._broken | set(changed))}
        self._broken = {path for path, problem in found.items() if problem}
        return [problem for problem in found.values() if problem]

    def _wait_for_next_save(self) -> None:
        self._worker = None
        self.say("No worker is at work; the next save of a .py file starts one.")


def _problem(path: Path, root: Path) -> str:
    """Why it cannot be read as Python; '' when it can, or is gone."""
    try:
        compile(path.read_bytes(), str(path), "exec")
    except FileNotFoundError:
        return ""
    except SyntaxError as error:
        return f"{_name(path, root)}:{error.lineno}: {error.msg}"
    except (OSError, ValueError) as error:  # no permission; a NUL byte
        return f"{_name(path, root)}: {error}"
    return ""


def _name(path: Path, root: Path) -> str:
    return os.path.relpath(path, root)
