"""A heat map as rows of cells: five steps of one hue, and the number that stands in the cell."""

from collections.abc import Sequence
from dataclasses import dataclass

_SHARES = (0.1, 0.25, 0.5, 0.8)
"""Of the slots: where the next step begins."""
_SMALLEST_SHOWN = 0.05


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour."""

    level: int
    """0: nothing starts or runs; 5: nearly full, or more than full."""
    text: str
    starts: int
    busy: float
    """Slots, on average."""


EMPTY = Cell(0, "", 0, 0.0)


def cells_of(
    starts: Sequence[int], busy: Sequence[float], *, full: float, is_by_starts: bool
) -> list[Cell]:
    """`full`: how much is all there can be, in slots, or with `is_by_starts` in starts."""
    return [
        _cell(number, slots, full, is_by_starts=is_by_starts)
        for number, slots in zip(starts, busy, strict=True)
    ]


def slots_text(slots: float) -> str:
    """`0.4`, `12`; `<0.1` for next to nothing: 0 would be an hour without work."""
    if slots < _SMALLEST_SHOWN:
        return "<0.1"
    return f"{slots:.0f}" if slots >= 9.95 else f"{slots:.1f}"


def _cell(starts: int, busy: float, full: float, *, is_by_starts: bool) -> Cell:
    if not starts and busy < _SMALLEST_SHOWN:
        return EMPTY
    share = (starts if is_by_starts else busy) / full if full else 1.0
    level = 1 + sum(share >= step for step in _SHARES)
    return Cell(level, _short_count(starts) if is_by_starts else slots_text(busy), starts, busy)


def _short_count(number: int) -> str:
    """`950`, `12k`."""
    return str(number) if number < 1000 else f"{number / 1000:.0f}k"
