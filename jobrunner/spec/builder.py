"""YAML's events → the positioned tree, with every mistake that leaves the text readable reported.

PyYAML's C parser gives the events; the tree, the meaning of plain scalars (`spec/scalars.py`),
aliases and merge keys are our own, so that memory and time are bounded and each node knows its
place. Where the C parser is missing, PyYAML's own gives the same events, more slowly.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import yaml

from jobrunner.spec.report import Report
from jobrunner.spec.scalars import MAY_BE_SPECIAL, AmbiguousNumberError, resolve_plain
from jobrunner.spec.surrogates import FILLER
from jobrunner.spec.text import has_odd_spaces
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, Sequence, Source, is_null

DEEPEST = 64
MOST_ALIASED_NODES = 10_000
MENDED = "\ue000"
"""Stands in the text for an expression that should have been quoted, character by character, so that
the parser gets past it and no column moves."""

_Loader: type[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_new_node: Callable[..., Any] = tuple.__new__
"""Half the time of a call of the class, and there are half a million of them."""
_OWN_TAGS = {
    "scalar": "tag:yaml.org,2002:str",
    "sequence": "tag:yaml.org,2002:seq",
    "mapping": "tag:yaml.org,2002:map",
}


class UnreadableError(Exception):
    """A mistake that is already reported, and after which the text is not read on."""


class TreeBuilder:
    """One reading of one text."""

    def __init__(self, source: Source, report: Report, mended: dict[tuple[int, int], str]) -> None:
        self.documents: list[Node] = []
        self.quoted_spans: list[tuple[int, int]] = []
        self.mends_met: list[tuple[int, int]] = []
        """Line and column of each expression of `mended` that is one."""
        self.mends_hidden: list[tuple[int, int]] = []
        """From where to where texts go that have something MENDED in them."""
        self._source = source
        self._error = partial(report.error, source)
        self._mended = mended
        self._keep_spans = has_odd_spaces(source)
        self._has_fillers = False
        self._next_event: Callable[[], Any]

    def read(self, text: str) -> None:
        """Fill `documents`. Raises yaml.YAMLError where the parser stops, UnreadableError where we do."""
        self._has_fillers = FILLER in text and FILLER not in self._source.text
        self._next_event = _Loader(text).get_event
        while (event := self._next_event()) is not None:
            if event.__class__ is yaml.DocumentStartEvent:
                document = self._document()
                # Only behind its end: before it a mistake may come, and this be a part of a document.
                if not is_null(document):
                    self.documents.append(document)

    def _document(self) -> Node:
        self._anchors: dict[str, tuple[Node, int, int]] = {}  # node, its size, its height
        self._open_anchors: list[str | None] = []
        self._height = 0
        """Of what has been read of the innermost open list or mapping."""
        self._nodes = 0
        self._aliased_nodes = 0
        document = self._node(self._next_event())
        self._next_event()
        return document

    def _node(self, event: Any) -> Node:
        kind = event.__class__
        if kind is yaml.ScalarEvent:
            return self._scalar(event)
        if kind is yaml.AliasEvent:
            return self._alias(event)
        return self._collection(event, is_mapping=kind is yaml.MappingStartEvent)

    def _scalar(self, event: Any) -> Scalar:
        start, end, value = event.start_mark, event.end_mark, event.value
        line, column = start.line + 1, start.column + 1
        if end.line == start.line:
            width = end.column - start.column or 1
        else:
            width = max(1, len(self._source.line(line)) - start.column)
        self._nodes += 1
        tag = event.tag
        if self._mended and MENDED in value:
            value = self._before_mend(event, line, column)
        elif event.style:
            self._check_quoted(event, line, column)
            if self._has_fillers:
                value = value.replace(FILLER, "")
        elif tag is None and (not value or value[0] in MAY_BE_SPECIAL):
            value = self._resolved(value, line, column, width)
        node: Scalar = _new_node(Scalar, (value, line, column, width, self._source))
        if tag is not None:
            self._check_tag(event, "scalar", node)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, 1, 0)
        return node

    def _before_mend(self, event: Any, line: int, column: int) -> str:
        text: str = event.value
        if event.style or text[0] != MENDED or (line, column) not in self._mended:
            self.mends_hidden.append((event.start_mark.index, event.end_mark.index))
            return text
        self.mends_met.append((line, column))
        return self._mended[line, column]

    def _resolved(self, text: str, line: int, column: int, width: int) -> Any:
        try:
            return resolve_plain(text)
        except AmbiguousNumberError as error:
            self._error(line, column, "E110", str(error), width=width, help=error.hint)
            return text

    def _check_quoted(self, event: Any, line: int, column: int) -> None:
        if self._keep_spans:
            self.quoted_spans.append((event.start_mark.index, event.end_mark.index))
        if "\x00" in event.value:
            self._error(
                line, column, "E113", "a text with a NUL character cannot be stored",
                help="remove the \\0",
            )  # fmt: skip

    def _check_tag(self, event: Any, kind: str, node: Scalar) -> None:
        if event.tag in (_OWN_TAGS[kind], "!"):
            return
        shown = event.tag.replace("tag:yaml.org,2002:", "!!")[:60]
        self._error(
            node.line, node.column, "E109", f"the tag {shown} is not used here",
            help="remove the tag and write the value itself", width=len(shown),
        )  # fmt: skip

    def _collection(self, event: Any, *, is_mapping: bool) -> Node:
        mark, anchor = event.start_mark, event.anchor
        line, column = mark.line + 1, mark.column + 1
        if len(self._open_anchors) >= DEEPEST:
            self._give_up(
                line, column, "E108", f"nested deeper than {DEEPEST} levels",
                "write it flatter; a job needs no more than a few levels",
            )  # fmt: skip
        if event.tag is not None:
            kind = "mapping" if is_mapping else "sequence"
            self._check_tag(event, kind, Scalar(None, line, column, 1, self._source))
        if anchor is not None:
            self._anchors.pop(anchor, None)
        nodes_before, height_outside = self._nodes, self._height
        self._nodes += 1
        self._height = 1
        self._open_anchors.append(anchor)
        place = (line, column, self._source)
        node = Mapping(self._entries(), *place) if is_mapping else Sequence(self._items(), *place)
        self._open_anchors.pop()
        if anchor is not None:
            self._anchors[anchor] = (node, self._nodes - nodes_before, self._height)
        self._height = max(height_outside, self._height + 1)
        return node

    def _items(self) -> tuple[Node, ...]:
        items = []
        while (event := self._next_event()).__class__ is not yaml.SequenceEndEvent:
            items.append(self._node(event))
        return tuple(items)

    def _entries(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        merge_key: Scalar | None = None
        merged: list[Mapping] = []
        next_event = self._next_event
        while (event := next_event()).__class__ is not yaml.MappingEndEvent:
            node = self._node(event)
            if not (isinstance(node, Scalar) and isinstance(node.value, str)):
                key = self._key_as_text(node)
            else:
                key = node
                if node.value == "<<" and _is_plain(event):
                    merge_key = self._merge_key(node, merge_key)
            value = self._node(next_event())
            if key is None:
                continue
            name = str(key.value)
            if key is merge_key:
                self._merge(merged, value)
            elif name in entries:
                self._refuse_key(key, name, entries[name])
            else:
                entries[name] = _new_node(Entry, (key, value))
        for mapping in merged:
            for name, entry in mapping.entries.items():
                entries.setdefault(name, entry)
        return entries

    def _alias(self, event: Any) -> Node:
        mark, name = event.start_mark, event.anchor
        line, column, width = mark.line + 1, mark.column + 1, len(name) + 1
        if name not in self._anchors:
            if name in self._open_anchors:
                self._give_up(
                    line, column, "E106", f"*{name} stands inside of what &{name} names, without end",
                    "write the value out", width=width,
                )  # fmt: skip
            self._error(
                line, column, "E106", f"no anchor &{name} stands before this alias", width=width,
                help=f'put the anchor first, or quote the text: "*{name}"',
            )  # fmt: skip
            return Scalar(None, line, column, width, self._source)
        node, size, height = self._anchors[name]
        self._nodes += size
        self._aliased_nodes += size
        if self._aliased_nodes > MOST_ALIASED_NODES:
            self._give_up(
                line, column, "E107", f"aliases expand to more than {MOST_ALIASED_NODES:,} values",
                "write the values out, or put them into 'defaults'", width=width,
            )  # fmt: skip
        if len(self._open_anchors) + height > DEEPEST:
            self._give_up(
                line, column, "E108", f"nested deeper than {DEEPEST} levels", "write it flatter",
                width=width,
            )  # fmt: skip
        self._height = max(self._height, height + 1)
        return node

    def _refuse_key(self, key: Scalar, name: str, earlier: Entry) -> None:
        self._error(
            key.line, key.column, "E105", f"the key '{_shortened(name)}' stands here a second time",
            width=key.width, help="remove one of the two",
            notes=(f"first at line {earlier.key.line}",),
        )  # fmt: skip

    def _key_as_text(self, node: Node) -> Scalar | None:
        if not isinstance(node, Scalar):
            self._error(
                node.line, node.column, "E111", "a key must be text, not a list or a mapping",
                help='quote it if braces were meant as text, for example "{{ name }}"',
            )  # fmt: skip
            return None
        text = self._source.line(node.line)[node.column - 1 :][: node.width].strip()
        if node.value is None and text in ("", ":", "?"):
            message, advice = "a key is missing before the ':'", "write 'key: value'"
        else:
            message, advice = f"a key must be text, and {text} is not", f'quote it: "{text}"'
        self._error(node.line, node.column, "E111", message, help=advice, width=node.width)
        return node._replace(value=text)

    def _merge_key(self, key: Scalar, earlier: Scalar | None) -> Scalar:
        if earlier is not None:
            self._error(
                key.line, key.column, "E105", "the key '<<' stands here a second time",
                width=2, help="write one '<<' with a list: <<: [*first, *second]",
                notes=(f"first at line {earlier.line}",),
            )  # fmt: skip
        return key

    def _merge(self, merged: list[Mapping], node: Node) -> None:
        parts = node.items if isinstance(node, Sequence) else (node,)
        for part in parts:
            if isinstance(part, Mapping):
                merged.append(part)
            elif not (isinstance(part, Scalar) and part.value is None):
                self._error(
                    part.line, part.column, "E112", "'<<' takes a mapping or a list of mappings",
                    width=part.width if isinstance(part, Scalar) else 1, help="write <<: *anchor",
                )  # fmt: skip

    def _give_up(
        self, line: int, column: int, code: str, message: str, advice: str, *, width: int = 1
    ) -> NoReturn:
        self._error(line, column, code, message, width=width, help=advice)
        raise UnreadableError


def _is_plain(event: Any) -> bool:
    return event.__class__ is yaml.ScalarEvent and not event.style


def _shortened(name: str) -> str:
    return name if len(name) <= 60 else name[:60] + "…"
