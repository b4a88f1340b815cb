"""Long lines broken between words, the rest below the words they belong to.

A terminal would break them in the middle of a word and go on at its left edge.
"""

import re

from jobrunner.cli.style import unstyle, width

_NARROWEST = 24
"""Columns that words need beside an indent; with fewer, the indent becomes smaller."""
_EVENT = re.compile(r"\d\d:\d\d:\d\d  \S (?:\S+ {2,})?")
_EVENT_INDENT = 12
_GAP = 2
_CARETS = re.compile(r"( *\|)( *\^+ )")
_SOURCE = re.compile(r" *\d+ \| ")
_INDENT = re.compile(r" *")
_LABELLED = re.compile(r" {6}\S+ {2,}")
"""A field of a change, and what stands beside it."""


def wrapped(line: str, columns: int | None) -> list[str]:
    """`line` as lines of at most so many columns; None: as it is. Colours are kept.

    A word that is longer than a line stays whole, and so does a line of somebody's file.
    """
    if columns is None or width(line) <= columns:
        return [line]
    plain = unstyle(line)
    if _SOURCE.match(plain):
        return [line]
    return _broken(line, columns, _beginning(plain, columns))


def _beginning(plain: str, columns: int) -> str:
    """What the further lines begin with."""
    if event := _EVENT.match(plain):
        indent = width(event.group())
        return " " * (indent if columns - indent >= _NARROWEST else _EVENT_INDENT)
    if carets := _CARETS.match(plain):
        bar, rest = carets.groups()
        indent = len(rest) if columns - width(bar + rest) >= _NARROWEST else 2
        return bar + " " * indent
    labelled = _LABELLED.match(plain)
    if labelled and columns - width(labelled.group()) >= _NARROWEST:
        return " " * width(labelled.group())
    indent_found = _INDENT.match(plain)
    return "  " + (indent_found.group() if indent_found else "")


def _broken(line: str, columns: int, beginning: str) -> list[str]:
    lines, current, is_empty = [], "", True
    for gap, word in re.findall(r"( *)([^ ]+)", line):
        fits = width(current + gap + word) <= columns
        space = gap if fits else gap[:_GAP]  # a column of its own is given up before a line is
        if not is_empty and width(current + space + word) > columns:
            lines.append(current)
            current = beginning + word
        else:
            current += space + word
        is_empty = False
    return [*lines, current]
