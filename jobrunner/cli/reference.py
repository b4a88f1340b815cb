"""The page `docs/reference/commands.md`, made from the commands themselves."""

from collections.abc import Iterator

import click

from jobrunner.cli.command import Command, Group
from jobrunner.cli.main import SECTIONS, group

_HEAD = """\
# Commands

Results are on stdout, everything else on stderr. Colour and progress only on a terminal
(`NO_COLOR`, `--no-color`). Every command takes `--config FILE` (or `JOBRUNNER_CONFIG`), `--no-color`
and `--help`; listings take `-o table|json|yaml`.

| exit code | meaning |
|---|---|
| 0 | done, or nothing to change |
| 1 | invalid configuration, or it failed |
| 2 | changes present, only with `plan --detailed-exitcode` |
| 3 | the plan is stale, or its digest is another |
| 4 | a guard has refused |
| 5 | somebody else holds the apply lock |
| 64 | wrong usage |
| 130 | interrupted |

Something unexpected is told in one sentence that names a file with the traceback;
`JOBRUNNER_DEBUG=1` shows the traceback at once.

This page is made from the commands by `python docs/make_commands.py`.
"""
_COMMON = ("--config", "--no-color", "--help", "-h")


def commands_reference() -> str:
    """The whole page as Markdown."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    root = click.Context(group, info_name="jobrunner")
    for title, names in SECTIONS.items():
        yield f"## {title}\n"
        for name in names:
            command = group.get_command(root, name)
            assert isinstance(command, Command | Group)  # noqa: S101  all are made by `make_command`
            yield from _command(command, root)


def _command(command: Command | Group, parent: click.Context) -> Iterator[str]:
    ctx = click.Context(command, info_name=command.name, parent=parent)
    if isinstance(command, Group):
        for below in command.commands.values():
            assert isinstance(below, Command)  # noqa: S101
            yield from _command(below, ctx)
        return
    pieces = " ".join(command.collect_usage_pieces(ctx))
    yield f"### `{ctx.command_path}`\n"
    yield f"`{ctx.command_path} {pieces}`\n"
    yield f"{command.help}\n"
    options = [*_options(command, ctx)]
    if options:
        yield "| option | meaning |\n|---|---|"
        yield "\n".join(options) + "\n"
    for typed, meaning in command.examples:
        yield f"```console\n$ {typed}\n```\n{meaning}\n"


def _options(command: click.Command, ctx: click.Context) -> Iterator[str]:
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None and record[1] and not record[0].startswith(_COMMON):
            names, meaning = (text.replace("|", "\\|") for text in record)
            yield f"| `{names}` | {meaning} |"
