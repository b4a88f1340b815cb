"""The positioned tree: what a YAML text says, each node with the place where it stands.

Nodes are named tuples because a large project has half a million of them. `source` on each node
keeps its place true when trees of several files are merged.
"""

import re
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from jobrunner.spec.sensitive_lines import sensitive_lines, sensitive_names

LONGEST_SHOWN_LINE = 1000
_LINE_BREAK = re.compile("\r\n|\n|\r")


class Source:
    """The text of one file, for quoting its lines."""

    def __init__(self, path: str, text: str, sensitive: frozenset[str] = frozenset()) -> None:
        self.path = path
        self.text = text
        self._sensitive = sensitive

    def __reduce__(self) -> tuple[type["Source"], tuple[str, str, frozenset[str]]]:
        """Pickled without what follows from the text."""
        return Source, (self.path, self.text, self._sensitive)

    @cached_property
    def lines(self) -> list[str]:
        """As YAML and editors count them: ended by LF, CRLF or CR only."""
        return _LINE_BREAK.split(self.text)

    @cached_property
    def has_references(self) -> bool:
        """Whether `${` or `$$` stands anywhere; asked for each document, of which there may be many."""
        return "${" in self.text or "$$" in self.text

    def line(self, number: int) -> str:
        """Line `number`, counted from 1; '' beyond the end and for what nobody wants to see."""
        if not 1 <= number <= len(self.lines):
            return ""
        line = self.lines[number - 1]
        return line if len(line) <= LONGEST_SHOWN_LINE else ""

    def hides(self, number: int) -> bool:
        """Whether the line may hold the value of a sensitive argument: a message, which may stand in the
        log of a build, does not quote it.
        """
        return number in self._sensitive_lines

    @cached_property
    def _sensitive_lines(self) -> frozenset[int]:
        return sensitive_lines(self.lines, self._sensitive | sensitive_names(self.text))

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _LINE_BREAK.finditer(self.text))]

    def place(self, index: int) -> tuple[int, int]:
        """Line and column, counted from 1, of a character of the text."""
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1

    def index(self, line: int, column: int) -> int:
        """The character of the text at a line and column: the reverse of `place`."""
        return self._starts[line - 1] + column - 1


class Scalar(NamedTuple):
    """A text, number, truth value or null."""

    value: str | int | float | bool | None
    line: int
    """Counts from 1, like `column`."""
    column: int
    width: int
    """Characters on its first line; at least 1."""
    source: Source


class Sequence(NamedTuple):
    """A list."""

    items: tuple["Node", ...]
    line: int
    column: int
    source: Source


class Entry(NamedTuple):
    """A key and its value."""

    key: Scalar
    value: "Node"


class Mapping(NamedTuple):
    """Keys are always text: JSON has no others."""

    entries: dict[str, Entry]
    line: int
    column: int
    source: Source

    def get(self, key: str) -> "Node | None":
        """The value, None when the key is not there."""
        entry = self.entries.get(key)
        return None if entry is None else entry.value

    def without(self, *keys: str) -> "Mapping":
        """The same without some keys."""
        return self._replace(entries={k: e for k, e in self.entries.items() if k not in keys})

    def given(self, keys: Container[str]) -> dict[str, Any]:
        """Key → JSON value, of these keys those that stand there with a value."""
        return {
            key: plain(entry.value)
            for key, entry in self.entries.items()
            if key in keys and not is_null(entry.value)
        }


Node = Scalar | Sequence | Mapping


def is_null(node: Node | None) -> bool:
    """Nothing written: no node, or a null."""
    return node is None or (isinstance(node, Scalar) and node.value is None)


def merge(base: Mapping | None, over: Mapping) -> Mapping:
    """`over` laid over `base`: mappings deeply, scalars and lists replace, null removes. A reference to a
    secret is one value: it replaces a mapping, and a mapping replaces it.

    A null over nothing stays: whether it means anything is for the key to say. The place of the
    result is `over`'s, the places of the entries are their own.
    """
    if base is None or not base.entries:
        return over
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        inherited = entries.get(key)
        if inherited is None:
            entries[key] = entry
        elif is_null(entry.value):
            del entries[key]
        elif (
            isinstance(inherited.value, Mapping)
            and isinstance(entry.value, Mapping)
            and not _is_reference(key, inherited.value)
            and not _is_reference(key, entry.value)
        ):
            entries[key] = Entry(entry.key, merge(inherited.value, entry.value))
        else:
            entries[key] = entry
    return over._replace(entries=entries)


def _is_reference(key: str, value: Mapping) -> bool:
    # Below `kwargs` itself are names of arguments, and `secret` is a good one.
    return "secret" in value.entries and key != "kwargs"


def plain(node: Node) -> Any:
    """The JSON value of a node."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    return [plain(item) for item in node.items]


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it, in the order of the text; without recursion."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        if isinstance(current, Mapping):
            waiting.extend(entry.value for entry in reversed(current.entries.values()))
        elif isinstance(current, Sequence):
            waiting.extend(reversed(current.items))


def size(tree: Mapping) -> int:
    """How many values stand in a mapping, at any depth."""
    found = 0
    waiting: list[Node] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            inner: Iterable[Node] = [entry.value for entry in node.entries.values()]
            found += len(node.entries)
        elif isinstance(node, Sequence):
            inner = node.items
            found += len(node.items)
        else:
            continue
        waiting += [one for one in inner if one.__class__ is not Scalar]
    return found


def text_as_written(node: Scalar) -> str:
    """What of a scalar stands on its first line, with its quotes and before `${…}` is expanded."""
    start = node.column - 1
    return node.source.lines[node.line - 1][start : start + node.width]


def as_written(node: Scalar) -> str:
    """The text of a value as it stands in the file: `1.10` stays `1.10`, it may be a version."""
    if isinstance(node.value, str):
        return node.value
    return text_as_written(node).split()[-1]  # an anchor stands before it


def text_offset(node: Scalar) -> int | None:
    """How many characters of a text's width come before it: 0, or 1 for a quote. None where it does not
    stand in the file as it reads: a part of it cannot be pointed at.
    """
    text = str(node.value)
    before, rest = divmod(node.width - len(text), 2)
    if rest or before not in (0, 1):
        return None
    start = node.column - 1 + before
    return before if node.source.lines[node.line - 1].startswith(text, start) else None


def kind(node: Node) -> str:
    """What a node is, in words for a message."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool()):
            return "true or false"
        case Scalar(value=str()):
            return "text"
        case Scalar(value=float()):
            return "a number with a fraction"
        case Scalar():
            return "a number"
