"""How long the last runs of a job took: a mark a run, a line where an apply has changed the job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from markupsafe import Markup

from jobrunner.web.charts.svg import drawing, element
from jobrunner.web.charts.ticks import round_ticks, tick_text
from jobrunner.wording.states import STATES
from jobrunner.wording.times import short, took

_WIDTH, _HEIGHT = 880.0, 208.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 60.0, 816.0, 24.0, 176.0
_RADIUS = 3.5
_LABEL_WIDTH = 34.0
"""Of an apply's number; where two stand closer, only the later one is written."""


@dataclass(frozen=True, slots=True)
class TimedRun:
    """A finished run that was started."""

    scheduled_for: datetime
    state: str
    took: timedelta
    address: str
    """Of its page."""


@dataclass(frozen=True, slots=True)
class AppliedAt:
    """An apply that has changed the job."""

    revision: int
    at: datetime
    author: str
    address: str
    """Of the revision's page."""


def usual_of(runs: Sequence[TimedRun]) -> timedelta | None:
    """The median of those that succeeded; None without any."""
    taken = sorted(run.took for run in runs if run.state == "succeeded")
    return taken[(len(taken) - 1) // 2] if taken else None


def duration_chart(
    runs: Sequence[TimedRun], applied: Sequence[AppliedAt], *, zone: tzinfo, now: datetime
) -> Markup:
    """The runs from the oldest to the newest, evenly spaced; '' for fewer than two."""
    if len(runs) < 2:
        return Markup("")
    ordered = sorted(runs, key=lambda run: run.scheduled_for)
    ticks = round_ticks(max(run.took for run in ordered))
    scale = _Scale(ordered, ticks[-1])
    return drawing(
        _WIDTH,
        _HEIGHT,
        [
            *(_tick(tick, scale) for tick in ticks),
            _line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "axis"),
            *_days(ordered, zone, now),
            *_usual(ordered, scale),
            *_applied(applied, scale, zone, now),
            *(_run(run, scale.x(index), scale, zone, now) for index, run in enumerate(ordered)),
        ],
    )


class _Scale:
    """Where a run and a duration stand."""

    def __init__(self, runs: Sequence[TimedRun], longest: timedelta) -> None:
        self._runs = runs
        self._longest = longest

    def x(self, place: float) -> float:
        """Of the run at that place; 1.5 lies between the second and the third one."""
        return _LEFT + 12 + (_RIGHT - _LEFT - 24) * place / (len(self._runs) - 1)

    def x_at(self, moment: datetime) -> float | None:
        """Between the last run before a moment and the first after it; None before the first run."""
        before = sum(run.scheduled_for < moment for run in self._runs)
        return self.x(before - 0.5) if before else None

    def y(self, duration: timedelta) -> float:
        """Of a duration."""
        return _BOTTOM - (_BOTTOM - _TOP) * (duration / self._longest)


def _tick(tick: timedelta, scale: _Scale) -> Markup:
    y = scale.y(tick)
    label = element("text", tick_text(tick), x=_LEFT - 8, y=y + 4, class_="label end")
    return _line(_LEFT, y, _RIGHT, y, "grid") + label


def _days(runs: Sequence[TimedRun], zone: tzinfo, now: datetime) -> list[Markup]:
    """When the first and the last one were due."""
    ends = ((_LEFT, "label", runs[0]), (_RIGHT, "label end", runs[-1]))
    return [
        element("text", short(run.scheduled_for, zone, near=now), x=x, y=_HEIGHT - 12, class_=kind)
        for x, kind, run in ends
    ]


def _usual(runs: Sequence[TimedRun], scale: _Scale) -> list[Markup]:
    """The median of those that succeeded, named at its end."""
    usual = usual_of(runs)
    if usual is None:
        return []
    y = scale.y(usual)
    label = element("text", "usual", x=_RIGHT + 8, y=y - 3, class_="label")
    value = element("text", took(usual), x=_RIGHT + 8, y=y + 12, class_="label strong")
    return [_line(_LEFT, y, _RIGHT, y, "usual"), label, value]


def _applied(
    applied: Sequence[AppliedAt], scale: _Scale, zone: tzinfo, now: datetime
) -> list[Markup]:
    parts: list[Markup] = []
    free_until = _RIGHT + 12
    for one in sorted(applied, key=lambda one: one.at, reverse=True):
        x = scale.x_at(one.at)
        if x is None:
            continue
        inside = [_line(x, _TOP - 4, x, _BOTTOM, "applied")]
        if x + _LABEL_WIDTH / 2 <= free_until:
            label = f"r{one.revision}"
            inside.append(element("text", label, x=x, y=_TOP - 10, class_="label middle link"))
            free_until = x - _LABEL_WIDTH / 2
        when = short(one.at, zone, near=now)
        title = element("title", f"revision {one.revision}, {when}, by {one.author}")
        parts.append(element("a", title, *inside, href=one.address, tabindex="-1"))
    return parts


def _run(run: TimedRun, x: float, scale: _Scale, zone: tzinfo, now: datetime) -> Markup:
    when = short(run.scheduled_for, zone, near=now)
    title = element("title", f"{when}: {run.state.replace('_', ' ')} after {took(run.took)}")
    mark = outcome_mark(run.state, x, scale.y(run.took))
    return element("a", title, mark, href=run.address, tabindex="-1")


def outcome_mark(state: str, x: float, y: float) -> Markup:
    """A dot for what went well, a cross for what went wrong, a diamond for the rest; in their colours."""
    role = STATES[state][1]
    r = _RADIUS
    match role:
        case "good":
            return element("circle", cx=x, cy=y, r=r, class_="dot good")
        case "bad":
            path = f"M{x - r:.1f} {y - r:.1f}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}"
            return element("path", d=path, class_="cross bad")
        case _:
            path = f"M{x:.1f} {y - r - 1:.1f}l{r + 1} {r + 1}l{-r - 1} {r + 1}l{-r - 1} {-r - 1}z"
            return element("path", d=path, class_=f"dot {role}")


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)
