"""The sun at a place as a schedule: the events of Celery's own solar schedule, by the same library."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from math import asin, degrees, radians, sin
from typing import Any

import ephem

from jobrunner.schedule.cron import LAST_YEAR
from jobrunner.schedule.errors import ScheduleError

_HORIZONS = {
    "dawn_astronomical": "-18",
    "dawn_nautical": "-12",
    "dawn_civil": "-6",
    # Refraction lifts the sun by 34 minutes of arc; its radius is added by the library.
    "sunrise": "-0:34",
    "solar_noon": "0",
    "sunset": "-0:34",
    "dusk_civil": "-6",
    "dusk_nautical": "-12",
    "dusk_astronomical": "-18",
}
"""Degrees of height at which the sun counts as risen or set; twilight is a matter of its centre."""

SOLAR_EVENTS = tuple(_HORIZONS)
_EVENING = {"sunset", "dusk_civil", "dusk_nautical", "dusk_astronomical"}

EACH_EVENT_UP_TO = 85
"""Degrees of latitude: up to there the sun rises, sets, and sinks 18 degrees below, on some days a year."""
_DAYS_SEARCHED = 400
"""Polar night and polar day end within a year, so an event that is not found by then never comes."""
_YEAR_2000 = datetime(2000, 1, 1).toordinal()  # noqa: DTZ001  a day of the calendar
_DAYS_TOLD_WELL = 36_525
"""A century before and after it the height of the sun is told well enough."""
_IN_DOUBT = 1.0
"""Degrees: in a day the declination changes by less than half of it."""
_DAY = timedelta(days=1)
_HALF_A_SECOND = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class Solar:
    """An event and where it is seen. Made by `make_solar`."""

    event: str
    latitude: float
    """Degrees, -90 to 90; north is positive."""
    longitude: float
    """Degrees, -180 to 180; east is positive."""


def make_solar(event: str, latitude: float, longitude: float) -> Solar:
    """Raises ScheduleError for an unknown event or a place that is not on the globe."""
    if event not in SOLAR_EVENTS:
        close = get_close_matches(event.lower(), SOLAR_EVENTS, n=1)
        advice = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(SOLAR_EVENTS)}"
        raise ScheduleError(f"{event!r} is no solar event; {advice}")
    for name, value, limit in (("latitude", latitude, 90), ("longitude", longitude, 180)):
        if not -limit <= value <= limit:
            raise ScheduleError(f"{name} {value:g} is out of range -{limit} to {limit}")
    return Solar(event, float(latitude), float(longitude))


def next_event(solar: Solar, after: datetime) -> datetime | None:
    """The first time strictly after an aware instant, UTC, whole seconds.

    None when the sun does not do this within 400 days (at the poles themselves it knows no time of
    day), or when the calendar ends.
    """
    first_day = after.toordinal() - 1
    for day in range(first_day, first_day + _DAYS_SEARCHED):
        if not _may_come(solar, day):
            continue
        if datetime.fromordinal(day).year > LAST_YEAR:
            return None
        found = _event_of_day(solar, day)
        if found is not None and found > after:
            return found
    return None


def _may_come(solar: Solar, day: int) -> bool:
    """Whether the sun is high and low enough around such a day, seen from this latitude; when in doubt,
    yes. To look for the event itself takes a hundred times longer, and close to a pole most days of the
    year have none.
    """
    days = day - _YEAR_2000
    if solar.event == "solar_noon" or abs(days) > _DAYS_TOLD_WELL:
        return True
    horizon = -0.83 if solar.event in {"sunrise", "sunset"} else float(_HORIZONS[solar.event])
    declination = _declination(days)
    highest = 90 - abs(solar.latitude - declination)
    lowest = abs(solar.latitude + declination) - 90
    return highest + _IN_DOUBT >= horizon >= lowest - _IN_DOUBT


@lru_cache(maxsize=1024)
def _declination(days: int) -> float:
    """How far north the sun stands, in degrees, so many days from the year 2000 on; to 0.02 degrees.

    By the Astronomical Almanac's formulas of low precision.
    """
    anomaly = radians(357.528 + 0.9856003 * days)
    longitude = 280.460 + 0.9856474 * days + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly)
    return degrees(asin(sin(radians(23.439)) * sin(radians(longitude))))


@lru_cache(maxsize=8192)
def _event_of_day(solar: Solar, day: int) -> datetime | None:
    """The event of one local solar day, which has its noon on this date (a proleptic ordinal).

    The library finds an instant by iteration, which ends some milliseconds apart for each start.
    Always from the noon of the same day, it is the same instant whoever asks.
    """
    observer = _observer(solar)
    sun = ephem.Sun()  # type: ignore[attr-defined]  # the stubs at hand stop at the observer
    midnight = datetime.fromordinal(day) - solar.longitude / 360 * _DAY
    noon = observer.next_transit(sun, start=midnight)
    twilight = {} if solar.event in {"sunrise", "sunset"} else {"use_center": True}
    try:
        if solar.event == "solar_noon":
            found = noon
        elif solar.event in _EVENING:
            found = observer.next_setting(sun, start=noon, **twilight)
        else:
            found = observer.previous_rising(sun, start=noon, **twilight)
    except ephem.CircumpolarError:  # type: ignore[attr-defined]  # as above
        return None
    if abs(found - noon) > 0.5:
        return None  # close to a pole the iteration may end in another day, which has its own
    instant: datetime = found.datetime() + _HALF_A_SECOND
    return instant.replace(microsecond=0, tzinfo=UTC)


def _observer(solar: Solar) -> Any:
    observer: Any = ephem.Observer()
    # As text the library reads degrees; numbers would be radians.
    observer.lat, observer.lon = str(solar.latitude), str(solar.longitude)
    observer.horizon = _HORIZONS[solar.event]
    observer.elevation = 0
    observer.pressure = 0  # the horizon of sunrise has the refraction in it
    return observer
