"""Collects the mistakes of a whole tree, so that all are told in one go and each only once."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import TypeVar

from jobrunner.spec.codes.table import CODES
from jobrunner.spec.diagnostics import Diagnostic, has_errors
from jobrunner.spec.models import Location
from jobrunner.spec.tree import Node, Scalar, Source

MOST_IN_ONE_FILE = 1000
MOST_REPEATED = 500_000
"""Values that the jobs of one file have from defaults and templates, or by a matrix."""

_QUOTE_IT = "put the text in quotes"
_WITHOUT_VALUES = {
    "E104": _QUOTE_IT, "E106": _QUOTE_IT, "E109": _QUOTE_IT, "E110": _QUOTE_IT, "E111": _QUOTE_IT,
    "E230": "write ${NAME}; '$$' is a dollar sign",
}  # fmt: skip
"""What is said of a line that is not quoted, where the words would quote from it."""
_MOST_PLACES = 3
_Item = TypeVar("_Item")
_Key = tuple[str, int, int, str]
"""File, line, column and code."""


class PieceError(Exception):
    """A file that is read in pieces has a mistake: only the whole of it can tell what that is."""


class Report:
    """The diagnostics so far. A default that is wrong for a thousand jobs is one mistake.

    The first error of a file among `in_pieces` is raised as PieceError.
    """

    def __init__(self, *, in_pieces: Collection[str] = ()) -> None:
        self._in_pieces = in_pieces
        self._diagnostics: dict[_Key, Diagnostic] = {}
        self._counts: dict[str, int] = {}
        self._first_of: dict[tuple[str, str], _Key] = {}
        """Code and topic → where it was told."""
        self._others: dict[_Key, dict[_Key, None]] = {}
        """Where a topic was told → the other places it could be told at."""
        self._repeated: dict[str, int] = {}
        self._asked: set[_Key] = set()

    def at(
        self,
        node: Node,
        code: str,
        message: str,
        *,
        help: str = "",  # noqa: A002  the diagnostic's own word
        notes: tuple[str, ...] = (),
        offset: int = 0,
        width: int | None = None,
        shows_line: bool = True,
        topic: str = "",
    ) -> None:
        """An error at a node. `offset` and `width` point at a part of a text on its first line.

        `shows_line`: false where the line may hold a secret, and is not to be in a log. What has the same
        code and `topic` has one cause: it is told once, with the number of the other places.
        """
        if width is None:
            width = node.width if isinstance(node, Scalar) else 1
        self.error(
            node.source, node.line, node.column + offset, code, message,
            width=width, help=help, notes=notes, shows_line=shows_line, topic=topic,
        )  # fmt: skip

    def error(
        self,
        source: Source,
        line: int,
        column: int,
        code: str,
        message: str,
        *,
        width: int = 1,
        help: str = "",  # noqa: A002  the diagnostic's own word
        notes: tuple[str, ...] = (),
        shows_line: bool = True,
        topic: str = "",
    ) -> None:
        """An error at a place of a text; lines and columns count from 1."""
        key = (source.path, line, column, code)
        count = self._counts.get(source.path, 0)
        if key in self._diagnostics or count > MOST_IN_ONE_FILE:
            return
        is_error = not code.startswith("W")
        self._check_whole(source.path, is_error=is_error)
        first = self._first_of.get((code, topic)) if topic else None
        if first is not None:
            self._others.setdefault(first, {})[key] = None
            self._counts[source.path] = count  # the file has a mistake, told of or not
            return
        if topic and count < MOST_IN_ONE_FILE:
            self._first_of[code, topic] = key
        hides = not shows_line or source.hides(line)
        if hides and code in _WITHOUT_VALUES:
            message, help = CODES[code].title, _WITHOUT_VALUES[code]  # noqa: A001
        found = Diagnostic(
            code=code,
            severity="error" if is_error else "warning",
            message=message,
            location=Location(file=source.path, line=line, column=column),
            source_line="" if hides else source.line(line),
            width=max(1, width),
            help=help,
            notes=notes,
        )
        self._add(key, found)

    def takes(self, node: Node, code: str) -> bool:
        """Whether a mistake at this node would be told: it is new, and there are not too many yet.

        For those who look long for the words of it.
        """
        is_new = (node.source.path, node.line, node.column, code) not in self._diagnostics
        return is_new and self.has_room(node.source)

    def is_first(self, node: Node, kind: str) -> bool:
        """Whether nobody has asked before for a mistake of this kind at this node."""
        key = (node.source.path, node.line, node.column, kind)
        is_first = key not in self._asked
        self._asked.add(key)
        return is_first

    def has_room(self, source: Source) -> bool:
        """Whether another mistake of this file would be told."""
        return self._counts.get(source.path, 0) <= MOST_IN_ONE_FILE

    def while_room(self, source: Source, items: Iterable[_Item]) -> Iterator[_Item]:
        """Those that are worth a look: none behind the last mistake of the file that would be told."""
        return takewhile(lambda _: self.has_room(source), items)

    def may_repeat(self, path: str, values: int = 0) -> bool:
        """Count values that a file's jobs repeat, and tell whether they are still few enough."""
        so_far = self.repeated(path) + values
        self._repeated[path] = so_far
        return so_far <= MOST_REPEATED

    def repeated(self, path: str) -> int:
        """How many the jobs of a file have repeated so far."""
        return self._repeated.get(path, 0)

    def has_errors(self) -> bool:
        """Whether any of those so far stops an apply."""
        return has_errors(self._diagnostics.values())

    def take(self, other: "Report") -> None:
        """All that another report has found, as far as there is room."""
        for key, found in other._diagnostics.items():  # noqa: SLF001  of its own kind
            self._check_whole(found.location.file, is_error=found.is_error)
            self._add(key, found)

    @property
    def files(self) -> frozenset[str]:
        """The paths of those that have a mistake."""
        return frozenset(self._counts)

    def in_file_order(self, paths: list[str]) -> tuple[Diagnostic, ...]:
        """All of them: files as `paths` has them, then by line and column."""
        told = dict(self._diagnostics)
        for key, others in self._others.items():
            found = told[key]
            told[key] = replace(found, notes=(*found.notes, _counted(list(others))))
        return in_file_order(told.values(), paths)

    def _check_whole(self, path: str, *, is_error: bool) -> None:
        if is_error and path in self._in_pieces:
            raise PieceError

    def _add(self, key: _Key, found: Diagnostic) -> None:
        count = self._counts.get(found.location.file, 0)
        if count > MOST_IN_ONE_FILE:
            return
        self._counts[found.location.file] = count + 1
        self._diagnostics[key] = _no_more(found) if count == MOST_IN_ONE_FILE else found


def _no_more(last: Diagnostic) -> Diagnostic:
    """What is told in place of the first one that there is no room for."""
    message = f"more than {MOST_IN_ONE_FILE:,} mistakes in this file; the rest is not shown"
    return replace(last, code="E130", severity="error", message=message, notes=())


def _counted(others: list[_Key]) -> str:
    places = [f"{file}:{line}" for file, line, *_ in others[:_MOST_PLACES]]
    if len(others) > _MOST_PLACES:
        places.append("…")
    return f"{len(others):,} more: {', '.join(places)}"


def in_file_order(diagnostics: Iterable[Diagnostic], paths: list[str]) -> tuple[Diagnostic, ...]:
    """The same: files as `paths` has them, then by line and column."""
    rank = {path: number for number, path in enumerate(paths)}

    def place(found: Diagnostic) -> tuple[int, str, int, int, str]:
        where = found.location
        return (
            rank.get(where.file, len(rank)),
            where.file,
            where.line,
            where.column,
            found.code,
        )

    return tuple(sorted(diagnostics, key=place))
