"""A run on a line of time: how long it waited, and each of its attempts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from markupsafe import Markup

from jobrunner.web.charts.svg import drawing, element
from jobrunner.web.charts.ticks import round_ticks, tick_text
from jobrunner.wording.states import STATES
from jobrunner.wording.times import short, took

_WIDTH = 880.0
_LEFT, _RIGHT = 96.0, 768.0
_ROW = 28.0
_BAR = 12.0
_SHORTEST_BAR = 2.0


@dataclass(frozen=True, slots=True)
class TimedAttempt:
    """One attempt of a run."""

    number: int
    state: str
    started_at: datetime
    finished_at: datetime | None
    """None: it goes on."""


@dataclass(frozen=True, slots=True)
class _Bar:
    name: str
    state: str
    """'' is waiting."""
    start: datetime
    end: datetime


def timeline(
    *, waited_from: datetime, attempts: Sequence[TimedAttempt], now: datetime, zone: tzinfo
) -> Markup:
    """From when the run could have started to its end, or to `now`; '' before its first attempt."""
    bars = list(_bars(waited_from, attempts, now))
    if not bars:
        return Markup("")
    span = max(bar.end for bar in bars) - waited_from
    ticks = round_ticks(span)
    bottom = len(bars) * _ROW + 4

    def x(moment: datetime) -> float:
        return _LEFT + (_RIGHT - _LEFT) * max((moment - waited_from) / ticks[-1], 0.0)

    lines = [
        element("line", x1=at, y1=0.0, x2=at, y2=bottom, class_="grid")
        + element("text", f"+{tick_text(tick)}", x=at, y=bottom + 16, class_="label middle")
        for tick in ticks
        for at in [x(waited_from + tick)]
    ]
    start = element(
        "text",
        short(waited_from, zone, near=now, to_the_second=True),
        x=_LEFT,
        y=bottom + 32,
        class_="label",
    )
    rows = [
        _row(bar, index * _ROW, x(bar.start), x(bar.end), is_running=bar.state == "running")
        for index, bar in enumerate(bars)
    ]
    axis = element("line", x1=_LEFT, y1=0.0, x2=_LEFT, y2=bottom, class_="axis")
    return drawing(_WIDTH, bottom + 40, [*lines, axis, start, *rows])


def _bars(waited_from: datetime, attempts: Sequence[TimedAttempt], now: datetime) -> Iterator[_Bar]:
    if attempts and waited_from < attempts[0].started_at:
        yield _Bar("waited", "", waited_from, attempts[0].started_at)
    for attempt in attempts:
        end = attempt.finished_at or max(now, attempt.started_at)
        yield _Bar(f"attempt {attempt.number}", attempt.state, attempt.started_at, end)


def _row(bar: _Bar, top: float, x1: float, x2: float, *, is_running: bool) -> Markup:
    role = STATES[bar.state][1] if bar.state else "quiet"
    words = took(bar.end - bar.start) + (" so far" if is_running else "")
    told = f"{STATES[bar.state][0]} {words}" if bar.state else words
    middle = top + _ROW / 2
    return element(
        "g",
        element("title", f"{bar.name}: {bar.state or 'waited'}, {words}"),
        element("text", bar.name, x=_LEFT - 8, y=middle + 4, class_="label end"),
        element(
            "rect",
            x=x1,
            y=middle - _BAR / 2,
            width=max(x2 - x1, _SHORTEST_BAR),
            height=_BAR,
            rx=2.0,
            class_=f"bar {role}" if bar.state else "bar waited",
        ),
        element(
            "text", told, x=max(x2, x1 + _SHORTEST_BAR) + 6, y=middle + 4, class_=f"told {role}"
        ),
    )
