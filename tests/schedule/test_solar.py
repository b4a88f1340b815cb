"""The sun as a schedule, beside Celery's own answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import ephem
import pytest
from celery import Celery
from celery.schedules import solar as celery_solar
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jobrunner.schedule.errors import ScheduleError
from jobrunner.schedule.solar import (
    EACH_EVENT_UP_TO,
    SOLAR_EVENTS,
    Solar,
    make_solar,
    next_event,
)

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
_APP = Celery(set_as_current=False)
_CELERY_SOLAR: Any = celery_solar
"""Its stubs leave out what is asked here."""
_HOURS = timedelta(hours=11)
_INSTANTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
# Nearer to a pole the sun moves along the horizon at the ends of polar night and day; there the
# iteration is seconds off, Celery's as ours.
_PLACES = st.builds(
    make_solar,
    st.sampled_from(SOLAR_EVENTS),
    st.decimals(-75, 75, places=3).map(float),
    st.decimals(-180, 180, places=3).map(float),
)
_POLAR_PLACES = st.builds(
    make_solar,
    st.sampled_from(SOLAR_EVENTS),
    st.sampled_from((-90.0, -89.9, -78.5, -66.6, 66.6, 69.65, 78.2, 85.0, 89.9, 90.0)),
    st.decimals(-180, 180, places=1).map(float),
)


def test_the_events_are_those_of_celery() -> None:
    assert set(SOLAR_EVENTS) == _CELERY_SOLAR._all_events


@settings(max_examples=200, deadline=None)
@given(solar=_PLACES, after=_INSTANTS)
def test_an_event_is_when_celery_has_it(solar: Solar, after: datetime) -> None:
    found = next_event(solar, after)
    assert found is not None
    theirs = _of_celery(solar, after)
    # Within two seconds of an event, rounding decides whether it is still to come.
    assume(abs(theirs - after) > timedelta(seconds=2) and found - after > timedelta(seconds=2))
    assert abs(found - theirs) < timedelta(seconds=1)


@settings(max_examples=200, deadline=None)
@given(solar=_PLACES | _POLAR_PLACES, after=_INSTANTS, share=st.integers(0, 99))
def test_an_event_is_the_same_instant_whoever_asks_before_it(
    solar: Solar, after: datetime, share: int
) -> None:
    found = next_event(solar, after)
    assume(found is not None)
    assert found is not None
    between = after + (found - after) / 100 * share
    assert next_event(solar, between) == found
    assert next_event(solar, found - timedelta(microseconds=1)) == found


@settings(max_examples=200, deadline=None)
@given(solar=_PLACES | _POLAR_PLACES, after=_INSTANTS)
def test_events_come_whole_seconds_and_half_a_day_apart(solar: Solar, after: datetime) -> None:
    first = next_event(solar, after)
    assume(first is not None)
    assert first is not None
    second = next_event(solar, first)
    assert first > after
    assert first.microsecond == 0
    assert first.tzinfo is UTC
    assert second is None or second - first > _HOURS


@pytest.mark.parametrize(
    ("event", "latitude", "longitude", "expected"),
    [
        ("sunrise", 52.52, 13.405, "2026-01-01 07:17"),
        ("solar_noon", 52.52, 13.405, "2026-01-01 11:09"),
        ("sunset", -33.87, 151.21, "2026-01-01 09:09"),
        ("dusk_civil", 40.71, -74.01, "2026-01-01 22:10"),
        # Tromsø has polar night until the middle of January.
        ("sunrise", 69.65, 18.96, "2026-01-15 10:29"),
    ],
)
def test_known_places(event: str, latitude: float, longitude: float, expected: str) -> None:
    found = next_event(make_solar(event, latitude, longitude), NEW_YEAR)
    assert f"{found:%Y-%m-%d %H:%M}" == expected


def test_at_a_pole_the_sun_never_sets_in_the_course_of_a_day() -> None:
    assert next_event(make_solar("sunset", 90, 0), NEW_YEAR) is None
    assert next_event(make_solar("solar_noon", 90, 0), NEW_YEAR) is not None


@settings(max_examples=100, deadline=None)
@given(
    event=st.sampled_from(SOLAR_EVENTS),
    latitude=st.floats(-EACH_EVENT_UP_TO, EACH_EVENT_UP_TO),
    after=_INSTANTS,
)
def test_away_from_the_poles_each_event_comes_once_a_year_at_least(
    event: str, latitude: float, after: datetime
) -> None:
    assert next_event(make_solar(event, latitude, 13.4), after) is not None


def test_the_end_of_the_calendar_is_the_end_of_the_sun() -> None:
    assert next_event(make_solar("sunset", 0, 0), datetime(9999, 6, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("event", "latitude", "longitude", "message"),
    [
        ("sunrize", 0, 0, "'sunrize' is no solar event; did you mean 'sunrise'?"),
        ("Dusk_Civil", 0, 0, "'Dusk_Civil' is no solar event; did you mean 'dusk_civil'?"),
        ("x", 0, 0, "'x' is no solar event; there are dawn_astronomical, "),
        ("sunset", 90.5, 0, "latitude 90.5 is out of range -90 to 90"),
        ("sunset", 0, -181, "longitude -181 is out of range -180 to 180"),
        ("sunset", float("nan"), 0, "latitude nan is out of range -90 to 90"),
    ],
)
def test_what_is_no_event_or_no_place_is_refused(
    event: str, latitude: float, longitude: float, message: str
) -> None:
    with pytest.raises(ScheduleError) as caught:
        make_solar(event, latitude, longitude)
    assert caught.value.message.startswith(message)


def _of_celery(solar: Solar, after: datetime) -> datetime:
    theirs = _CELERY_SOLAR(solar.event, solar.latitude, solar.longitude, app=_APP)
    start = ephem.Date(after.replace(tzinfo=None))  # type: ignore[attr-defined]  # see solar.py
    theirs.cal.date = start
    found: datetime = theirs._next_event(start).datetime()
    return found.replace(tzinfo=UTC)
