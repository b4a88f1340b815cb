"""Tables without frames: aligned columns, long values cut only where a terminal is too narrow."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobrunner.cli.style import cut, one_line, pad, style, width

GAP = "  "
_NARROWEST = 8


@dataclass(frozen=True, slots=True)
class Column:
    """A head, and how its cells stand. `shrinks`: cut first when the terminal is narrow."""

    head: str
    right: bool = False
    shrinks: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are ready text, coloured or not. `empty` says what to do when there is no row."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[str]]
    empty: str = "Nothing found."


def table_lines(table: Table, columns: int | None) -> list[str]:
    """The lines of a table for a terminal of so many columns; None: as wide as it is."""
    widths = [
        max(width(cell) for cell in (column.head, *(row[index] for row in table.rows)))
        for index, column in enumerate(table.columns)
    ]
    if columns is not None:
        widths = _fit(table.columns, widths, columns)
    heads = [style(column.head, "quiet") for column in table.columns]
    return [_line(table.columns, cells, widths) for cells in (heads, *table.rows)]


def _fit(columns: Sequence[Column], widths: Sequence[int], available: int) -> list[int]:
    """Take what is missing from the widest column that may shrink, again and again."""
    fitted = list(widths)
    missing = sum(fitted) + len(GAP) * (len(fitted) - 1) - available
    shrinking = [index for index, column in enumerate(columns) if column.shrinks]
    while missing > 0 and shrinking:
        widest = max(shrinking, key=lambda index: fitted[index])
        if fitted[widest] <= _NARROWEST:
            break
        fitted[widest] -= 1
        missing -= 1
    return fitted


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = [
        pad(cut(cell, size), size, right=column.right)
        for column, cell, size in zip(columns, cells, widths, strict=True)
    ]
    return GAP.join(shown).rstrip()


def fields_lines(fields: Sequence[tuple[str, str]], *, indent: str = "") -> list[str]:
    """`name   value`, the values aligned; a value of several lines goes on under itself."""
    size = max((width(name) for name, _ in fields), default=0)
    lines = []
    for name, value in fields:
        first, *others = value.split("\n")
        lines.append(f"{indent}{style(pad(name, size), 'quiet')}{GAP}{first}".rstrip())
        lines += [f"{indent}{' ' * size}{GAP}{other}".rstrip() for other in others]
    return lines


def text(value: object) -> str:
    """A cell of what somebody else wrote: one line, nothing that steers the terminal."""
    return "" if value is None else one_line(str(value))
