"""Job files in one form: how they are indented, quoted and spaced; never what they say.

Two spaces a level, lists below their keys with two more; `[…]` and `{…}` on one line where they fit,
as blocks where they do not; double quotes, and none where a text needs none; one empty line between
jobs; the file's own keys in the order of the reference. The order of a job's keys is its author's.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import yaml

from jobrunner.garbage import collection_paused
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.keys import KEYS
from jobrunner.spec.report import Report
from jobrunner.spec.same_meaning import say_the_same
from jobrunner.spec.surrogates import as_yaml_writes
from jobrunner.spec.written import (
    Collection,
    Document,
    Item,
    Leaf,
    Remark,
    UnformattableError,
    Written,
    read_written,
)
from jobrunner.spec.yaml import SourceFile, read_tree

WIDTH = 100
"""Columns that a `[…]` or `{…}` may reach on one line."""
_STEP = 2

# A text that no reader of YAML, of whatever version, takes for anything else.
_NEEDS_NO_QUOTES = re.compile(r"[^\W\d][\w./+-]*( [\w./+-]+)*")
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_DIGIT = re.compile(r"[1-9]")
_READS_OTHERWISE = "in another form it would read otherwise"
_ORDER = ("version", "project", "namespace", *KEYS["the project file"], *KEYS["a job file"])


@dataclass(frozen=True, slots=True)
class Formatted:
    """What became of a file."""

    before: str
    """Its text, without a byte order mark."""
    text: str | None
    """The same in our form; None where it is left alone."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """Its mistakes: it is left alone until they are mended."""
    left_because: str = ""
    """It has no mistake and is left alone all the same: why."""


@collection_paused()
def format_file(file: SourceFile) -> Formatted:
    """The file in our form, which says the same and has the same comments.

    Only mistakes of YAML itself are looked for: what a key means does not matter here.
    """
    report = Report()
    source, _ = read_tree(file, report)
    diagnostics = report.in_file_order([file.path])
    if diagnostics:
        return Formatted(source.text, None, diagnostics)
    try:
        written = read_written(_with_line_feeds(source.text))
        text = _text_of(written)
        if text == source.text:
            return Formatted(text, text)
        again = read_written(text)
    except UnformattableError as error:
        return Formatted(source.text, None, left_because=str(error))
    except yaml.YAMLError:
        return Formatted(source.text, None, left_because=_READS_OTHERWISE)
    if say_the_same(written, again):
        return Formatted(source.text, text)
    # Whatever is overlooked above: nobody's file says something else for it.
    return Formatted(source.text, None, left_because=_READS_OTHERWISE)


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text_of(written: Written) -> str:
    lines: list[_Line] = []
    for number, document in enumerate(written.documents):
        if not written.has_anchors:  # an alias stands behind its anchor
            _put_in_order(document)
        lines += _document_lines(document, is_first=number == 0)
    return "\n".join([*_aligned(_without_needless_blanks(lines)), ""])


class _Line(NamedTuple):
    """One of the lines that are made, and the comment that goes beside it."""

    text: str
    remark: Remark | None = None
    keeps_blank: bool = False
    """Empty lines behind it would be a part of the block text that it ends."""


_BLANK = _Line("")


def _without_needless_blanks(lines: Iterable[_Line]) -> Iterator[_Line]:
    may_be_blank = False
    for line in lines:
        if line is not _BLANK or may_be_blank:
            yield line
        may_be_blank = not line.keeps_blank


def _aligned(lines: Iterable[_Line]) -> Iterator[str]:
    """Comments that stood one below the other stand so again; one alone keeps its distance."""
    for _, rows in groupby(lines, key=_Columns()):
        row = list(rows)
        column = max((len(line.text) for line in row if line.remark), default=0)
        column += max(1, min((line.remark.distance for line in row if line.remark), default=0))
        for line in row:
            yield f"{line.text:{column}}{line.remark.text}" if line.remark else line.text


class _Columns:
    """Numbers the rows: lines without an empty one between them, whose comments stood in one column."""

    def __init__(self) -> None:
        self._number = 0
        self._column: int | None = None

    def __call__(self, line: _Line) -> int:
        found = line.remark.column if line.remark else None
        if line is _BLANK or (None not in (found, self._column) and found != self._column):
            self._number += 1
            self._column = None
        self._column = self._column if found is None else found
        return self._number


def _put_in_order(document: Document) -> None:
    """The file's own keys; where comments stand among them, they stay as they are."""
    root = document.root
    if not (isinstance(root, Collection) and root.is_mapping and root.items):
        return
    if any(item.before for item in root.items[1:]):
        return
    head = root.items[0].before
    root.items[0].before = []
    root.items.sort(key=_rank)
    root.items[0].before = head


