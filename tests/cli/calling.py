"""Commands called in this process, with streams that can be read afterwards."""

import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobrunner.cli.main import run
from jobrunner.cli.output import Output
from jobrunner.cli.session import Session


@dataclass(frozen=True)
class Called:
    """What a command gave."""

    exit_code: int
    stdout: str
    stderr: str


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class WatchedTerminal(Terminal):
    """Tells when something is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        self.written.set()
        return written


def call(
    *arguments: str,
    folder: Path = Path("/nonexistent"),
    environ: Mapping[str, str] | None = None,
    answer: str = "",
    terminal: bool = False,
) -> Called:
    """`jobrunner` with these arguments, in `folder`."""
    stream = Terminal if terminal else io.StringIO
    out, err, answers = stream(), stream(), stream(answer)
    given = {} if environ is None else environ
    session = Session(Output(out, err, given), given, folder, answers)
    exit_code = run(arguments, session)
    return Called(exit_code, out.getvalue(), err.getvalue())
