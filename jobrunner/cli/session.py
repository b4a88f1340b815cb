"""What every command is given: where it stands, what it was told, and where it may print."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TextIO

from jobrunner.cli.output import Output


@dataclass(slots=True)
class Session:
    """One call of `jobrunner`. Built once by `main`; tests build their own."""

    output: Output
    environ: Mapping[str, str]
    working_directory: Path
    answers: TextIO
    """Where a person's answer is read from: stdin."""
    given_config: Path | None = None
    """`--config`."""
    has_told_misspelt_names: bool = False
    """Whether variables that look like misspelt settings were told of: once is enough."""

    leave: Callable[[int], NoReturn] | None = None
    """Ends the process with this code; None where it goes on, as in a test."""

    def end(self, code: int, *still_in_use: object) -> int:
        """What a command returns that has made the many objects of a large project and has nothing more to
        do. The process ends here, while these are in use: to give them back one by one, or to look through
        them for garbage, would take a twentieth of the whole time.
        """
        del still_in_use  # whoever calls has them, too
        if self.leave is not None:
            self.leave(code)
        return code

    @property
    def config(self) -> Path | None:
        """The project file that was named; None: it is looked for."""
        named = self.environ.get("JOBRUNNER_CONFIG", "")
        return self.given_config or (Path(named) if named else None)


def session_of_this_process() -> Session:
    """The real streams, environment and folder."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show ● gets ?, and no command fails for it.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    return Session(
        output=Output(sys.stdout, sys.stderr, os.environ),
        environ=os.environ,
        working_directory=Path.cwd(),
        answers=sys.stdin,
    )
