"""What was imported as the text of a job file: values in, YAML out."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobrunner.importing.compare import Comparison, moment_in_words, moments_in_words
from jobrunner.importing.entries import Import, Job, Left, Remark

_WIDTH = 100
_PLAIN = re.compile(
    r"[A-Za-z_/][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+(][A-Za-z0-9_./+()-]*)*", re.ASCII
)
_EXPRESSION = re.compile(r"\$(?=[${])")
"""What a `$` would begin where values are expanded; `$$` is a dollar sign."""
_NOT_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_NO_ESCAPE_NEEDED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_DURATION_OR_NAME = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w)(?:[0-9]+(?:ms|s|m|h|d|w))*")


@dataclass(frozen=True, slots=True)
class Written:
    """A job with the name it has got, and how its times compare."""

    job: Job
    name: str
    comparison: Comparison


def written_text(
    imported: Import, entries: Sequence[Written | Left | Remark], *, now: datetime
) -> str:
    """The whole file. Every job is disabled; what is no job is a comment at its place."""
    lines = [*_head(imported, now), *_top(imported)]
    has_jobs = any(isinstance(entry, Written) for entry in entries)
    lines.append("jobs:" if has_jobs else "jobs: {}")
    below: list[str] = []
    for entry in entries:
        match entry:
            case Written():
                below += ["", *_job(entry, imported.scheduler)]
            case Left():
                below += ["", *_comment(f"NOT A JOB: {entry.where}", 2)]
                below += _comment(entry.original, 2, "  ")
                below += _comment(f"{entry.reason}.", 2, "  ")
            case Remark():
                below += _remark(entry, below[-1:])
    return "\n".join([*lines, *below[1:]]) + "\n"


def _head(imported: Import, now: datetime) -> Iterator[str]:
    yield from _comment(f"Written by `{imported.command}` on {now:%Y-%m-%d}.", 0)
    yield "#"
    yield from _comment(
        "Every job is disabled. To hand one over, read its notes, remove its line `enabled: false`, take "
        f"the entry from {imported.scheduler}, and apply.",
        0,
    )
    if imported.notes:
        yield "#"
    for note in imported.notes:
        yield from _comment(note, 0, "- ", "  ")


def _top(imported: Import) -> Iterator[str]:
    yield from ("version: 1", f"namespace: {scalar(imported.namespace)}")
    if imported.defaults:
        yield f"defaults: {_flow(imported.defaults)}"
    yield ""


def _job(written: Written, scheduler: str) -> Iterator[str]:
    job = written.job
    yield f"  {scalar(written.name)}:"
    yield from _comment(job.where, 4)
    yield from _comment(job.original, 4, "  ")
    for note in (*job.notes, *written.comparison.differences):
        yield from _comment(note, 4, "- ", "  ")
    for key, value in job.keys.items():
        yield from _field(key, value, 4)
    yield "    enabled: false"
    for line in times_lines(written.comparison, scheduler):
        yield from _wrapped(line, "    # ", "    #   ")
    yield from _field("schedule", job.schedule, 4)


def times_lines(comparison: Comparison, scheduler: str) -> Iterator[str]:
    """The next times of old and new, side by side; in one line where both are the same."""
    zone = comparison.zone
    if comparison.old is None:
        yield f"next here, while {scheduler}'s cannot be told: {moments_in_words(comparison.new, zone)}"
        return
    if comparison.has_same_next:
        yield f"next, by {scheduler} and here: {moments_in_words(comparison.new, zone)}"
        return
    exact = any(time.second for time in (*comparison.old, *comparison.new))
    old, new = (
        [moment_in_words(time, zone, to_the_second=exact) for time in times]
        for times in (comparison.old, comparison.new)
    )
    head = f"next by {scheduler}"
    size = max(map(len, (*old, head)))
    yield f"{head:{size}}  here"
    rows = max(len(old), len(new))
    for left, right in zip(_filled(old, rows), _filled(new, rows), strict=True):
        yield f"{left:{size}}  {right}".rstrip()


def _filled(times: Sequence[str], rows: int) -> list[str]:
    return [*times, *["never again"] * (rows - len(times))]


def _remark(remark: Remark, before: Sequence[str]) -> Iterator[str]:
    if not (before and before[0].startswith("  # | ")):
        yield ""
    yield from _comment(remark.text, 2, "| ", "| ")


def _comment(text: str, indent: int, first: str = "", rest: str | None = None) -> Iterator[str]:
    """`# text`, broken between words; nothing in it can end the comment or the file."""
    beginning = " " * indent + "# "
    clean = " ".join(_printable(text).split())
    yield from _wrapped(clean, beginning + first, beginning + (first if rest is None else rest))


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _field(key: str, value: Any, indent: int) -> Iterator[str]:
    """In one line where it fits, else block by block."""
    space = " " * indent
    line = f"{space}{scalar(key)}: {_flow(value)}"
    if len(line) <= _WIDTH or not isinstance(value, Mapping | list) or not value:
        yield line
    elif isinstance(value, Mapping):
        yield f"{space}{scalar(key)}:"
        for name, item in value.items():
            yield from _field(name, item, indent + 2)
    else:
        yield f"{space}{scalar(key)}:"
        yield from (f"{space}  - {_flow(item)}" for item in value)


def _flow(value: Any) -> str:
    match value:
        case Mapping():
            return (
                "{"
                + ", ".join(f"{scalar(key)}: {_flow(item)}" for key, item in value.items())
                + "}"
            )
        case list() | tuple():
            return "[" + ", ".join(_flow(item) for item in value) + "]"
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case int():
            return str(value)
        case float():
            return _number(value)
        case _:
            return scalar(_EXPRESSION.sub("$$", str(value)))


def _number(value: float) -> str:
    """With a point, or a reader may take `1e22` for a text."""
    text = repr(value)
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def scalar(text: str) -> str:
    """A text, in double quotes unless it is surely read as itself without."""
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT
    if is_plain or _DURATION_OR_NAME.fullmatch(text):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    escaped = _NO_ESCAPE_NEEDED.get(character)
    return escaped or _printable(character)


def _printable(text: str) -> str:
    return "".join(
        c if c.isprintable() or c == " " else _code(ord(c)) if c != "\t" else c for c in text
    )


def _code(number: int) -> str:
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