def _rank(item: Item) -> int:
    """Keys that are none of the format's stand before `jobs`, the last one."""
    name = item.key.value if item.key is not None else ""
    if name == "jobs":
        return len(_ORDER)
    return _ORDER.index(name) if name in _ORDER else len(_ORDER) - 1


def _document_lines(document: Document, *, is_first: bool) -> list[_Line]:
    lines = _remark_lines(document.before, 0)
    if document.is_marked or not is_first:
        lines.append(_Line("---", document.beside))
    lines += _remark_lines(document.above, 0)
    root = document.root
    if isinstance(root, Collection):
        if root.properties:
            raise UnformattableError("the whole document has an anchor or a tag")
        flow = _on_one_line(root)
        if flow is not None and (len(flow) <= WIDTH or not root.items):
            lines.append(_Line(flow))
        else:
            lines += _block_lines(root, 0, is_root=True)
    elif root is not None and (root.text or root.properties):
        raise UnformattableError("it holds a single value, no mapping")
    return lines + _remark_lines(document.end, 0)


def _block_lines(block: Collection, indentation: int, *, is_root: bool = False) -> list[_Line]:
    lines: list[_Line] = []
    for item in block.items:
        holds_jobs = is_root and item.key is not None and item.key.value == "jobs"
        own = _item_lines(item, indentation, has_spaced_items=holds_jobs)
        lines += own if lines else own[own[0] is _BLANK :]
    return lines + _remark_lines(block.end, indentation)


def _spaced_lines(jobs: Collection, indentation: int) -> list[_Line]:
    """An empty line between two jobs, unless both are a single line each."""
    lines: list[_Line] = []
    previous = 0
    for job in jobs.items:
        own = _item_lines(job, indentation)
        is_apart = own[0] is _BLANK
        own = own[is_apart:]
        if lines and (is_apart or max(previous, len(own)) > 1):
            lines.append(_BLANK)
        lines += own
        previous = len(own)
    return lines + _remark_lines(jobs.end, indentation)


def _item_lines(item: Item, indentation: int, *, has_spaced_items: bool = False) -> list[_Line]:
    margin = " " * indentation
    head = f"{margin}-" if item.key is None else f"{margin}{_key_text(item.key)}:"
    value = item.value
    before = _remark_lines(item.before, indentation) + [_BLANK] * item.after_blank
    if isinstance(value, Leaf):
        return before + _leaf_lines(item, head, indentation)
    head += f" {value.properties}" if value.properties else ""
    flow = None if item.beside and item.behind else _on_one_line(value)
    if flow is not None and (len(head) + 1 + len(flow) <= WIDTH or not value.items):
        return [*before, _Line(f"{head} {flow}", item.beside or item.behind)]
    block_lines = _spaced_lines if has_spaced_items else _block_lines
    below = block_lines(value, indentation + _STEP)
    if item.behind:
        below += _remark_lines([item.behind], indentation + _STEP)
    if item.key is not None or value.properties:
        return [*before, _Line(head, item.beside), *below]
    beside = [item.beside] if item.beside else []
    return before + _remark_lines(beside, indentation) + _behind_dash(below, head)


def _behind_dash(below: Sequence[_Line], head: str) -> list[_Line]:
    """A list's item that is a block itself begins on the line of its dash; comments stand above."""
    first = next(
        number for number, line in enumerate(below) if line.text.lstrip()[:1] not in {"", "#"}
    )
    above = [
        line if line is _BLANK else line._replace(text=head[:-1] + line.text.lstrip())
        for line in below[:first]
    ]
    begun = below[first]._replace(text=f"{head} {below[first].text.lstrip()}")
    return [*above, begun, *below[first + 1 :]]


