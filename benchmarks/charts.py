"""Horizontal bars on a logarithmic scale, as SVG, readable on light and on dark pages."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.figures import JOBRUNNER, Figure, format_value

# A picture in a page does not know the page's colours: each has a contrast of 3 to white and to black.
_TEXT = "#767e88"
_OURS = "#2f81f7"
_OTHERS = "#8b949e"
_STYLE = f'role="img" color="{_TEXT}" fill="currentColor" font-family="sans-serif" font-size="14"'
_WIDTH, _LEFT, _RIGHT = 860, 190, 150
_TOP, _ROW, _BAR, _BOTTOM = 64, 34, 20, 52


@dataclass(frozen=True)
class Chart:
    """One picture: the figures of one benchmark that share `what`."""

    file: str
    benchmark: str
    what: str
    title: str
    reading: str
    """The unit, the scale, and which end is good."""


def draw(chart: Chart, figures: Sequence[Figure], caption: str) -> str:
    """The SVG text. At least one figure, all values above zero."""
    scale = _Scale.of([figure.value for figure in figures])
    height = _TOP + _ROW * len(figures) + _BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_STYLE}>',
        f"<title>{escape(chart.title)}</title>",
        f'<text x="0" y="20" font-size="17" font-weight="600">{escape(chart.title)}</text>',
        f'<text x="0" y="42" font-size="13">{escape(chart.reading)}</text>',
        *_grid(scale, _TOP + _ROW * len(figures)),
        *(line for row, figure in enumerate(figures) for line in _bar(scale, row, figure)),
        f'<text x="0" y="{height - 6}" font-size="12">{escape(caption)}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Scale:
    """From a value to a place; both ends are powers of ten."""

    low: int
    high: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "_Scale":
        # A power more at the left, or the shortest bar would have no length.
        low = math.floor(math.log10(min(values)) - 0.3)
        return cls(low, max(math.ceil(math.log10(max(values))), low + 1))

    def x(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)


def _grid(scale: _Scale, bottom: int) -> Iterator[str]:
    for power in range(scale.low, scale.high + 1):
        x = scale.x(10.0**power)
        yield (
            f'<line x1="{x}" y1="{_TOP - 6}" x2="{x}" y2="{bottom}" stroke="currentColor" '
            'stroke-opacity="0.25"/>'
        )
        label = f"{10.0**power:,g}"
        yield f'<text x="{x}" y="{bottom + 16}" font-size="12" text-anchor="middle">{label}</text>'


def _bar(scale: _Scale, row: int, figure: Figure) -> Iterator[str]:
    top = _TOP + row * _ROW
    middle = top + _BAR - 5
    is_ours = figure.who.startswith(JOBRUNNER)
    weight = ' font-weight="600"' if is_ours else ""
    width = round(scale.x(figure.value) - _LEFT, 1)
    fill = _OURS if is_ours else _OTHERS
    name, value = escape(figure.who), f"{format_value(figure.value)} {figure.unit}"
    yield f'<text x="{_LEFT - 10}" y="{middle}" text-anchor="end"{weight}>{name}</text>'
    yield f'<rect x="{_LEFT}" y="{top}" width="{width}" height="{_BAR}" rx="2" fill="{fill}"/>'
    yield f'<text x="{scale.x(figure.value) + 8}" y="{middle}"{weight}>{escape(value)}</text>'
