"""Calls judged by importing the tasks, in a process of their own: what they do there stays there.

One process serves all modules, as a worker does. A module that hangs, exits or kills it is told of, and
the rest is asked of a new one.
"""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from jobrunner.import_questions import Answer, Opening, Question
from jobrunner.misfits import Judged, Problem
from jobrunner.process_tree import how_it_ended, kill_tree
from jobrunner.spec.calls import Call

IMPORT_LIMIT_SECONDS = 30.0
_READ_BYTES = 1 << 16
_LOOK_SECONDS = 0.5
_CLOSED_SECONDS = 0.05


class TaskImports:
    """Ask `judge` again and again, calls of one module together; `close` at the end."""

    def __init__(self, root: Path, *, allow: Sequence[str], limit_seconds: float) -> None:
        self._root = root
        self._allow = tuple(allow)
        self._limit_seconds = limit_seconds
        self._child: _Child | None = None
        self._broken: dict[str, Problem] = {}
        """What has ended its process, by module: it is not asked for again."""

    def judge(self, call: Call) -> Judged | Problem | None:
        """What a worker would find wrong with the call; None where it is right, or nobody can tell."""
        module = call.path.rpartition(".")[0]
        if module in self._broken:
            return self._broken[module]
        if self._child is None:
            self._child = _Child(self._root, self._allow, self._limit_seconds)
        try:
            answer = self._child.ask(_question(call))
        except _NoAnswer as why:
            self._child = None
            self._broken[module] = Problem(
                "E305", f"the module '{module}' cannot be loaded: {why}",
                help=f'try it: python -c "import {module}"', module=module,
            )  # fmt: skip
            return self._broken[module]
        return answer.judged or answer.problem

    def close(self) -> None:
        """End the process and all that the modules have started."""
        child, self._child = self._child, None
        if child is not None:
            child.end()


@contextmanager
def task_imports(
    root: Path, *, allow: Sequence[str], limit_seconds: float = IMPORT_LIMIT_SECONDS
) -> Iterator[TaskImports]:
    """For the length of a block."""
    imports = TaskImports(root, allow=allow, limit_seconds=limit_seconds)
    try:
        yield imports
    finally:
        imports.close()


class _NoAnswer(Exception):
    """Why there was none, in words."""


class _Child:
    def __init__(self, root: Path, allow: tuple[str, ...], limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self._answers, answers = os.pipe()
        self._rest = b""
        try:
            self._process = subprocess.Popen(
                # -P: what lies in the project's folder is not in the way of what the child needs itself.
                [sys.executable, "-P", "-m", "jobrunner.import_child"],
                cwd=root,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[answers],
                start_new_session=True,
            )
        finally:
            os.close(answers)
        opening = Opening(parent=os.getpid(), answers=answers, root=str(root), allow=allow)
        self._write(opening)

    def ask(self, question: Question) -> Answer:
        """Raises _NoAnswer, and has ended then."""
        self._write(question)
        return Answer.model_validate_json(self._read_line())

    def end(self) -> int:
        """How it has ended, by itself or now: see `process_tree.how_it_ended`."""
        kill_tree(self._process.pid)  # not waited for yet, so its number is nobody else's
        exit_code = self._process.wait()
        os.close(self._answers)
        assert self._process.stdin is not None  # noqa: S101  asked for above
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        return exit_code

    def _write(self, line: Opening | Question) -> None:
        assert self._process.stdin is not None  # noqa: S101  asked for above
        with suppress(BrokenPipeError):  # that it has ended is seen where the answer is read
            self._process.stdin.write(line.model_dump_json().encode() + b"\n")
            self._process.stdin.flush()

    def _read_line(self) -> bytes:
        ends_at = time.monotonic() + self._limit_seconds
        while b"\n" not in self._rest:
            has_ended = self._has_ended()
            left = ends_at - time.monotonic()
            wait_seconds = max(min(left, _LOOK_SECONDS), 0.0)
            is_readable = bool(select.select([self._answers], [], [], wait_seconds)[0])
            read = os.read(self._answers, _READ_BYTES) if is_readable else b""
            self._rest += read
            if has_ended and not read:
                raise _NoAnswer(f"it ends the process ({how_it_ended(self.end())})")
            if left <= 0:
                self.end()
                raise _NoAnswer(f"it does not come to an end within {self._limit_seconds:g} s")
            if is_readable and not read:  # it has closed the pipe, and most likely ends now
                time.sleep(_CLOSED_SECONDS)
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _has_ended(self) -> bool:
        """What a module has forked may hold the other end of the pipe; the number stays taken."""
        look = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, look) is not None


def _question(call: Call) -> Question:
    return Question(
        path=call.path,
        args=call.args,
        kwargs=call.kwargs,
        is_complete=call.is_complete,
        sensitive=call.sensitive,
        is_on_end=call.is_on_end,
    )
