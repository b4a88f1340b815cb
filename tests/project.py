"""A user's project folder, and the command line in it: as a process, or called in this one."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from jobrunner.cli.main import run
from jobrunner.cli.output import Output
from jobrunner.cli.session import Session
from jobrunner.embedded.children import Child, Supervisor
from jobrunner.embedded.program import Program


class StartedProcess:
    """A process that runs beside the test. Gone at the end of the test, and with a killed pytest."""

    def __init__(self, supervisor: Supervisor, program: Program) -> None:
        self.lines: list[str] = []
        """What it has written so far, stdout and stderr in their order."""
        self._news = threading.Condition()
        self._supervisor = supervisor
        self._child: Child = supervisor.start(program, on_line=self._take, on_exit=self._notify)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._child.exit_code

    def wait_for_line(self, part: str, *, timeout_seconds: float = 60.0, after: int = 0) -> str:
        """The first line that holds `part`, from the line number `after` on.

        AssertionError with the whole output when it does not come.
        """
        with self._news:
            self._news.wait_for(
                lambda: self._find(part, after) or self.exit_code is not None, timeout_seconds
            )
        found = self._find(part, after)
        assert found is not None, f"no line with {part!r}; exit {self.exit_code}:\n{self.output}"
        return found

    def wait(self, *, timeout_seconds: float = 60.0) -> int:
        """Its exit code, once it has ended by itself."""
        exit_code = self._child.wait(timeout_seconds)
        assert exit_code is not None, f"still running after {timeout_seconds} s:\n{self.output}"
        return exit_code

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal sends it: to the whole process group."""
        os.killpg(self.pid, signal.SIGINT)

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def kill_if_alive(self) -> None:
        """At the end of a test: without a goodbye, and gone when this returns."""
        if self.exit_code is None:
            with suppress(ProcessLookupError):
                self.kill()
            self.wait()

    def stop(self) -> int | None:
        """SIGTERM, then by force; its exit code."""
        return self._supervisor.stop(self._child.name)

    def _find(self, part: str, after: int) -> str | None:
        return next((line for line in self.lines[after:] if part in line), None)

    def _take(self, line: str) -> None:
        with self._news:
            self.lines.append(line)
            self._news.notify_all()

    def _notify(self, _: int) -> None:
        with self._news:
            self._news.notify_all()


@dataclass
class Project:
    """A folder with the files of one project, and an environment that holds nothing else."""

    path: Path
    supervisor: Supervisor
    environment: dict[str, str]
    """The whole environment of the commands; a test may change it."""
    started: list[StartedProcess] = field(default_factory=list)

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project, making its folders."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def run(
        self, *arguments: str, stdin: str = "", timeout_seconds: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """`jobrunner` with these arguments, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "jobrunner", *arguments],
            cwd=self.path,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    def call(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """The same without a process of its own: for what a test needs and is not about.

        A process takes a second of processor for its imports, the command a twentieth.
        """
        out, err = io.StringIO(), io.StringIO()
        session = Session(
            Output(out, err, self.environment), self.environment, self.path, io.StringIO(stdin)
        )
        exit_code = run(arguments, session)
        return subprocess.CompletedProcess(arguments, exit_code, out.getvalue(), err.getvalue())

    def start(self, *arguments: str) -> StartedProcess:
        """`jobrunner` with these arguments, beside the test."""
        return self.start_program(sys.executable, "-m", "jobrunner", *arguments)

    def start_program(self, *argv: str) -> StartedProcess:
        """Any program, beside the test, in the project's folder and environment."""
        program = Program(
            name=f"{self.path}-{len(self.started)}",
            argv=argv,
            env=self.environment,
            cwd=str(self.path),
        )
        process = StartedProcess(self.supervisor, program)
        self.started.append(process)
        return process

    def stop_all(self) -> None:
        for process in reversed(self.started):
            process.stop()


@contextmanager
def open_project(supervisor: Supervisor, database_url: str, broker_url: str) -> Iterator[Project]:
    """An empty project folder; what was started in it ends with the block."""
    # Not pytest's own: the path is short enough for sockets, and others than root can enter it.
    with tempfile.TemporaryDirectory(prefix="jobrunner-project-") as parent:
        Path(parent).chmod(0o711)
        home, folder = Path(parent) / "home", Path(parent) / "project"
        home.mkdir()
        folder.mkdir()
        environment = make_environment(home, database_url=database_url, broker_url=broker_url)
        made = Project(folder, supervisor, environment)
        yield made
        made.stop_all()


def make_environment(home: Path, *, database_url: str, broker_url: str) -> dict[str, str]:
    """What a user's shell would have, with this interpreter's commands first on the path."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "JOBRUNNER_DATABASE_URL": database_url,
        "JOBRUNNER_BROKER_URL": broker_url,
        **_interpreter_settings(os.environ),
    }


def _interpreter_settings(environ: Mapping[str, str]) -> dict[str, str]:
    kept = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    return {name: environ[name] for name in kept if name in environ}
