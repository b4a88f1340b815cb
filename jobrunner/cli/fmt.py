"""`jobrunner fmt`: job files in one form; comments stay, and nothing changes what is read."""

import difflib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from jobrunner.cli.command import make_command
from jobrunner.cli.diagnostic_text import count, report_lines
from jobrunner.cli.session import Session
from jobrunner.cli.style import style
from jobrunner.errors import JobrunnerError, NotFound, UsageError
from jobrunner.files import PROJECT_FILE, ProjectFiles, read_project
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.formatting import Formatted, format_file
from jobrunner.spec.secrets import SENSITIVE
from jobrunner.spec.sensitive_lines import sensitive_lines, sensitive_names
from jobrunner.spec.yaml import SourceFile
from jobrunner.wording.foreign_text import safe
from jobrunner.wording.states import Role

_STDIN = Path("-")
_NOT_ENDED = "\\ No newline at end of file"
"""As `diff` and git write it, below the line that it is said of."""
_DIFF_ROLES: dict[str, Role] = {"+": "good", "-": "bad", "@": "busy"}


@make_command(
    "fmt",
    "Write the job files and the project file in one form: indentation, quotes, empty lines. Comments "
    "stay where they are, and what is read stays the same.\n\nWithout PATH it is the whole project. "
    "PATH is a file or a folder, or - for stdin to stdout. A file with a mistake is left alone.",
    examples=[
        ("jobrunner fmt", "All files of this project."),
        (
            "jobrunner fmt --check --diff",
            "In a workflow: nothing is written, exit 1 shows what would be.",
        ),
    ],
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]…")
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 when a file is not in this form."
)
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
def command(session: Session, *, paths: tuple[Path, ...], check: bool, diff: bool) -> int:
    if _STDIN in paths:
        return _format_stdin(session, paths, check=check, diff=diff)
    read = _read(session, paths)
    with session.output.progress(f"formatting {count(len(read.sources), 'file')}"):
        formatted = [(file, format_file(file)) for file in read.sources]
    changes = [*_changes(formatted)]
    if not (check or diff):
        for change in changes:
            _write(read.root / change.path, change.text)
    return _tell(session, read.diagnostics, formatted, changes, check=check, diff=diff)


_Files = Sequence[tuple[SourceFile, Formatted]]


@dataclass(frozen=True, slots=True)
class _Change:
    """A file whose form is another."""

    path: str
    before: str
    text: str
    sensitive: frozenset[str]
    """Arguments of which a diff shows nothing."""


def _format_stdin(session: Session, paths: Sequence[Path], *, check: bool, diff: bool) -> int:
    if len(paths) > 1:
        raise UsageError("- stands alone: what comes from stdin goes to stdout.")
    file = SourceFile("stdin", session.given_bytes())
    formatted = format_file(file)
    files = [(file, formatted)]
    if check or diff:
        return _tell(session, (), files, [*_changes(files)], check=check, diff=diff)
    if formatted.text is not None:
        session.output.result_text(formatted.text)
    elif _is_text(file.content):  # else it could only be shown with other characters in it
        session.output.result_text(formatted.before)
    return 0 if _tell_what_is_left(session, (), files) else 1


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read(session: Session, paths: Sequence[Path]) -> ProjectFiles:
    """The project, or what PATH names. The project file is read in any case, and is formatted when it
    is named.
    """
    folder = session.working_directory
    for path in paths:
        if not (folder / path).exists():
            raise NotFound(f"There is no file or folder {path}.")
    if len(paths) == 1 and (folder / paths[0] / PROJECT_FILE).exists():
        return read_project(config=paths[0] / PROJECT_FILE, working_directory=folder)
    read = read_project(config=session.config, working_directory=folder, only=paths)
    if not paths or read.config is None:
        return read
    named = [Path(os.path.realpath(folder / path)) for path in paths]
    config = read.root / read.config.path
    return read if any(config.is_relative_to(one) for one in named) else replace(read, config=None)


def _changes(formatted: _Files) -> Iterator[_Change]:
    for file, one in formatted:
        if one.text is not None and one.text.encode() != file.content:
            yield _Change(file.path, one.before, one.text, file.sensitive)


def _diff_lines(change: _Change) -> Iterator[str]:
    before, after = (_shown(text, change.sensitive) for text in (change.before, change.text))
    for line in difflib.unified_diff(before, after, change.path, change.path, lineterm=""):
        role = _DIFF_ROLES.get(line[:1])
        for shown in line.split("\n"):
            yield style(safe(shown), role) if role else safe(shown)


def _shown(text: str, sensitive: frozenset[str]) -> list[str]:
    """The lines; of one that may hold the value of a sensitive argument where it begins. A last line that
    does not end is another than one that does.
    """
    lines = text.split("\n")
    hidden = sensitive_lines(lines, sensitive | sensitive_names(text))
    *ended, last = [
        f"{line[: len(line) - len(line.lstrip())]}{SENSITIVE}" if number in hidden else line
        for number, line in enumerate(lines, start=1)
    ]
    return [*ended, f"{last}\n{_NOT_ENDED}"] if lines[-1] else ended


def _write(path: Path, text: str) -> None:
    """In one step: who reads at this moment sees the one or the other."""
    target = Path(os.path.realpath(path))
    try:
        with tempfile.NamedTemporaryFile(
            "wb", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            file.write(text.encode())
        shutil.copymode(target, file.name)
        Path(file.name).replace(target)
    except OSError as error:
        raise JobrunnerError(f"{path} cannot be written: {error.strerror}.") from error


def _tell(
    session: Session,
    diagnostics: Sequence[Diagnostic],
    formatted: _Files,
    changes: Sequence[_Change],
    *,
    check: bool,
    diff: bool,
) -> int:
    """The differences, and what was or would be written; the exit code."""
    if diff:
        session.output.result(*(line for change in changes for line in _diff_lines(change)))
    is_sound = _tell_what_is_left(session, diagnostics, formatted)
    told = session.output.say if diff else session.output.result
    told(*_closing_lines(changes, len(formatted), is_written=not (check or diff)))
    return 0 if is_sound and not (check and changes) else 1


def _tell_what_is_left(
    session: Session, diagnostics: Sequence[Diagnostic], formatted: _Files
) -> bool:
    """Whether there is no mistake."""
    for file, one in formatted:
        if one.left_because:
            session.output.warning(f"{file.path} is left as it is: {one.left_because}.")
    mistakes = [*diagnostics, *(found for _, one in formatted for found in one.diagnostics)]
    if mistakes:
        session.output.say(*report_lines(mistakes))
    return not mistakes


def _closing_lines(changes: Sequence[_Change], files: int, *, is_written: bool) -> Iterator[str]:
    for change in changes:
        yield f"{style('~', 'warn')} {safe(change.path)}"
    if not changes:
        yield f"{style('●', 'good')} {count(files, 'file')}: nothing to change."
    elif is_written:
        yield f"{style('●', 'good')} {count(len(changes), 'file')} of {files:,} written anew."
    else:
        yield f"{style('○', 'warn')} {count(len(changes), 'file')} of {files:,} would be written anew."
