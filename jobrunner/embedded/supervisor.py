"""A small process that starts others on request and lets none of them outlive its parent.

`python -m jobrunner.embedded.supervisor`, started by `children.Supervisor`. Requests come in on
standard input and events go out on standard output, one JSON object a line:

    {"do": "start", "program": {…}}   → started, any number of line, exited · or failed
    {"do": "stop", "name": …}         → exited, by its stop signal or by force

When the input ends, whoever held the other end of the pipe is gone, by whatever death: everything
is stopped, the highest stage first, and then the supervisor ends itself.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from jobrunner.embedded.descendants import death_signal_setter, kill_orphans
from jobrunner.embedded.program import LineBuffer, Program, encode_message
from jobrunner.process_tree import adopt_orphans

LONGEST_LINE_BYTES = 64 * 1024
_PARENT_CHECK_SECONDS = 1.0
_FORCED_EXIT_SECONDS = 1.0


def main() -> None:
    """Serve until standard input ends or SIGTERM; the terminal's Ctrl-C is for the parent to handle."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        # Not SIG_IGN, which the programs would inherit: many could never be interrupted.
        signal.signal(number, lambda *_: None)
    adopt_orphans()
    _Supervisor(requests=sys.stdin.fileno(), events=sys.stdout.fileno()).serve()
    kill_orphans()


@dataclass(eq=False)
class _Child:
    program: Program
    process: subprocess.Popen[bytes]
    lines: LineBuffer = field(default_factory=lambda: LineBuffer(longest_bytes=LONGEST_LINE_BYTES))
    kill_at: float | None = None
    """Monotonic; set once the child has been told to stop."""


class _Supervisor:
    """One thread: Linux sends a death signal already when the thread that forked has ended."""

    def __init__(self, *, requests: int, events: int) -> None:
        self._requests = requests
        self._request_lines = LineBuffer(longest_bytes=sys.maxsize)
        self._events = events
        self._parent = os.getppid()
        self._children: dict[str, _Child] = {}
        self._selector = selectors.DefaultSelector()
        self._ending = False

    def serve(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        self._wake_on_signals()
        self._selector.register(self._requests, selectors.EVENT_READ, self._read_requests)
        while not self._ending or self._children:
            self._run_once()

    def _wake_on_signals(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)  # the default would wake nothing
        woken, wake = os.pipe()
        for end in (woken, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._selector.register(woken, selectors.EVENT_READ, lambda: os.read(woken, 512))

    def _run_once(self) -> None:
        for key, _ in self._selector.select(self._seconds_to_wait()):
            key.data()
        self._reap()
        if os.getppid() != self._parent:  # for a pipe that a fork of the parent still holds open
            self._end()
        if self._ending:
            self._stop_highest_stage()
        self._kill_overdue()

    def _seconds_to_wait(self) -> float:
        deadlines = [
            child.kill_at for child in self._children.values() if child.kill_at is not None
        ]
        nearest = min(deadlines, default=float("inf")) - time.monotonic()
        return max(0.0, min(nearest, _PARENT_CHECK_SECONDS))

    def _read_requests(self) -> None:
        chunk = os.read(self._requests, LONGEST_LINE_BYTES)
        if not chunk:
            self._end()
        for line in self._request_lines.feed(chunk):
            match json.loads(line):
                case {"do": "start", "program": program}:
                    self._start(Program.from_json(program))
                case {"do": "stop", "name": name}:
                    self._stop(name)

    def _end(self) -> None:
        self._ending = True
        with contextlib.suppress(KeyError):  # said twice
            self._selector.unregister(self._requests)

    def _start(self, program: Program) -> None:
        try:
            process = _spawn(program)
        except (OSError, subprocess.SubprocessError) as error:
            self._tell(event="failed", name=program.name, error=str(error))
            return
        child = self._children[program.name] = _Child(program, process)
        if process.stdout is not None:
            self._listen_to(child, process.stdout)
        self._tell(event="started", name=program.name, pid=process.pid)

    def _listen_to(self, child: _Child, output: IO[bytes]) -> None:
        os.set_blocking(output.fileno(), False)
        self._selector.register(output, selectors.EVENT_READ, lambda: self._read(child, output))

    def _read(self, child: _Child, output: IO[bytes]) -> bool:
        """Pass on what there is; False when nothing is left to read now."""
        try:
            chunk = os.read(output.fileno(), LONGEST_LINE_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self._hang_up(child, output)
        self._tell_lines(child, child.lines.feed(chunk))
        return bool(chunk)

    def _hang_up(self, child: _Child, output: IO[bytes]) -> None:
        self._selector.unregister(output)
        output.close()
        self._tell_lines(child, child.lines.finish())

    def _reap(self) -> None:
        """Collect the children that ended, and the orphans adopted on the way."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                for child in list(self._children.values()):
                    if child.process.pid == ended[0]:
                        self._finish(child, os.waitstatus_to_exitcode(ended[1]))

    def _finish(self, child: _Child, exit_code: int) -> None:
        _send_signal(os.killpg, child.process.pid, signal.SIGKILL)  # whom it left behind
        output = child.process.stdout
        if output is not None and not output.closed:
            while self._read(child, output):  # its last words
                pass
            if not output.closed:  # a descendant that moved away holds the other end
                self._hang_up(child, output)
        child.process.returncode = exit_code  # waited for here, not by Popen
        del self._children[child.program.name]
        self._tell(event="exited", name=child.program.name, exit_code=exit_code)

    def _stop_highest_stage(self) -> None:
        highest = max((child.program.stage for child in self._children.values()), default=0)
        for name, child in self._children.items():
            if child.program.stage == highest:
                self._stop(name)

    def _stop(self, name: str) -> None:
        child = self._children.get(name)
        if child is not None and child.kill_at is None:
            child.kill_at = time.monotonic() + child.program.stop_timeout_seconds
            _send_signal(os.kill, child.process.pid, child.program.stop_signal)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.kill_at is not None and child.kill_at <= now:
                _send_signal(os.killpg, child.process.pid, signal.SIGKILL)
                child.kill_at = now + _FORCED_EXIT_SECONDS

    def _tell_lines(self, child: _Child, lines: list[bytes]) -> None:
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            self._tell(event="line", name=child.program.name, line=text)

    def _tell(self, **fields: object) -> None:
        data = encode_message(**fields)
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more; the input ends next
            while data:
                data = data[os.write(self._events, data) :]


def _spawn(program: Program) -> "subprocess.Popen[bytes]":
    with contextlib.ExitStack() as opened:
        output: int | IO[bytes] = subprocess.PIPE
        if program.log_file:
            output = opened.enter_context(open(program.log_file, "ab"))  # noqa: PTH123  pathlib is slow to import
        return subprocess.Popen(  # noqa: S603  the parent says what to run
            program.argv,
            env=dict(program.env),
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            user=program.user_id,
            group=program.group_id,
            extra_groups=None if program.user_id is None else [],
            preexec_fn=death_signal_setter(program.death_signal),  # noqa: PLW1509  one thread, so safe
        )


def _send_signal(send: Callable[[int, int], None], target: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # already gone
        send(target, number)


if __name__ == "__main__":
    main()
