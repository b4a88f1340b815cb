"""YAML as nearly every job file is written, read line by line in half the time that a parser's events take.

That is: mappings with each key in a line of its own, lists of single values, flow values that end on
their line, and comments. All else, and whatever is wrong, is left to the parser: what is read here is
the tree that it would give.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from jobrunner.spec.scalars import MAY_BE_SPECIAL, AmbiguousNumberError, resolve_plain
from jobrunner.spec.text import has_odd_spaces
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, Sequence, Source

_DEEPEST = 20
_MOST_BRACKETS = 40
"""In a line. Nobody writes deeper than both; how deep is too deep is for the parser's side to say."""
_LONGEST_REMEMBERED = 120
_REMEMBERED = 4096
_NOWHERE = Source("", "")
_new_node: Callable[..., Any] = tuple.__new__
"""Half the time of a call of the class, and there are half a million of them."""

_HEAD = re.compile(r"(?P<indent> *)(?:(?P<dash>- +)|(?P<key>\w[\w./-]{0,99}):(?: +|$)|(?=#|$))")
_QUOTED = r""""(?P<double>[^"\\]*)"|'(?P<single>[^']*)'(?!')"""
_FIRST = r"(?:[\w./$~]|-(?=[\w.]))"
_VALUE = re.compile(rf"{_QUOTED}|(?P<plain>{_FIRST}[^:#]*(?:(?::(?=\S)|(?<=\S)#)[^:#]*)*)")
_FLOW_VALUE = re.compile(rf"{_QUOTED}|(?P<plain>{_FIRST}[\w.+/@-]*(?: +[\w.+/@-]+)*)")
_FLOW_BEGIN = re.compile(r"[\[{] *(?=.)")
_FLOW_COLON = re.compile(r": +(?=.)")
_FLOW_NEXT = re.compile(r" *(?:, +(?![]}])(?=.)|(?=[]}]))")
_END = re.compile(r" *(?:(?<= )#.*)?")


def read_plain(source: Source) -> Mapping | None:
    """The only document of a text, which is a mapping; None for a text that holds anything else, or a
    mistake. Reports nothing.
    """
    if has_odd_spaces(source):
        return None
    try:
        return _Reader(source).read()
    except (_OtherYamlError, AmbiguousNumberError):
        return None


class _OtherYamlError(Exception):
    """It is not written in the plain way."""


class _Line(NamedTuple):
    """What one line says, wherever it stands."""

    indent: int
    key: str
    """'' for an item of a list, and for a line that says nothing."""
    value: Node | None
    """As if it stood in line 0 of no file. None: there is none in this line."""


