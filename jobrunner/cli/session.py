"""What every command is given: where it stands, what it was told, and where it may print."""

import io
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

import click

from jobrunner.cli.output import Output
from jobrunner.errors import JobrunnerError

_STDOUT = 1
_GO_ON_UNTIL_STOPPED = frozenset({"up", "watch"})


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

    def given_bytes(self) -> bytes:
        """All of stdin as it came: what is no UTF-8 is a mistake in the text like any other."""
        buffer = getattr(self.answers, "buffer", None)  # which a text in memory has not
        return self.answers.read().encode() if buffer is None else bytes(buffer.read())

    @property
    def config(self) -> Path | None:
        """The project file that was named; None: it is looked for."""
        named = self.environ.get("JOBRUNNER_CONFIG", "")
        return self.given_config or (Path(named) if named else None)


def session_of_this_process() -> Session:
    """The real streams, environment and folder."""
    # In this order: one that was closed gets its own number back, before a connection has it.
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, name, _usable(name))
    return Session(
        output=Output(sys.stdout, sys.stderr, os.environ),
        environ=os.environ,
        working_directory=Path.cwd(),
        answers=sys.stdin,
    )


def _usable(name: str) -> Any:
    """The stream of this name in `sys`, whatever the shell has made of it."""
    stream = getattr(sys, name)
    if stream is None:  # closed: `jobrunner plan >&-`
        number = os.open(os.devnull, os.O_RDWR)
        os.set_inheritable(number, True)  # noqa: FBT003  as any standard stream, for who is started
        return os.fdopen(number, "r" if name == "stdin" else "w", encoding="utf-8")
    if name == "stdin":
        return stream
    if stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
        return _patient(stream)
    if hasattr(stream, "reconfigure"):  # somebody else's, as in a test
        stream.reconfigure(errors="replace")
    return stream


def _patient(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """The same stream, which bears that nobody reads it. A terminal that cannot show ● gets ?."""
    stream.flush()
    raw = _Written(stream.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        # Without buffers Python's own streams have none, either.
        cast("io.BufferedWriter", raw) if stream.write_through else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors="replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Written(io.FileIO):
    """The bytes of a standard stream. Once they cannot be written they go nowhere, so that nobody meets the
    same error again at the end.

    A command whose reader has gone does what it was told, and its exit code is its own; one that would only
    go on telling ends. That the disk is full is an error where results are lost.
    """

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            number, nowhere = self.fileno(), os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)
            if number != _STDOUT:
                return len(data)
            if not isinstance(error, BrokenPipeError):
                raise JobrunnerError(
                    f"The output could not be written: {error.strerror}.",
                    hint="Make room, or send it somewhere else.",
                ) from error
            if _only_tells():
                raise click.exceptions.Exit(0) from error
            return len(data)


def _only_tells() -> bool:
    """Whether the command has nothing to do but to tell, until it is stopped or its run is over."""
    context = click.get_current_context(silent=True)
    return context is not None and (
        context.command.name in _GO_ON_UNTIL_STOPPED or bool(context.params.get("follow"))
    )
