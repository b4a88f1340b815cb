"""`jobrunner`: finds the command, and is the only place that turns exceptions into exit codes.

    0  done, nothing to change     1  invalid configuration, or it failed     2  changes present
    3  stale plan                  4  refused by a guard                      5  lock not obtained
    64 wrong usage                 130 interrupted

A command's module is imported when it is called, so that `--help` costs nothing: the listing's
lines stand here.
"""

import atexit
import contextlib
import difflib
import keyword
import os
import pkgutil
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from jobrunner.cli.command import common_options
from jobrunner.cli.session import Session, session_of_this_process
from jobrunner.errors import ConfigurationError, JobrunnerError, first_line
from jobrunner.garbage import collection_paused

EXIT_FAILURE = 1
EXIT_USAGE = 64
EXIT_INTERRUPTED = 130
COMPLETE_VARIABLE = "_JOBRUNNER_COMPLETE"
"""Set by the scripts of `jobrunner completion` when they ask what may follow."""

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Start": {
        "init": "Write a project file, a first job and its callable",
        "import": "Crontabs and the schedules of Celery's beats as YAML",
        "up": "Everything in one terminal, with private servers",
        "doctor": "Check this machine, and say what to type",
    },
    "Change": {
        "validate": "Check the files; no database, no network",
        "fmt": "Write the files in one form; comments stay",
        "render": "Jobs with defaults, templates and variables put in",
        "plan": "Show what an apply would change",
        "show": "Show a saved plan, stale or not",
        "simulate": "Play a day of all jobs before it happens",
        "apply": "Make the database match the files",
        "watch": "Apply each time the files change",
        "history": "What was applied, when and by whom",
        "drift": "What was changed in the database since",
        "rollback": "An earlier revision in force again, by a plan",
    },
    "Look": {
        "status": "The health of the whole in one screen",
        "list": "The jobs in force, with next and last run",
        "get": "One job: definition, schedules, last runs",
        "next": "When a job or an expression runs next",
        "explain": "A key, a code or a job in words; where values come from",
        "runs": "Runs: list, show, logs, cancel, retry",
        "queues": "What waits, since when, and who serves it",
        "workers": "Who is at work, and on what",
        "alerts": "What is wrong, who was told; try a notifier",
        "fsck": "Check that every due time has its run",
    },
    "Act": {
        "run": "Run a job now",
        "backfill": "Run the times of a schedule that have passed",
        "pause": "Hold back a job, a tag, a queue or a namespace",
        "resume": "End a pause",
    },
    "Serve": {
        "beat": "The scheduler",
        "worker": "A worker",
        "web": "The pages and the REST API",
        "token": "Who may use these: make tokens, list, revoke",
        "health": "Exit code for probes, of each process and of the database",
        "wait": "Until the servers can be used, or the time is over",
        "db": "The database's schema: upgrade, current, check",
    },
    "More": {
        "schema": "JSON Schema of the files, for editors",
        "completion": "Completion for bash, zsh or fish",
    },
}
COMMANDS: Mapping[str, str] = {
    name: line for section in SECTIONS.values() for name, line in section.items()
}


class LazyGroup(click.Group):
    """Commands by name: `jobrunner.cli.<name>`, imported when called or asked for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the listing."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The module's `command`; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        session = ctx.find_object(Session)
        # On a busy machine to load a command takes seconds in which nothing would be said.
        with (
            collection_paused(),
            contextlib.nullcontext() if session is None else session.output.progress("starting"),
        ):
            found: click.Command = pkgutil.resolve_name(f"jobrunner.cli.{module}:command")
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A wrong name gets the nearest right one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"There is no command '{name}'.{meant}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """A connection that breaks is an error like any other: Click takes it for a reader of ours that has
        gone, and ends without a word.
        """
        try:
            returned: object = super().invoke(ctx)
        except BrokenPipeError as error:
            raise OSError(str(error)) from error
        return returned

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The listing in sections, without importing a single command."""
        del ctx
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<10}", line) for name, line in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names from the table; the modules stay where they are."""
        del ctx
        return [
            CompletionItem(name, help=line)
            for name, line in COMMANDS.items()
            if name.startswith(incomplete)
        ]


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's signature
    if value and not ctx.resilient_parsing:
        # Importing the metadata's reader would cost every `--help` a few milliseconds.
        from importlib.metadata import version  # noqa: PLC0415

        ctx.ensure_object(Session).output.result(f"jobrunner {version('celery-jobrunner')}")
        ctx.exit()


