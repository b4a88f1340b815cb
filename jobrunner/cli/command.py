"""The shape of every command: `--config` and `--no-color` anywhere, help ending with examples."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from jobrunner.cli.session import Session

_WHOLE = 1_000
"""Letters of a first sentence, none of which is cut."""

Function = TypeVar("Function", bound=Callable[..., Any])


class _WithExamples(click.Command):
    """Its help ends with `examples`: (what is typed, what it does)."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.context_settings.setdefault("help_option_names", ["-h", "--help"])
        self.examples = tuple(examples)
        self.params += common_options()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, one under the other."""
        del ctx
        if self.examples:
            with formatter.section("Examples"):
                for typed, meaning in self.examples:
                    for line in _typed_lines(typed, formatter.width - formatter.current_indent):
                        formatter.write(f"{'':{formatter.current_indent}}{line}\n")
                    formatter.write(f"{'':{formatter.current_indent}}    {meaning}\n")


def _typed_lines(typed: str, columns: int) -> Iterator[str]:
    """As a shell reads them: broken before an option, where a line would be too long."""
    while len(typed) > columns and (end := typed.rfind(" --", 0, columns - 2)) > 0:
        yield f"{typed[:end]} \\"
        typed = f"    {typed[end + 1 :]}"
    yield typed


class Command(_WithExamples):
    """A command of ours."""


class Group(_WithExamples, click.Group):
    """A command with commands below it (`runs list`), each told by its whole first sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """In as many lines as it takes."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(n, c.get_short_help_str(_WHOLE)) for n, c in commands if c])


def common_options() -> list[click.Parameter]:
    """What each command understands, before its name and after it."""
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The project file [default: jobrunner.yaml, looked for upwards].",
            expose_value=False,
            callback=_take_config,
        ),
        click.Option(
            ["-e", "--environment"],
            metavar="ENV",
            help="The environment of the project file [default: JOBRUNNER_ENVIRONMENT].",
            expose_value=False,
            callback=_take_environment,
        ),
        click.Option(
            ["--no-color"],
            is_flag=True,
            help="No colours.",
            expose_value=False,
            callback=_take_no_color,
        ),
    ]


def _take_config(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    session = ctx.find_object(Session)
    if value is not None and session is not None:
        session.given_config = value


def _take_environment(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    session = ctx.find_object(Session)
    if value is not None and session is not None:
        session.environ = {**session.environ, "JOBRUNNER_ENVIRONMENT": value}


def _take_no_color(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's signature
    session = ctx.find_object(Session)
    if value and session is not None:
        session.output.without_color()


def output_option(function: Function) -> Function:
    """`-o table|json|yaml`, on every listing."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(["table", "json", "yaml"]),
        default="table",
        show_default=True,
        help="How the result is written.",
    )(function)


def make_command(
    name: str, help_text: str, *, examples: Sequence[tuple[str, str]], **settings: Any
) -> Callable[[Callable[..., Any]], Command]:
    """A command of ours from a function whose first argument is the Session."""

    def make(function: Callable[..., Any]) -> Command:
        decorate = click.command(name, cls=Command, help=help_text, examples=examples, **settings)
        made: Command = decorate(click.pass_obj(function))
        return made

    return make
