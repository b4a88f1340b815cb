"""A located mistake as lines for people, and as commands for a GitHub workflow."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from jobrunner.cli.style import style, width
from jobrunner.spec.codes.table import CODES
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.wording.foreign_text import safe
from jobrunner.wording.states import Role

_ROLES: dict[str, Role] = {"error": "bad", "warning": "warn"}


def report_lines(diagnostics: Iterable[object]) -> list[str]:
    """All of them, one under the other, and how many they are."""
    found = [diagnostic for diagnostic in diagnostics if isinstance(diagnostic, Diagnostic)]
    lines = [line for diagnostic in found for line in (*diagnostic_lines(diagnostic), "")]
    return [*lines, f"{summary_line(found)} {_where_to_read_on(found)}"]


def _where_to_read_on(diagnostics: Sequence[Diagnostic]) -> str:
    code = min(diagnostics, key=lambda found: not found.is_error).code
    return style(f"What a code means: jobrunner explain {code}", "quiet")


def diagnostic_lines(diagnostic: Diagnostic) -> list[str]:
    """Code and message, place, source line, caret with the mend, notes."""
    role = _ROLES[diagnostic.severity]
    head = style(f"{diagnostic.severity}[{diagnostic.code}]", role)
    place = diagnostic.location
    number = str(place.line)
    bar = f"{'':{len(number)}} |"
    lines = [
        f"{head}: {style(safe(diagnostic.message), 'strong')}",
        f"{'':{len(number)}}{style('-->', 'quiet')} {safe(place.file)}:{place.line}:{place.column}",
    ]
    if diagnostic.source_line.strip():
        source = safe(diagnostic.source_line.replace("\t", " "))
        lines.append(f"{number} | {source}")
        lines.append(f"{bar} {_caret(diagnostic, role)}")
    elif diagnostic.help:
        lines.append(f"{'':{len(number)}} = help: {safe(diagnostic.help)}")
    lines += [f"{'':{len(number)}} = {safe(note)}" for note in diagnostic.notes]
    return lines


def _caret(diagnostic: Diagnostic, role: Role) -> str:
    before = diagnostic.source_line[: diagnostic.location.column - 1].replace("\t", " ")
    carets = style("^" * max(diagnostic.width, 1), role)
    return f"{'':{width(safe(before))}}{carets} {safe(diagnostic.help)}".rstrip()


def summary_line(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning in 2 files.`"""
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    files = len({diagnostic.location.file for diagnostic in diagnostics})
    counted = []
    if errors:
        counted.append(style(count(errors, "error"), "bad"))
    if len(diagnostics) > errors:
        counted.append(style(count(len(diagnostics) - errors, "warning"), "warn"))
    return f"{', '.join(counted)} in {count(files, 'file')}."


def github_line(diagnostic: Diagnostic, *, root: str) -> str:
    """A workflow command: the mistake stands at its line in the pull request.

    `root` leads from the repository to the project, '.' where they are one.
    """
    place = diagnostic.location
    told = "\n".join(
        text for text in (diagnostic.message, diagnostic.help, *diagnostic.notes) if text
    )
    file = PurePosixPath(root, place.file).as_posix()
    where = f"file={_property(file)},line={place.line},col={place.column}"
    end = f"endColumn={place.column + diagnostic.width}"
    title = _property(f"{diagnostic.code} {CODES[diagnostic.code].title}")
    return f"::{diagnostic.severity} {where},{end},title={title}::{_data(told)}"


# Escapes of GitHub's workflow commands: https://docs.github.com/actions, "Workflow commands".
def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def count(number: int, noun: str) -> str:
    """`1 job`, `2 jobs`, `1,234 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