def _leaf_lines(item: Item, head: str, indentation: int) -> list[_Line]:
    leaf = item.value
    assert isinstance(leaf, Leaf)  # noqa: S101  its only callers have looked
    head += f" {leaf.properties}" if leaf.properties else ""
    margin = " " * (indentation + _STEP)
    if leaf.style in ("|", ">"):
        return _block_text_lines(leaf, head, margin)
    first, *others = _scalar_text(leaf).split("\n")
    texts = [f"{head} {first}".rstrip()]
    texts += [margin + other if other else "" for other in others]
    lines = [*map(_Line, texts[:-1]), _Line(texts[-1], item.beside)]
    return lines + _remark_lines(item.below, indentation + _STEP)


def _block_text_lines(leaf: Leaf, head: str, margin: str) -> list[_Line]:
    header = _DIGIT.sub(str(_STEP), leaf.text)
    texts = [margin + text if text else "" for text in leaf.block_lines]
    lines = [_Line(f"{head} {header}", leaf.header_remark), *map(_Line, texts)]
    return [*lines[:-1], lines[-1]._replace(keeps_blank=leaf.keeps_blank)]


def _on_one_line(node: Leaf | Collection) -> str | None:
    """As `[…]` or `{…}`; None for what has comments or several lines, is a block, or is too long."""
    if isinstance(node, Leaf):
        text = _scalar_text(node)
        if "\n" in text or (node.properties and not text):
            return None
        return f"{node.properties} {text}".lstrip()
    if not node.is_flow or node.end:
        return None
    items: list[str] = []
    room = WIDTH
    for item in node.items:
        told = _item_on_one_line(item)
        if told is None or (room := room - len(told) - 2) < 0:
            return None
        items.append(told)
    inside = ", ".join(items)
    return f"{{{inside}}}" if node.is_mapping else f"[{inside}]"


def _item_on_one_line(item: Item) -> str | None:
    if item.before or item.beside or item.behind:
        return None
    value = _on_one_line(item.value)
    properties = item.value.properties if isinstance(item.value, Collection) else ""
    if value is None or item.key is None:
        return value if value is None else f"{properties} {value}".lstrip()
    if not value:
        return _key_text(item.key)
    return " ".join(part for part in (f"{_key_text(item.key)}:", properties, value) if part)


def _key_text(key: Leaf) -> str:
    text = f"{key.properties} {_scalar_text(key)}".lstrip()
    return f"{text} " if key.style == "*" else text  # `*name:` would be an alias of another name


def _scalar_text(leaf: Leaf) -> str:
    """Lines without their margins."""
    text = as_yaml_writes(leaf.text) if leaf.style == '"' and "\\u" in leaf.text else leaf.text
    if "\n" in text:
        return "\n".join(_folded_line(line, leaf) for line in text.split("\n"))
    if leaf.style not in ("'", '"') or leaf.properties:
        return text
    if leaf.text == f"{leaf.style}{leaf.value}{leaf.style}" and _needs_no_quotes(leaf.value):
        return leaf.value
    if leaf.style == "'" and not set(leaf.value) & {'"', "\\"}:
        return f'"{leaf.value}"'
    return text


def _folded_line(line: str, leaf: Leaf) -> str:
    """Spaces at both ends of a line mean nothing, but for one behind a backslash."""
    stripped = line.strip(" \t")
    is_escaped = leaf.style == '"' and (len(stripped) - len(stripped.rstrip("\\"))) % 2
    cut = line.lstrip(" \t")[len(stripped) :]
    return stripped + cut[:1] if is_escaped else stripped


def _needs_no_quotes(text: str) -> bool:
    return _NEEDS_NO_QUOTES.fullmatch(text) is not None and text.lower() not in _WORDS_OF_YAML


def _remark_lines(remarks: Iterable[Remark], indentation: int) -> list[_Line]:
    margin = " " * indentation
    lines: list[_Line] = []
    for remark in remarks:
        lines += [_BLANK] * remark.after_blank + [_Line(margin + remark.text)]
    return lines
