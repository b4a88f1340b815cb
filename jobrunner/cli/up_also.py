"""Commands of the user's own that `up` runs: some to their end at the start, some for as long as it runs."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from jobrunner.errors import UsageError


def split_commands(
    context: click.Context, parameter: click.Parameter, commands: Sequence[str]
) -> Sequence[Sequence[str]]:
    """A click callback: each command as its words, quoted as in a shell; no shell runs it."""
    split = []
    for command in commands:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise click.BadParameter(f"{command!r}: {error}.", context, parameter) from error
        if not words:
            raise click.BadParameter("The command is empty.", context, parameter)
        split.append(words)
    return split


def with_own_programs(environ: Mapping[str, str]) -> dict[str, str]:
    """The programs beside this interpreter come first: `python` is the one that jobrunner runs under."""
    folders = [str(Path(sys.executable).parent), environ.get("PATH", os.defpath)]
    return {**environ, "PATH": os.pathsep.join(folders)}


def run_first(words: Sequence[str], *, root: Path, environ: Mapping[str, str]) -> None:
    """To its end, with its output in the terminal. Raises UsageError when it fails."""
    try:
        exit_code = subprocess.run(list(words), cwd=root, env=dict(environ), check=False).returncode  # noqa: S603
    except OSError as error:
        raise UsageError(
            f"--first {shlex.join(words)!r} cannot be started: {error.strerror}.",
            hint=f"It is looked for in {root} and in PATH.",
        ) from error
    if exit_code != 0:
        raise UsageError(
            f"--first {shlex.join(words)!r} ended with exit code {exit_code}; nothing was started.",
            hint="Mend what it says above, then start again.",
        )


def names_of_programs(commands: Iterable[Sequence[str]], taken: Iterable[str]) -> Sequence[str]:
    """A short name for each, for the stream and its log: its program, with a number from the second on."""
    used = set(taken)
    names = []
    for words in commands:
        program = Path(words[0]).name
        name, number = program, 2
        while name in used:
            name, number = f"{program}-{number}", number + 1
        used.add(name)
        names.append(name)
    return names
