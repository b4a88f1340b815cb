"""Start processes that cannot outlive this one: the client of `supervisor.py`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from jobrunner.embedded.program import Program, encode_message
from jobrunner.errors import EmbeddedServerError

EVERYTHING_STOPS_WITHIN_SECONDS = 5.0
_START_TIMEOUT_SECONDS = 10.0
_PACKAGE_FOLDER = Path(__file__).resolve().parent.parent.parent


class Child:
    """A started program. Its fields are set by the supervisor's events, in a thread of their own."""

    def __init__(
        self,
        program: Program,
        on_line: Callable[[str], None] | None,
        on_exit: Callable[[int], None] | None,
    ) -> None:
        self.program = program
        self.pid = 0
        """Of the leader of its process group; 0 until it is started."""
        self.exit_code: int | None = None
        """None while it runs; negative is a signal, as with subprocess."""
        self.error = ""
        """Why it could not be started."""
        self._on_line = on_line
        self._on_exit = on_exit
        self._settled = threading.Event()
        self._ended = threading.Event()

    @property
    def name(self) -> str:
        return self.program.name

    def wait(self, timeout_seconds: float) -> int | None:
        """The exit code, or None when it still runs after `timeout_seconds`."""
        self._ended.wait(timeout_seconds)
        return self.exit_code

    def _wait_until_settled(self) -> None:
        if not self._settled.wait(_START_TIMEOUT_SECONDS):
            self.error = "the supervisor does not answer"

    def _take(self, event: Mapping[str, Any]) -> None:
        match event:
            case {"event": "started", "pid": int(pid)}:
                self.pid = pid
                self._settled.set()
            case {"event": "failed", "error": str(error)}:
                self.error = error
                self._end(127)
            case {"event": "line", "line": str(line)} if self._on_line is not None:
                self._on_line(line)
            case {"event": "exited", "exit_code": int(exit_code)}:
                self._end(exit_code)

    def _end(self, exit_code: int) -> None:
        self.exit_code = exit_code
        self._settled.set()
        self._ended.set()
        if self._on_exit is not None and not self.error:
            self._on_exit(exit_code)


class Supervisor:
    """Starts programs and ends them all with this process, whatever becomes of it. Context manager.

    `on_line` and `on_exit` are called in one thread, in the order of events: they must be quick and
    must not start or stop programs themselves. `keep_open` are file descriptors that stay open until
    the last program has ended, for a lock that must hold as long.
    """

    def __init__(self, *, keep_open: Sequence[int] = ()) -> None:
        self._children: dict[str, Child] = {}
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jobrunner.embedded.supervisor"],
            cwd=_PACKAGE_FOLDER,  # `-m` looks there first, wherever the package was imported from
            env={"PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=tuple(keep_open),
            start_new_session=True,  # the terminal's Ctrl-C reaches this process only
        )
        self._events = threading.Thread(
            target=self._follow_events, args=(self._process.stdout,), name="supervisor", daemon=True
        )
        self._events.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """False once somebody has killed it: nothing can be started then, and everything has ended."""
        return self._process.poll() is None

    def start(
        self,
        program: Program,
        *,
        on_line: Callable[[str], None] | None = None,
        on_exit: Callable[[int], None] | None = None,
    ) -> Child:
        """Start it and return once it runs. Raises EmbeddedServerError when it cannot be started."""
        child = Child(program, on_line, on_exit)
        with self._lock:
            earlier = self._children.get(program.name)
            if earlier is not None and earlier.exit_code is None:
                raise EmbeddedServerError(f"A program named {program.name} already runs here.")
            self._children[program.name] = child
        try:
            self._request(do="start", program=program.to_json())
        except EmbeddedServerError:
            with self._lock:  # or it would count as running for ever: no event will come
                del self._children[program.name]
            raise
        child._wait_until_settled()  # noqa: SLF001  one unit with this class
        if child.error:
            raise EmbeddedServerError(f"{program.argv[0]} could not be started: {child.error}.")
        return child

    def stop(self, name: str) -> int | None:
        """Stop it, by force after its time-out, and return its exit code; None when it is unknown."""
        child = self._children.get(name)
        if child is None:
            return None
        if child.exit_code is None:
            self._request(do="stop", name=name)
        return child.wait(child.program.stop_timeout_seconds + EVERYTHING_STOPS_WITHIN_SECONDS)

    def close(self) -> None:
        """Stop everything, the highest stage first, and the supervisor. May be called twice."""
        assert self._process.stdin is not None  # noqa: S101  a pipe was asked for
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(2 * EVERYTHING_STOPS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._events.join(EVERYTHING_STOPS_WITHIN_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _request(self, **fields: object) -> None:
        assert self._process.stdin is not None  # noqa: S101  a pipe was asked for
        try:
            with self._lock:
                self._process.stdin.write(encode_message(**fields))
                self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise EmbeddedServerError(
                "The supervisor has ended, and its programs with it."
            ) from error

    def _follow_events(self, events: IO[bytes]) -> None:
        with events:
            for line in events:
                event = json.loads(line)
                self._children[event["name"]]._take(event)  # noqa: SLF001  one unit with this class
        self._sweep()

    def _sweep(self) -> None:
        """The supervisor is gone; where it was killed and the system ended nobody for it, do so here."""
        for child in list(self._children.values()):
            if child.exit_code is None:
                if child.pid:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(child.pid, signal.SIGKILL)
                child._take({"event": "exited", "exit_code": -signal.SIGKILL})  # noqa: SLF001
