"""`jobrunner completion`: the script that a shell reads."""

import click
from click.shell_completion import get_completion_class

from jobrunner.cli.command import make_command
from jobrunner.cli.main import COMPLETE_VARIABLE
from jobrunner.cli.session import Session


@make_command(
    "completion",
    "Print the script that completes commands, options and their values, and the jobs, queues, tags "
    "and more that stand in the files.",
    examples=[
        ('eval "$(jobrunner completion bash)"', "Completion in this bash; put it in ~/.bashrc."),
        ('eval "$(jobrunner completion zsh)"', "In this zsh; behind compinit in ~/.zshrc."),
        (
            "jobrunner completion fish | source",
            "Completion in this fish; put it in ~/.config/fish/config.fish.",
        ),
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, session: Session, shell: str) -> None:
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  click knows the three
    # The class asks for the command only when it completes; the script needs the names alone.
    script = found(ctx.find_root().command, {}, "jobrunner", COMPLETE_VARIABLE).source()
    session.output.result_text(script + "\n")
