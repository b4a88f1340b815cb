"""Tables without frames: aligned columns, long values cut only where a terminal is too narrow."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobrunner.cli.style import cut, pad, style, width
from jobrunner.wording.foreign_text import one_line

GAP = "  "
_NARROWEST = 8
_WORTH_A_COLUMN = 30


@dataclass(frozen=True, slots=True)
class Column:
    """A head, and how its cells stand. `shrinks`: cut first when the terminal is narrow. `hangs`, for
    the last one: what would be cut to a few letters stands below its row.
    """

    head: str
    right: bool = False
    shrinks: bool = False
    hangs: bool = False


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
    if columns is not None and _has_to_hang(table.columns, widths, columns):
        return _hanging_lines(table, columns)
    if columns is not None:
        widths = _fit(table.columns, widths, columns)
    heads = [style(column.head, "quiet") for column in table.columns]
    return [_line(table.columns, cells, widths) for cells in (heads, *table.rows)]


def _has_to_hang(columns: Sequence[Column], widths: Sequence[int], available: int) -> bool:
    room = available - sum(widths[:-1]) - len(GAP) * (len(widths) - 1)
    return columns[-1].hangs and room < min(widths[-1], _WORTH_A_COLUMN)


def _hanging_lines(table: Table, columns: int) -> list[str]:
    """The last cells below their rows, where the second column begins."""
    upper = Table(table.columns[:-1], [row[:-1] for row in table.rows])
    head, *lines = table_lines(upper, columns)
    indent = " " * (max(width(row[0]) for row in (*table.rows, [table.columns[0].head])) + len(GAP))
    hanging = [head]
    for line, row in zip(lines, table.rows, strict=True):
        hanging.append(line)
        if row[-1]:
            hanging.append(indent + cut(row[-1], columns - len(indent)))
    return hanging


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
