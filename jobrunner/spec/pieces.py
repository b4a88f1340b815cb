"""One large file as several, where its text shows that together they say the same."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from jobrunner.spec.plain_yaml import read_plain
from jobrunner.spec.report import MOST_REPEATED
from jobrunner.spec.sensitive_lines import may_hide
from jobrunner.spec.tree import Source, is_null
from jobrunner.spec.yaml import SourceFile

_MOST_PIECES = 32
"""Each repeats the lines above it, empty."""
_LEAST_BODY = 8
"""Times what all jobs of the file share, which each piece repeats."""
_BYTES_OF_A_VALUE = 8
"""As it is written, on average."""
_ANCHOR = re.compile(rb"[\s\[{,:?-]&[^\s]")
_TOP_LINE = re.compile(rb"^[^ #\r\n][^\r\n]*", re.MULTILINE)
_ABOVE_THE_JOBS = re.compile(rb"(version|namespace|defaults|templates):|x-")
_JOBS = re.compile(rb"jobs:[ \t]*(#.*)?")
_FIRST_LINE = re.compile(rb"\n(?P<indent> +)(?=[^ #\r\n])")
_OTHER_LINE_BREAKS = re.compile("\r(?!\n)|\x85|\u2028|\u2029".encode())
"""YAML's, beside `\\n` and `\\r\\n`."""


def pieces(file: SourceFile, *, size: int) -> tuple[SourceFile, ...]:
    """The file, cut before jobs that begin some `size` bytes apart: each piece has what stands above the
    jobs, and its own jobs at their own lines. The file alone where that is not certain, or it is too small.

    For a file that ends with its jobs, one below the other, with nothing above them but what all jobs of
    the file share. A cut is before a line that is a plain key at the column of the first one: it begins a
    job; or it stands within quotes or brackets, which an earlier piece opens and does not close. So: where
    any piece has a mistake, or two have the same job, only the whole file can tell what it says. No piece
    may hang on another one, nor on how much there is in all: see `_stands_alone`.
    """
    content = file.content
    tops = list(_TOP_LINE.finditer(content))
    if not tops or not _JOBS.fullmatch(tops[-1][0]):
        return (file,)
    if not all(_ABOVE_THE_JOBS.match(top[0]) for top in tops[:-1]):
        return (file,)
    head = tops[-1].end()
    first = _FIRST_LINE.search(content, head)
    if (
        first is None
        or file.sensitive
        or not _stands_alone(content)
        or not _is_plain(content[:head])
    ):
        return (file,)
    key = re.compile(rb"\n%s[A-Za-z0-9][\w.-]*:(?=[ \r\n])" % first["indent"])
    jobs = sum(1 for _ in key.finditer(content, head))
    if not key.match(content, first.start()) or jobs * head > MOST_REPEATED * _BYTES_OF_A_VALUE:
        return (file,)  # of so many most likely all together repeat too much
    least = max(size, _LEAST_BODY * head, len(content) // _MOST_PIECES)
    begins = [head, *_cuts(content, key, max(first.end(), head + least), least), len(content)]
    return tuple(_pieces(file, head, begins))


def _stands_alone(content: bytes) -> bool:
    """Whether no line of the text means something else, or is quoted otherwise, for another line of it: no
    alias, no merge, no line that may hold a secret, no matrix, as those of a file are counted; and no
    escape, by which any of these could be written.
    """
    return not (
        b"\\" in content
        or b"<<" in content
        or b"matrix" in content
        or (b"&" in content and _ANCHOR.search(content))
        or _OTHER_LINE_BREAKS.search(content)
        or may_hide(content)
    )


def _is_plain(head: bytes) -> bool:
    """Whether what stands above the jobs opens nothing that goes on below."""
    try:
        tree = read_plain(Source("", head.decode()))
    except UnicodeDecodeError:
        return False
    jobs = None if tree is None else tree.get("jobs")
    return jobs is not None and is_null(jobs)


def _cuts(content: bytes, key: re.Pattern[bytes], begin: int, size: int) -> Iterator[int]:
    """Where jobs begin, from `begin` on, at least so many bytes apart."""
    found = key.search(content, begin)
    while found is not None:
        yield found.start() + 1
        found = key.search(content, found.start() + size)


def _pieces(file: SourceFile, head: int, begins: Sequence[int]) -> Iterator[SourceFile]:
    content, lines_left_out = file.content, 0
    for begin, end in pairwise(begins):
        body = content[begin:end]
        yield replace(file, content=content[:head] + b"\n" * lines_left_out + body)
        lines_left_out += body.count(b"\n")