_VERSION_OPTION = click.Option(
    ["--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)

group = LazyGroup(
    "jobrunner",
    help="Plan and apply for Celery jobs: schedules as YAML in git, truth in PostgreSQL.",
    params=[*common_options(), _VERSION_OPTION],
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """The entry point of the command `jobrunner`."""
    if COMPLETE_VARIABLE in os.environ and _complete_names():
        return
    session = session_of_this_process()
    session.leave = _leave
    _leave(run(sys.argv[1:], session))


def _leave(code: int) -> NoReturn:
    """End the process, without giving back object by object what Python still has."""
    with contextlib.suppress(JobrunnerError, OSError, ValueError):
        sys.stdout.flush()
    if threading.active_count() > 1:  # Python waits for them, in an order of its own
        sys.exit(code)
    atexit._run_exitfuncs()  # noqa: SLF001  what was registered to be put in order
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(JobrunnerError, OSError, ValueError):
            stream.flush()
    os._exit(code)


def _complete_names() -> bool:
    # Only while a shell asks: nobody else pays for loading it.
    from jobrunner.cli.completing import complete_names  # noqa: PLC0415

    return complete_names(group, COMPLETE_VARIABLE, os.environ, Path.cwd())


def run(arguments: Sequence[str], session: Session) -> int:
    """One call; the exit code. No exception leaves it but SystemExit of a process command."""
    try:
        returned = group.main(
            list(arguments), prog_name="jobrunner", standalone_mode=False, obj=session
        )
    except click.exceptions.NoArgsIsHelpError as error:
        session.output.say(error.format_message())
        return EXIT_USAGE
    except click.UsageError as error:
        session.output.error(error.format_message(), _usage_hint(error))
        return EXIT_USAGE
    except click.ClickException as error:
        session.output.error(error.format_message())
        return EXIT_FAILURE
    except (KeyboardInterrupt, click.Abort):
        session.output.say("Interrupted.")
        return EXIT_INTERRUPTED
    except ConfigurationError as error:
        _show_configuration_error(session, error)
        return error.exit_code
    except JobrunnerError as error:
        session.output.error(error.message, error.hint)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  the last line: a sentence, never a raw traceback
        _show_unexpected(session, error)
        return EXIT_FAILURE
    return returned if isinstance(returned, int) else 0


def _usage_hint(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx is not None else "jobrunner"
    return f"{path} --help"


def _show_configuration_error(session: Session, error: ConfigurationError) -> None:
    # Whoever raised it has loaded the format's models; `--help` and wrong usage never do.
    from jobrunner.cli.diagnostic_text import report_lines  # noqa: PLC0415

    if error.diagnostics:
        session.output.say(*report_lines(error.diagnostics))
    else:
        session.output.error(error.message, error.hint)


def _show_unexpected(session: Session, error: Exception) -> None:
    told = "".join(traceback.format_exception(error))
    if session.environ.get("JOBRUNNER_DEBUG"):
        session.output.say(told)
        where = ""
    else:
        where = f"The whole story is in {_keep(told)}; JOBRUNNER_DEBUG=1 shows it here."
    told_first = f"{type(error).__name__}: {first_line(error)}"
    session.output.error(f"Something unexpected happened ({told_first}).", where)


def _keep(told: str) -> Path:
    with tempfile.NamedTemporaryFile(
        "w", prefix="jobrunner-error-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(told)
    return Path(file.name)
