"""The lines that lints speak of: they are made from jobs, which know the line of a key but no text."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.report import Report
from jobrunner.spec.text import read_text
from jobrunner.spec.tree import Source
from jobrunner.spec.yaml import SourceFile

_KEY = re.compile(r"[^\s:]+")


def with_source_lines(
    diagnostics: Iterable[Diagnostic], files: Sequence[SourceFile]
) -> tuple[Diagnostic, ...]:
    """The same, each that has no source line with that of its place, pointing at the line's key."""
    contents = {file.path: file for file in files}
    sources: dict[str, Source] = {}

    def source_of(path: str) -> Source | None:
        if path not in sources and path in contents:
            file = contents[path]
            sources[path], _ = read_text(path, file.content, Report(), file.sensitive)
        return sources.get(path)

    return tuple(
        found if found.source_line else _quoting(found, source_of(found.location.file))
        for found in diagnostics
    )


def _quoting(found: Diagnostic, source: Source | None) -> Diagnostic:
    # One that stands elsewhere than in the first column is an error that shows no line on purpose.
    if source is None or found.location.column != 1:
        return found
    number = found.location.line
    key = _KEY.search(source.line(number))
    if key is None:
        return found
    location = found.location._replace(column=key.start() + 1)
    shown = "" if source.hides(number) else source.line(number)
    return replace(found, location=location, source_line=shown, width=len(key.group()))
