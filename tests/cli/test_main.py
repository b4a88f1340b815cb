"""The command line itself: help, wrong usage, exit codes, what an exception becomes."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from jobrunner.cli import main
from jobrunner.cli.output import Output
from jobrunner.cli.session import Session
from jobrunner.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    GuardRefused,
    JobrunnerError,
    LockNotObtained,
    StalePlan,
    UsageError,
)
from tests.cli.calling import WatchedTerminal, call


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help").exit_code == 0
    told = capsys.readouterr().out
    assert [name for name in main.COMMANDS if f"  {name} " not in told] == []


@pytest.mark.parametrize("name", main.COMMANDS)
def test_help_of_each_command_ends_with_two_examples_at_least(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(name, "--help").exit_code == 0
    examples = capsys.readouterr().out.partition("Examples:")[2].strip().splitlines()
    assert len(examples) >= 4


def test_help_tells_commands_below_a_command_by_a_whole_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call("runs", "--help")
    told = " ".join(capsys.readouterr().out.split())
    assert "a new run now, with the same arguments and the definition in force. " in told


def test_an_example_that_is_too_long_for_a_line_is_broken_as_a_shell_reads_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    call("up", "--help")
    assert (
        '  jobrunner up --first "python manage.py migrate" \\\n'
        '      --also "python manage.py runserver"\n'
    ) in capsys.readouterr().out


@pytest.mark.parametrize("words", [["runs", "list"], ["import", "redbeat"], ["token", "create"]])
def test_help_is_no_wider_than_a_terminal(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    call(*words, "--help")
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


def test_help_and_wrong_usage_load_nothing_heavy() -> None:
    code = (
        "import sys; from jobrunner.cli.main import run; "
        "from jobrunner.cli.session import session_of_this_process; "
        "run(['--help'], session_of_this_process()); run(['pln'], session_of_this_process()); "
        "print({'celery', 'sqlalchemy', 'pydantic', 'kombu', 'watchfiles'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_validate_loads_neither_celery_nor_a_database() -> None:
    code = (
        "import sys; from jobrunner.cli import validate; "
        "print({'celery', 'sqlalchemy', 'kombu', 'watchfiles'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("also", ["", "threading.Thread(target=time.sleep, args=(0.1,)).start(); "])
def test_an_ended_command_puts_in_order_what_was_registered_for_the_end(also: str) -> None:
    code = (
        "import atexit, sys, threading, time; from jobrunner.cli.main import main; "
        f"atexit.register(print, 'in order'); sys.argv[1:] = ['pln']; {also}main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("in order\n", 64)
    assert "Did you mean 'plan'?" in done.stderr


def test_a_command_that_takes_long_to_load_says_so_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    err = WatchedTerminal()
    said = []

    def load(name: str) -> click.Command:
        said.append(err.written.wait(30))
        return click.Command(name)

    monkeypatch.setattr("jobrunner.cli.main.pkgutil.resolve_name", load)
    session = Session(Output(io.StringIO(), err, {}), {}, tmp_path, io.StringIO())
    main.run(["plan"], session)
    assert said == [True]
    assert "starting …" in err.getvalue()


def test_version_is_one_line_on_stdout() -> None:
    called = call("--version")
    assert (called.exit_code, called.stderr) == (0, "")
    assert called.stdout.startswith("jobrunner ")


def test_a_wrong_command_names_the_nearest_and_exits_64() -> None:
    called = call("pln")
    assert called.exit_code == 64
    assert called.stdout == ""
    assert "Did you mean 'plan'?" in called.stderr


@pytest.mark.parametrize("arguments", [(), ("runs",)])
def test_nothing_after_the_name_is_answered_with_the_help_alone(arguments: tuple[str, ...]) -> None:
    called = call(*arguments)
    assert (called.exit_code, called.stdout) == (64, "")
    assert called.stderr.startswith(" ".join(["Usage: jobrunner", *arguments, "[OPTIONS]"]))


def test_a_wrong_option_exits_64_and_says_where_help_is() -> None:
    called = call("validate", "--strct")
    assert called.exit_code == 64
    assert "jobrunner validate --help" in called.stderr


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (JobrunnerError("It failed.", hint="Try this."), 1),
        (ConfigurationError("It failed.", hint="Try this."), 1),
        (DatabaseUnavailable("It failed.", hint="Try this."), 1),
        (StalePlan("It failed.", hint="Try this."), 3),
        (GuardRefused("It failed.", hint="Try this."), 4),
        (LockNotObtained("It failed.", hint="Try this."), 5),
        (UsageError("It failed.", hint="Try this."), 64),
    ],
)
def test_each_family_of_errors_has_its_exit_code_and_shows_its_hint(
    error: JobrunnerError, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main.LazyGroup, "invoke", _raising(error))
    called = call("schema")
    assert called.exit_code == exit_code
    assert called.stderr == f"error: {error.message}\n  → Try this.\n"
    assert called.stdout == ""


def test_ctrl_c_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main.LazyGroup, "invoke", _raising(KeyboardInterrupt()))
    assert call("schema").exit_code == 130


def test_an_unexpected_exception_is_a_sentence_and_its_traceback_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(main.LazyGroup, "invoke", _raising(ZeroDivisionError("by naught")))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    called = call("schema")
    (kept,) = tmp_path.iterdir()
    assert called.exit_code == 1
    assert "Traceback" not in called.stderr
    assert str(kept) in called.stderr
    assert "ZeroDivisionError: by naught" in kept.read_text(encoding="utf-8")


def test_a_connection_that_breaks_is_no_reader_that_has_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = click.Command("plan", callback=_raising(BrokenPipeError(32, "Broken pipe")))
    monkeypatch.setattr("jobrunner.cli.main.pkgutil.resolve_name", lambda _: broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    called = call("plan")
    assert called.exit_code == 1
    assert "Something unexpected happened (OSError: [Errno 32] Broken pipe)." in called.stderr


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main.LazyGroup, "invoke", _raising(ZeroDivisionError("by naught")))
    called = call("schema", environ={"JOBRUNNER_DEBUG": "1"})
    assert "Traceback" in called.stderr


def _raising(error: BaseException) -> Callable[..., None]:
    def invoke(*_: object) -> None:
        raise error

    return invoke


def test_completion_knows_the_commands_without_loading_them() -> None:
    environ = {
        "_JOBRUNNER_COMPLETE": "bash_complete",
        "COMP_WORDS": "jobrunner pa",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "jobrunner"],
        env={**os.environ, **environ}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "plain,pause\n"
    assert done.stderr == ""


def test_completion_knows_the_options_of_a_command() -> None:
    environ = {
        "_JOBRUNNER_COMPLETE": "bash_complete",
        "COMP_WORDS": "jobrunner validate --str",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        [sys.executable, "-m", "jobrunner"],
        env={**os.environ, **environ}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "plain,--strict\n"
