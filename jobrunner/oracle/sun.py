"""The sun at a place, looked at every few minutes: when it rises, sets, or stands in the south."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import ephem

ACCURACY = timedelta(seconds=2)
"""So much may lie between two honest answers: libraries find the instant by iteration."""

_STEP = timedelta(minutes=4)
_FINE = timedelta(milliseconds=100)
_HEIGHTS = {"astronomical": -18.0, "nautical": -12.0, "civil": -6.0}
_REFRACTION = -34 / 60
"""Degrees by which the air lifts the sun at the horizon."""


def solar_times(
    event: str, latitude: float, longitude: float, start: datetime, end: datetime
) -> Iterator[datetime]:
    """The times of [start, end), to the second: where the sun crosses the height of the event."""
    is_passed = _crossing(event, latitude, longitude)
    moment, before = start - _STEP, is_passed(start - _STEP)
    while moment < end:
        after = is_passed(moment + _STEP)
        if after and not before:
            found = _to_the_second(is_passed, moment)
            if start <= found < end:
                yield found
        moment, before = moment + _STEP, after


def _crossing(event: str, latitude: float, longitude: float) -> Callable[[datetime], bool]:
    """Whether the event lies behind; it turns from False to True at the event itself."""
    observer: Any = ephem.Observer()
    observer.lat, observer.lon, observer.pressure = str(latitude), str(longitude), 0
    sun: Any = ephem.Sun()  # type: ignore[attr-defined]  # the stubs at hand stop at the observer
    name, _, kind = event.partition("_")
    rises = name in {"dawn", "sunrise"}

    def look(moment: datetime) -> bool:
        observer.date = moment.replace(tzinfo=None)
        sun.compute(observer)
        if event == "solar_noon":
            return math.sin(observer.sidereal_time() - sun.ra) >= 0
        if kind:
            above = math.degrees(sun.alt) >= _HEIGHTS[kind]
        else:
            above = math.degrees(sun.alt + sun.radius) >= _REFRACTION
        return above if rises else not above

    return look


def _to_the_second(is_passed: Callable[[datetime], bool], low: datetime) -> datetime:
    high = low + _STEP
    while high - low > _FINE:
        middle = low + (high - low) / 2
        if is_passed(middle):
            high = middle
        else:
            low = middle
    return (high + timedelta(milliseconds=500)).replace(microsecond=0, tzinfo=UTC)
