"""Whether the command line would take what a page shows; nothing of it is run."""

import re
import shlex
from io import StringIO
from pathlib import Path

import click

from jobrunner.cli.main import group
from jobrunner.cli.output import Output
from jobrunner.cli.session import Session

_ENDS = re.compile(r" (?:\|\|?|&&|>) ")


def commands_in(line: str) -> list[str]:
    """Those of jobrunner in a line as it is typed into a shell, without what is set for them."""
    parts = (re.sub(r"^(?:[A-Z_]+=\S* )+", "", part.strip()) for part in _ENDS.split(line))
    return [part for part in parts if part.startswith("jobrunner ")]


def refused(command: str) -> str | None:
    """None for a command that exists, with options and arguments that it has; else what is said of it."""
    return _refused(shlex.split(command, comments=True)[1:])


def _refused(words: list[str]) -> str | None:
    command: click.Command = group
    session = Session(Output(StringIO(), StringIO(), {}), {}, Path("/nonexistent"), StringIO())
    context = click.Context(group, info_name="jobrunner", obj=session)
    try:
        while True:
            context = command.make_context(command.name, list(words), parent=context)
            if not isinstance(command, click.Group):
                return None
            _, below, words = command.resolve_command(
                context, [*context._protected_args, *context.args]
            )
            assert below is not None
            command = below
    except click.exceptions.Exit:  # --help, --version
        return None
    except click.ClickException as error:
        return error.format_message()
