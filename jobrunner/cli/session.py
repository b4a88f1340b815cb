"""What every command is given: where it stands, what it was told, and where it may print."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

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
