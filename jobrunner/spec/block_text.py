"""A text behind `|` or `>`: which lines of a file are its own, as YAML's parser does not say."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

_FIRST_MARGIN = re.compile(r"(?: *+\n)*+( *)")
"""The spaces before the first line that is more than spaces."""


class BlockText(NamedTuple):
    """What stands below the header."""

    lines: list[str]
    """Without their indentation."""
    end: int
    """Where the last of them ends: an index of the file's text."""


def read_block_text(text: str, start: int, value: str, *, keeps_blank: bool) -> BlockText:
    """The block text whose first line begins at the index `start` of a file's text, and whose value the
    parser has found to be `value`, which is not of spaces alone.
    """
    if not value.strip("\n"):
        return _blank_lines(text, start, len(value))
    indentation = _margin(text, start) - _margin(value, 0)
    lines: list[str] = []
    kept, kept_end = 0, start - 1
    for line, end in _lines(text, start):
        if not line.strip(" ") and len(line) <= indentation:
            is_kept = keeps_blank and end < len(text)
        elif line.startswith(" " * indentation):
            is_kept = True
        else:
            break
        lines.append(line[indentation:])
        if is_kept:
            kept, kept_end = len(lines), end
    return BlockText(lines[:kept], kept_end)


def _blank_lines(text: str, start: int, count: int) -> BlockText:
    ends = [end for _, end in islice(_lines(text, start), count)]
    return BlockText([""] * count, ends[-1] if ends else start - 1)


def _margin(text: str, start: int) -> int:
    found = _FIRST_MARGIN.match(text, start)
    return 0 if found is None else len(found[1])


def _lines(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Each with where it ends; one by one, as what follows a short text may be a megabyte."""
    while start <= len(text):
        found = text.find("\n", start)
        end = len(text) if found < 0 else found
        yield text[start:end], end
        start = end + 1
