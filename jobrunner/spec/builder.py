"""YAML's events → the positioned tree, with every mistake that leaves the text readable reported.

PyYAML's C parser gives the events; the tree, the meaning of plain scalars (`spec/scalars.py`),
aliases and merge keys are our own, so that memory and time are bounded and each node knows its
place. Where the C parser is missing, PyYAML's own gives the same events, more slowly.
"""

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
_OWN_TAGS = {
    "scalar": "tag:yaml.org,2002:str",
    "sequence": "tag:yaml.org,2002:seq",
    "mapping": "tag:yaml.org,2002:map",
}


class UnreadableError(Exception):
    """A mistake that is already reported, and after which the text is not read on."""


class _Frame:
    """A list or a mapping that is still open."""

    __slots__ = (
        "anchor", "at_key", "column", "entries", "height", "items", "key", "line", "merge_key",
        "merged", "nodes_before",
    )  # fmt: skip

    def __init__(self, anchor: str | None, line: int, column: int, nodes: int) -> None:
        self.anchor = anchor
        self.line = line
        self.column = column
        self.nodes_before = nodes
        self.height = 1
        self.items: list[Node] | None = None
        self.entries: dict[str, Entry] = {}
        self.key: Scalar | None = None
        self.at_key = True
        self.merge_key: Scalar | None = None
        self.merged: list[Mapping] = []


class TreeBuilder:
    """One reading of one text."""

    def __init__(self, source: Source, report: Report, mended: dict[tuple[int, int], str]) -> None:
        self.documents: list[Node] = []
        self.quoted_spans: list[tuple[int, int]] = []
        self._source = source
        self._error = partial(report.error, source)
        self._mended = mended
        self._keep_spans = has_odd_spaces(source)
        self._has_fillers = False
        self._start_document()

    def read(self, text: str) -> None:
        """Fill `documents`. Raises yaml.YAMLError where the parser stops, UnreadableError where we do."""
        self._has_fillers = FILLER in text and FILLER not in self._source.text
        next_event = _Loader(text).get_event
        while (event := next_event()) is not None:
            kind = event.__class__
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent:
                self._open(event, "mapping")
            elif kind is yaml.SequenceStartEvent:
                self._open(event, "sequence").items = []
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close()
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                self._start_document()
            elif kind is yaml.DocumentEndEvent:
                self._end_document()

    def _start_document(self) -> None:
        self._document: Node | None = None
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}  # node, its size, its height
        self._nodes = 0
        self._aliased_nodes = 0

    def _end_document(self) -> None:
        # Only here: what stands before a mistake may be no more than a part of a document.
        if self._document is not None and not is_null(self._document):
            self.documents.append(self._document)

    def _scalar(self, event: Any) -> None:
        start, end, value = event.start_mark, event.end_mark, event.value
        line, column = start.line + 1, start.column + 1
        if end.line == start.line:
            width = end.column - start.column or 1
        else:
            width = max(1, len(self._source.line(line)) - start.column)
        self._nodes += 1
        plain = not event.style
        tag, anchor = event.tag, event.anchor
        if plain and tag is None and (not value or value[0] in MAY_BE_SPECIAL):
            value = self._resolved(value, line, column, width)
        elif plain and value[:1] == MENDED:
            value = self._mended.get((line, column), value)
        elif not plain:
            self._check_quoted(event, line, column)
            if self._has_fillers:
                value = value.replace(FILLER, "")
        node = Scalar(value, line, column, width, self._source)
        if tag is not None:
            self._check_tag(event, "scalar", node)
        if anchor is not None:
            self._anchors[anchor] = (node, 1, 0)
        if plain and value == "<<" and self._stack and self._stack[-1].at_key:
            self._merge_key(node)
        self._add(node)

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

    def _open(self, event: Any, kind: str) -> _Frame:
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        if len(self._stack) >= DEEPEST:
            self._give_up(
                line, column, "E108", f"nested deeper than {DEEPEST} levels",
                "write it flatter; a job needs no more than a few levels",
            )  # fmt: skip
        frame = _Frame(event.anchor, line, column, self._nodes)
        if event.tag is not None:
            self._check_tag(event, kind, Scalar(None, line, column, 1, self._source))
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)
        self._nodes += 1
        self._stack.append(frame)
        return frame

    def _close(self) -> None:
        frame = self._stack.pop()
        node: Node
        place = (frame.line, frame.column, self._source)
        if frame.items is not None:
            node = Sequence(tuple(frame.items), *place)
        else:
            for mapping in frame.merged:
                for key, entry in mapping.entries.items():
                    frame.entries.setdefault(key, entry)
            node = Mapping(frame.entries, *place)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (node, self._nodes - frame.nodes_before, frame.height)
        if self._stack:
            above = self._stack[-1]
            above.height = max(above.height, frame.height + 1)
        self._add(node)

    def _alias(self, event: Any) -> None:
        mark, name = event.start_mark, event.anchor
        line, column, width = mark.line + 1, mark.column + 1, len(name) + 1
        if name not in self._anchors:
            if any(frame.anchor == name for frame in self._stack):
                self._give_up(
                    line, column, "E106", f"*{name} stands inside of what &{name} names, without end",
                    "write the value out", width=width,
                )  # fmt: skip
            self._error(
                line, column, "E106", f"no anchor &{name} stands before this alias", width=width,
                help=f'put the anchor first, or quote the text: "*{name}"',
            )  # fmt: skip
            self._add(Scalar(None, line, column, width, self._source))
            return
        node, size, height = self._anchors[name]
        self._nodes += size
        self._aliased_nodes += size
        if self._aliased_nodes > MOST_ALIASED_NODES:
            self._give_up(
                line, column, "E107", f"aliases expand to more than {MOST_ALIASED_NODES:,} values",
                "write the values out, or put them into 'defaults'", width=width,
            )  # fmt: skip
        if len(self._stack) + height > DEEPEST:
            self._give_up(
                line, column, "E108", f"nested deeper than {DEEPEST} levels", "write it flatter",
                width=width,
            )  # fmt: skip
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, height + 1)
        self._add(node)

    def _add(self, node: Node) -> None:
        if not self._stack:
            self._document = node
            return
        frame = self._stack[-1]
        if frame.items is not None:
            frame.items.append(node)
        elif frame.at_key:
            frame.at_key = False
            if isinstance(node, Scalar) and isinstance(node.value, str):
                frame.key = node
            else:
                frame.key = self._key_as_text(node)
        else:
            frame.at_key = True
            key = frame.key
            if key is None:
                return
            if key is frame.merge_key:
                self._merge(frame, node)
                return
            name = str(key.value)
            if name in frame.entries:
                self._refuse_key(key, name, frame.entries[name])
            else:
                frame.entries[name] = Entry(key, node)

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

    def _merge_key(self, node: Scalar) -> None:
        frame = self._stack[-1]
        if frame.items is not None:
            return
        if frame.merge_key is not None:
            self._error(
                node.line, node.column, "E105", "the key '<<' stands here a second time",
                width=2, help="write one '<<' with a list: <<: [*first, *second]",
                notes=(f"first at line {frame.merge_key.line}",),
            )  # fmt: skip
        frame.merge_key = node

    def _merge(self, frame: _Frame, node: Node) -> None:
        parts = node.items if isinstance(node, Sequence) else (node,)
        for part in parts:
            if isinstance(part, Mapping):
                frame.merged.append(part)
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


def _shortened(name: str) -> str:
    return name if len(name) <= 60 else name[:60] + "…"
