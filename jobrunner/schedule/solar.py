"""The sun at a place as a schedule: the events of Celery's own solar schedule, by the same library."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
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

_DAYS_SEARCHED = 400
"""Polar night and polar day end within a year, so an event that is not found by then never comes."""
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
    for name, degrees, limit in (("latitude", latitude, 90), ("longitude", longitude, 180)):
        if not -limit <= degrees <= limit:
            raise ScheduleError(f"{name} {degrees:g} is out of range -{limit} to {limit}")
    return Solar(event, float(latitude), float(longitude))


def next_event(solar: Solar, after: datetime) -> datetime | None:
    """The first time strictly after an aware instant, UTC, whole seconds.

    None when the sun does not do this within 400 days (at the poles themselves it knows no time of
    day), or when the calendar ends.
    """
    first_day = after.toordinal() - 1
    for day in range(first_day, first_day + _DAYS_SEARCHED):
        if datetime.fromordinal(day).year > LAST_YEAR:
            return None
        found = _event_of_day(solar, day)
        if found is not None and found > after:
            return found
    return None


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
