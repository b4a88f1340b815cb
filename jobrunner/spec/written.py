"""YAML as it is written: what PyYAML's events leave out stays here, comments and empty lines above all.

A comment belongs to what stands on its line; on a line of its own it belongs to what follows, or to
the end of the block that its column says.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from jobrunner.spec.block_text import read_block_text
from jobrunner.spec.surrogates import FILLER, join_pairs

_Loader: type[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_ENDS_PROPERTY = re.compile(r"[\s,\[\]{}]|\Z")
_BETWEEN = re.compile(r"(?:\s|#[^\n]*)*")
_STANDARD_TAG = "tag:yaml.org,2002:"


class UnformattableError(Exception):
    """A text that YAML allows and that nobody writes: it is left as it is. A sentence."""


@dataclass(slots=True)
class Remark:
    """A comment, from its `#` to the end of its line."""

    text: str
    column: int
    """Characters before it on its line."""
    distance: int
    """Spaces before it."""
    after_blank: bool = False
    """An empty line stands before it."""


@dataclass(slots=True, eq=False)
class Leaf:
    """A scalar or an alias. `text` is '' for nothing at all; of a block text it is the header."""

    text: str
    style: str
    """'' plain, `'`, `"`, `|`, `>`, and `*` for an alias."""
    value: str
    properties: str = ""
    """Anchor and tag."""
    block_lines: Sequence[str] = ()
    """Of a block text, without their indentation."""
    header_remark: Remark | None = None
    """Of a block text, behind its `|` or `>`."""

    @property
    def keeps_blank(self) -> bool:
        """Empty lines behind it are a part of it."""
        return self.style in ("|", ">") and "+" in self.text


_NOTHING = Leaf("", "", "")


@dataclass(slots=True)
class Collection:
    """A mapping or a list."""

    is_mapping: bool
    is_flow: bool
    properties: str = ""
    items: list["Item"] = field(default_factory=list)
    end: list[Remark] = field(default_factory=list)
    """Comments behind its last item."""


@dataclass(slots=True)
class Item:
    """An entry of a mapping, or an item of a list, which has no key."""

    key: Leaf | None = None
    value: "Leaf | Collection" = _NOTHING
    before: list[Remark] = field(default_factory=list)
    after_blank: bool = False
    beside: Remark | None = None
    """On its own line, or on that of its key."""
    behind: Remark | None = None
    """On the line of the bracket that closes its value."""
    below: Sequence[Remark] = ()
    """Deeper than the item, which has no value."""


@dataclass(slots=True)
class Document:
    """What stands between two `---`."""

    is_marked: bool
    """By a `---` of its own."""
    before: list[Remark] = field(default_factory=list)
    beside: Remark | None = None
    above: list[Remark] = field(default_factory=list)
    """Between the `---` and what is no block."""
    root: Leaf | Collection | None = None
    end: list[Remark] = field(default_factory=list)


@dataclass(slots=True)
class Written:
    """A whole text."""

    documents: list[Document]
    comments: list[str]
    """All of them, in the order of the text."""
    has_anchors: bool


def read_written(text: str) -> Written:
    """The text, which ends its lines by LF and has no mistake, as it is written.

    Raises UnformattableError.
    """
    readable = text
    while True:
        try:
            return _Reader(text, readable).read()
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            joined = readable if mark is None else join_pairs(readable, mark.index)
            if joined == readable:
                raise
            readable = joined


class _Reader:
    """One pass over the events. Comments are found in what stands between them."""

    def __init__(self, text: str, readable: str) -> None:
        self._text = text
        self._has_fillers = readable != text
        self._next_event: Callable[[], Any] = _Loader(readable).get_event
        self._event: Any = self._next_event()
        self._cursor = 0
        """Up to where the text has been seen."""
        self._owner: Document | Item | None = None
        """Whose line the cursor is on."""
        self._is_behind = False
        """The cursor is behind the bracket that closes the owner's value."""
        self._closed: list[tuple[int, list[Remark]]] = []
        """Blocks that end at the cursor, the innermost first: their columns, and their comments."""
        self._after_blank = False
        """An empty line stands before the cursor."""
        self._key_column = 0
        self._comments: list[str] = []
        self._has_anchors = False

    def read(self) -> Written:
        """Everything."""
        documents: list[Document] = []
        self._next()
        while not isinstance(self._event, yaml.StreamEndEvent):
            documents.append(self._document())
        if not documents:
            documents.append(Document(is_marked=False))
        self._take(len(self._text), documents[-1].end)
        return Written(documents, self._comments, self._has_anchors)

    def _next(self) -> Any:
        event, self._event = self._event, self._next_event()
        return event

    def _document(self) -> Document:
        event = self._next()
        if event.version is not None or event.tags:
            raise UnformattableError("it has a directive, a line that starts with %")
        document = Document(is_marked=event.explicit)
        if event.explicit:
            self._take(event.start_mark.index, document.before)
            self._cursor = event.end_mark.index
            self._owner, self._is_behind = document, False
        document.root = self._value(None, document.above)
        event = self._next()
        if event.explicit:
            self._take(event.start_mark.index, document.end)
            self._cursor = event.end_mark.index
            self._owner = None  # a comment beside `...` is nobody's: it stands below what has ended
        return document

    def _value(self, item: Item | None, before: list[Remark]) -> Leaf | Collection:
        """`before` takes the comments between a key and its value."""
        event = self._event
        if not isinstance(event, yaml.CollectionStartEvent):
            self._take(self._start(event), before)
            return self._leaf(item)
        made = Collection(
            isinstance(event, yaml.MappingStartEvent),
            is_flow=bool(event.flow_style),
            properties=self._properties(event),
        )
        if event.flow_style:
            self._read_flow(made, item, before)
        else:
            self._read_block(made, item)
        return made

    def _read_block(self, made: Collection, item: Item | None) -> None:
        event = self._next()
        column = event.start_mark.column
        if self._properties(event):  # which stand on the line above
            column = self._margin(self._event.start_mark.index)
        if item is not None and item.key is not None and column == self._key_column:
            column += 1  # a list in the column of its key: a comment there is the outer block's
        self._read_items(made)
        self._next()
        self._closed.append((column, made.end))

    def _read_flow(self, made: Collection, item: Item | None, before: list[Remark]) -> None:
        start = self._start(self._next())
        self._take(start, before)
        has_brackets = self._text[start] in "[{"  # `[key: value]` holds a mapping that has none
        if has_brackets:
            self._cursor = start + 1
            self._owner, self._is_behind = item, False
        self._read_items(made)
        event = self._next()
        if not has_brackets:
            return
        self._take(event.start_mark.index, made.end)
        self._cursor = event.end_mark.index
        self._owner, self._is_behind = item, True
        if not made.items:  # nothing that a comment inside could stand beside
            self._raise_beside(item)
            before += made.end
            made.end.clear()

    def _read_items(self, made: Collection) -> None:
        while not isinstance(self._event, yaml.CollectionEndEvent):
            made.items.append(self._entry() if made.is_mapping else self._list_item())

    def _entry(self) -> Item:
        event = self._event
        if isinstance(event, yaml.CollectionStartEvent):
            raise UnformattableError("it has a key that is no text")
        item = Item()
        start = self._start(event)
        self._take(start, item.before)
        item.after_blank = self._after_blank
        # To look for the beginning of a line of a megabyte again and again would take minutes.
        at_start = start == event.start_mark.index
        column = event.start_mark.column if at_start else self._column(start)
        item.key = self._leaf(None)
        is_block_text = item.key.style in ("|", ">")
        if not item.key.text or is_block_text or "\n" in item.key.text:
            raise UnformattableError("it has a key of several lines")
        self._owner, self._is_behind, self._key_column = item, False, column
        item.value = self._value(item, item.before)
        return item

    def _list_item(self) -> Item:
        item = Item()
        self._take(self._event.start_mark.index, item.before)
        item.after_blank = self._after_blank
        self._owner, self._is_behind = item, False
        item.value = self._value(item, item.before)
        return item

    def _leaf(self, item: Item | None) -> Leaf:
        event = self._next()
        start, end = self._start(event), event.end_mark.index
        if isinstance(event, yaml.AliasEvent):
            self._has_anchors = True
            self._cursor = end
            return Leaf(f"*{event.anchor}", "*", "")
        value = event.value.replace(FILLER, "") if self._has_fillers else event.value
        leaf = Leaf("", event.style or "", value, self._properties(event))
        if leaf.style in ("|", ">"):
            self._read_block_text(leaf, start)
        elif end > start:
            leaf.text = self._text[start:end]
            self._cursor = end
        elif item is not None and item.key is not None:
            below: list[Remark] = []
            item.below = below
            self._closed.append((self._key_column + 1, below))
        return leaf

    def _read_block_text(self, leaf: Leaf, start: int) -> None:
        header_end = self._line_end(start)
        header = self._text[start:header_end]
        leaf.text = header.partition("#")[0].rstrip()
        if "#" in header:
            leaf.header_remark = _remark(header, self._column(start))
            self._comments.append(leaf.header_remark.text)
        if leaf.value.strip("\n") and not leaf.value.strip(" \n"):
            raise UnformattableError("it has a block text of nothing but spaces")
        block = read_block_text(
            self._text, header_end + 1, leaf.value, keeps_blank=leaf.keeps_blank
        )
        leaf.block_lines, self._cursor = block
        if leaf.value.strip("\n") and not leaf.value.endswith("\n") and "-" not in leaf.text:
            # The file's last line, which does not end.
            leaf.text = leaf.text.removesuffix("+") + "-"

    def _take(self, end: int, target: list[Remark]) -> None:
        """The comments up to `end`: those of the line to its owner, others to the block that has ended
        and is as deep as they are, or to `target`.
        """
        between = self._text[self._cursor : end]
        if "#" not in between and between.count("\n") < 2:  # nearly always
            self._cursor, self._after_blank = max(end, self._cursor), False
            self._closed.clear()
            return
        for remark, is_on_line in self._gap(between, end):
            self._comments.append(remark.text)
            if is_on_line and self._owner is not None:
                self._set_beside(self._owner, remark)
                continue
            if isinstance(self._owner, Item) and self._owner.before is target:
                self._raise_beside(self._owner)  # this one is between a key and its value
            while self._closed and remark.column < self._closed[0][0]:
                self._closed.pop(0)
            (self._closed[0][1] if self._closed else target).append(remark)
        self._closed.clear()

    def _set_beside(self, owner: Document | Item, remark: Remark) -> None:
        if self._is_behind and isinstance(owner, Item):
            owner.behind = remark
            return
        self._raise_beside(owner)
        owner.beside = remark

    def _raise_beside(self, owner: Document | Item | None) -> None:
        """A line has room for one comment: what stood beside it first stands above it."""
        if owner is not None and owner.beside is not None:
            owner.before.append(owner.beside)
            owner.beside = None

    def _gap(self, between: str, end: int) -> Iterator[tuple[Remark, bool]]:
        """Comments between the cursor and `end`, and whether each is on the cursor's line.

        Nothing else can stand there but spaces, indicators, anchors and tags.
        """
        pieces = between.split("\n")
        column = self._column(self._cursor)
        is_inside = column > 0
        self._cursor = max(end, self._cursor)
        blank = False
        for number, piece in enumerate(pieces):
            if "#" in piece:
                yield _remark(piece, column, after_blank=blank), is_inside
                blank = False
            elif not piece.strip() and 0 < number < len(pieces) - 1:
                blank = True
            column, is_inside = 0, False
        self._after_blank = blank

    def _start(self, event: Any) -> int:
        """Where a node begins, behind its anchor and its tag."""
        at: int = event.start_mark.index
        if (event.anchor is None and event.tag is None) or isinstance(event, yaml.AliasEvent):
            return at
        end = (
            len(self._text)
            if isinstance(event, yaml.CollectionStartEvent)
            else event.end_mark.index
        )
        for _ in range((event.anchor is not None) + (event.tag is not None)):
            ends = _ENDS_PROPERTY.search(self._text, at)
            between = _BETWEEN.match(self._text, ends.start() if ends else at)
            at = between.end() if between else at
        return min(at, end)

    def _properties(self, event: Any) -> str:
        parts = []
        if event.anchor is not None:
            self._has_anchors = True
            parts.append(f"&{event.anchor}")
        if event.tag is not None:
            if self._text.startswith("!<", event.start_mark.index):
                raise UnformattableError("it has a tag in angle brackets")
            parts.append(event.tag.replace(_STANDARD_TAG, "!!"))
        return " ".join(parts)

    def _margin(self, index: int) -> int:
        return _leading_spaces(self._text[self._text.rfind("\n", 0, index) + 1 : index])

    def _column(self, at: int) -> int:
        return at - (self._text.rfind("\n", 0, at) + 1)

    def _line_end(self, at: int) -> int:
        found = self._text.find("\n", at)
        return len(self._text) if found < 0 else found


def _remark(piece: str, column: int, *, after_blank: bool = False) -> Remark:
    """The comment in a piece of a line that begins in this column."""
    at = piece.index("#")
    distance = at - len(piece[:at].rstrip())
    return Remark(piece[at:].rstrip(" \t"), column + at, distance, after_blank)


def _leading_spaces(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
