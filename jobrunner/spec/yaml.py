"""YAML text → positioned trees, with every mistake of the text reported.

Most texts are read line by line (`spec/plain_yaml.py`), the others by the parser (`spec/builder.py`). A
mistake that can be mended here, for the sake of reading on, is reported and mended; then the text is read
again.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from jobrunner.spec.builder import MENDED, TreeBuilder, UnreadableError
from jobrunner.spec.plain_yaml import read_plain
from jobrunner.spec.report import Report
from jobrunner.spec.surrogates import join_pairs
from jobrunner.spec.text import read_text, report_spaces, unquoted_spaces
from jobrunner.spec.tree import Node, Source
from jobrunner.spec.yaml_errors import (
    KEY_WITHOUT_COLON,
    YamlMistake,
    explain,
    to_be_quoted,
    unquoted_behind,
)

_MOST_MENDED_CHARACTERS = 3_000_000
_MOST_MENDS = 50
_FEWEST_MENDS = 2
_Mended = dict[tuple[int, int], str]
"""Line and column → the expression that stood there."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was read. `path` is relative to the project's root, with forward slashes."""

    path: str
    content: bytes
    sensitive: frozenset[str] = frozenset()
    """Arguments that the project file names as such, for all files: what gives them is not quoted."""


def read_tree(file: SourceFile, report: Report) -> tuple[Source, list[Node]]:
    """The documents of a file, empty ones left out. Mistakes go to `report`.

    A mistake that only concerns one value leaves the rest readable, and so does one that can be
    mended here for the sake of reading on; one that stops the parser leaves the documents before it.
    """
    source, text = read_text(file.path, file.content, report, file.sensitive)
    tree = read_plain(source) if text == source.text else None  # else something was refused
    if tree is not None:
        return source, [tree]
    mended: _Mended = {}
    guessed: set[int] = set()
    # Each mend reads the text again, so a large text gets fewer of them.
    mends_left = max(_FEWEST_MENDS, min(_MOST_MENDS, _MOST_MENDED_CHARACTERS // (len(text) + 1)))
    while True:
        attempt = _read_once(source, text, mended)
        better = _without_hidden(attempt.mends_hidden, source, text, mended, guessed)
        if better == text and mends_left:
            mends_left -= 1
            better = _mend(attempt, source, text, mended, guessed, report=report)
        if better == text:
            break
        text = better
    for place in attempt.mends_met:
        if report.has_room(source):
            _report_mistake(to_be_quoted(source, place, mended[place]), source, report)
    report.take(attempt.report)
    if attempt.mistake is not None:
        _report_mistake(attempt.mistake, source, report)
    return source, attempt.documents


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What one reading of a text gave."""

    documents: list[Node]
    report: Report
    quoted_spans: list[tuple[int, int]]
    mends_met: list[tuple[int, int]]
    """Where an expression stood that was mended."""
    mends_hidden: list[tuple[int, int]]
    """From where to where texts go in which something was mended that is none: indexes."""
    readable: int
    """Up to where the text was understood: an index."""
    mistake: YamlMistake | None = None
    stopped_at: int = 0
    """Where the parser was when it found the mistake: an index."""


def _read_once(source: Source, text: str, mended: _Mended) -> _Attempt:
    report = Report()
    builder = TreeBuilder(source, report, mended)
    mistake, readable, stopped_at = None, len(text), 0
    try:
        builder.read(text)
    except yaml.YAMLError as error:
        mistake = explain(error, source, text)
        readable = source.index(mistake.line, mistake.column)
        if (mark := getattr(error, "problem_mark", None)) is not None:
            stopped_at = mark.index
    except UnreadableError:
        readable = 0
    return _Attempt(
        documents=builder.documents,
        report=report,
        quoted_spans=builder.quoted_spans,
        mends_met=builder.mends_met,
        mends_hidden=builder.mends_hidden,
        readable=readable,
        mistake=mistake,
        stopped_at=stopped_at,
    )


def _mend(
    attempt: _Attempt,
    source: Source,
    text: str,
    mended: _Mended,
    guessed: set[int],
    *,
    report: Report,
) -> str:
    """The text with what is wrong replaced, character by character; else the same text. It is reported
    here, and what is only `guessed` to be wrong, by its index, when it has been met.
    """
    spaces = unquoted_spaces(text, attempt.quoted_spans, end=attempt.readable)
    spaces = spaces or _space_for_a_colon(attempt, source, text)
    if spaces:
        report_spaces(source, spaces, report)
        characters = list(text)
        for index in spaces:
            characters[index] = " "
        return "".join(characters)
    mistake = attempt.mistake
    if mistake is None:
        return text
    if mistake.mend is None:
        return join_pairs(text, attempt.stopped_at)
    _report_mistake(mistake, source, report)
    start, end, expression = mistake.mend
    alike = [] if mended else unquoted_behind(source, text, end)  # who does it once does it often
    mended[mistake.line, mistake.column] = expression
    mended.update({source.place(begin): text[begin:stop] for begin, stop in alike})
    guessed.update(begin for begin, _ in alike)
    return _replaced(text, [(start, end), *alike])


def _space_for_a_colon(attempt: _Attempt, source: Source, text: str) -> list[int]:
    """An odd space that keeps a ':' from ending its key: `owner:` with a no-break space behind it."""
    mistake = attempt.mistake
    if mistake is None or mistake.message != KEY_WITHOUT_COLON:
        return []
    line = source.lines[mistake.line - 1]
    end = source.index(mistake.line, len(line) + 1)
    found = unquoted_spaces(text, (), start=attempt.readable, end=end)
    return [index for index in found[:1] if text[index - 1] == ":"]


def _replaced(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts, done = [], 0
    for start, end in spans:
        parts += [text[done:start], MENDED * (end - start)]
        done = end
    return "".join([*parts, text[done:]])


def _without_hidden(
    spans: Iterable[tuple[int, int]],
    source: Source,
    text: str,
    mended: _Mended,
    guessed: set[int],
) -> str:
    """The text with its own characters again where a guess was wrong: within these spans, of quoted texts
    for example.
    """
    ordered = sorted(guessed)
    parts, done = [], 0
    for start, end in spans:
        for index in ordered[bisect_left(ordered, start) : bisect_left(ordered, end)]:
            guessed.remove(index)
            expression = mended.pop(source.place(index))
            parts += [text[done:index], expression]
            done = index + len(expression)
    return "".join([*parts, text[done:]])


def _report_mistake(mistake: YamlMistake, source: Source, report: Report) -> None:
    report.error(
        source, mistake.line, mistake.column, mistake.code, mistake.message,
        width=mistake.width, help=mistake.help,
    )  # fmt: skip