class _Reader:
    """One reading of one text."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._root: Mapping | None = None
        self._indent = -1
        self._entries: dict[str, Entry] = {}
        """Of the innermost mapping."""
        self._outer: list[tuple[int, dict[str, Entry]]] = []
        self._open: Scalar | None = None
        """The last key, whose value is still to come."""
        self._items: list[Node] = []
        self._items_place = (0, 0)
        """Line and column of the first of them."""

    def read(self) -> Mapping | None:
        """None for a text that says nothing."""
        for number, text in enumerate(_lines(self._source.text), 1):
            if not text:
                continue
            is_short = len(text) <= _LONGEST_REMEMBERED
            indent, key, value = _remembered(text) if is_short else _line(text)
            if key:
                self._take_entry(number, indent, key, value)
            elif value is not None:
                self._take_item(number, indent, value)
        self._close()
        return self._root

    def _take_entry(self, number: int, indent: int, key: str, value: Node | None) -> None:
        if indent != self._indent or self._open is not None:
            self._go_to(number, indent)
        if key in self._entries:
            raise _OtherYamlError
        name = _new_node(Scalar, (key, number, indent + 1, len(key), self._source))
        if value is None:
            self._open = name
        else:
            placed = _placed(value, number, self._source)
            self._entries[key] = _new_node(Entry, (name, placed))

    def _go_to(self, number: int, indent: int) -> None:
        """The mapping that a key with so many spaces before it belongs to."""
        if self._root is None:
            self._root = Mapping(self._entries, number, 1, self._source)
            self._indent = 0
        elif self._open is not None and not self._items and indent > self._indent:
            self._begin_mapping(number, indent)
        else:
            self._close()
        while indent < self._indent:
            self._indent, self._entries = self._outer.pop()
        if indent != self._indent:
            raise _OtherYamlError

    def _begin_mapping(self, number: int, indent: int) -> None:
        """As the value of the open key."""
        self._outer.append((self._indent, self._entries))
        if len(self._outer) > _DEEPEST:
            raise _OtherYamlError
        mapping = Mapping({}, number, indent + 1, self._source)
        self._give(mapping)
        self._indent, self._entries = indent, mapping.entries

    def _take_item(self, number: int, indent: int, value: Node) -> None:
        if not self._items:
            self._items_place = (number, indent + 1)
        is_below = indent >= self._indent and indent + 1 == self._items_place[1]
        if self._open is None or not is_below:
            raise _OtherYamlError
        self._items.append(_placed(value, number, self._source))

    def _close(self) -> None:
        """No further line belongs to the open key."""
        if self._items:
            self._give(Sequence(tuple(self._items), *self._items_place, self._source))
            self._items = []
        elif self._open is not None:
            _, line, column, width, source = self._open
            self._give(Scalar(None, line, column + width + 1, 1, source))

    def _give(self, value: Node) -> None:
        name, self._open = self._open, None
        if name is not None:
            self._entries[str(name.value)] = Entry(name, value)


def _lines(text: str) -> list[str]:
    text = text.replace("\r\n", "\n")
    if "\r" in text:
        raise _OtherYamlError
    lines = text.split("\n")
    if lines[0] == "---":
        lines[0] = ""
    return lines


def _line(text: str) -> _Line:
    head = _HEAD.match(text)
    if head is None:
        raise _OtherYamlError
    begin, key = head.end(), head["key"] or ""
    if key and key[0] in MAY_BE_SPECIAL and resolve_plain(key) != key:
        raise _OtherYamlError
    if text[begin : begin + 1] in ("", "#"):
        if head["dash"]:
            raise _OtherYamlError
        return _Line(len(head["indent"]), key, None)
    if text.count("[", begin) + text.count("{", begin) > _MOST_BRACKETS:
        raise _OtherYamlError
    value, end = _value(text, begin, _VALUE)
    if not _END.fullmatch(text, end):
        raise _OtherYamlError
    return _Line(len(head["indent"]), key, value)


_remembered = lru_cache(_REMEMBERED)(_line)
"""The jobs of a large project say the same in many of their lines."""


def _value(text: str, begin: int, expected: re.Pattern[str]) -> tuple[Node, int]:
    """What begins at an index of a line, and the index behind it."""
    if text.startswith("[", begin):
        return _flow_list(text, begin)
    if text.startswith("{", begin):
        return _flow_mapping(text, begin)
    found = expected.match(text, begin)
    if found is None:
        raise _OtherYamlError
    value: Any = found[found.lastgroup or 0]
    end = found.end()
    if found.lastgroup == "plain":
        value = value.rstrip(" ")
        end = begin + len(value)
        if value[0] in MAY_BE_SPECIAL:
            value = resolve_plain(value)
    return _new_node(Scalar, (value, 0, begin + 1, end - begin, _NOWHERE)), end


def _flow_list(text: str, begin: int) -> tuple[Sequence, int]:
    items: list[Node] = []
    at = _next(text, begin, _FLOW_BEGIN)
    while text[at] != "]":
        item, at = _value(text, at, _FLOW_VALUE)
        items.append(item)
        at = _next(text, at, _FLOW_NEXT)
    return Sequence(tuple(items), 0, begin + 1, _NOWHERE), at + 1


def _flow_mapping(text: str, begin: int) -> tuple[Mapping, int]:
    entries: dict[str, Entry] = {}
    at = _next(text, begin, _FLOW_BEGIN)
    while text[at] != "}":
        key, at = _value(text, at, _FLOW_VALUE)
        name = key.value if isinstance(key, Scalar) else None
        if not isinstance(name, str) or name in entries:
            raise _OtherYamlError
        value, at = _value(text, _next(text, at, _FLOW_COLON), _FLOW_VALUE)
        entries[name] = _new_node(Entry, (key, value))
        at = _next(text, at, _FLOW_NEXT)
    return Mapping(entries, 0, begin + 1, _NOWHERE), at + 1


def _next(text: str, at: int, between: re.Pattern[str]) -> int:
    found = between.match(text, at)
    if found is None:
        raise _OtherYamlError
    return found.end()


def _placed(node: Any, line: int, source: Source) -> Any:
    """The same, as it stands in that line."""
    if node.__class__ is Scalar:
        value, _, column, width, _ = node
        return _new_node(Scalar, (value, line, column, width, source))
    if node.__class__ is Mapping:
        entries = {
            name: _new_node(Entry, (_placed(key, line, source), _placed(value, line, source)))
            for name, (key, value) in node.entries.items()
        }
        return _new_node(Mapping, (entries, line, node.column, source))
    items = tuple([_placed(item, line, source) for item in node.items])
    return _new_node(Sequence, (items, line, node.column, source))
