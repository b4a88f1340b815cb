"""Times and durations in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobrunner.wording.times import distance, exact, listed, short, took

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0424, "42 ms"),
        (0, "0 ms"),
        (1.25, "1.2 s"),
        (59.94, "59.9 s"),
        (102, "1m 42s"),
        (7500, "2h 05m"),
        (273600, "3d 4h"),
    ],
)
def test_a_duration_is_shown_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert took(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "now"), (12, "in 12s"), (-240, "4m ago"), (7199, "in 1h"), (-200_000, "2d ago")],
)
def test_a_distance_is_rounded_down_to_its_largest_unit(seconds: float, words: str) -> None:
    assert distance(NOON + timedelta(seconds=seconds), NOON) == words


def test_a_time_always_names_its_zone() -> None:
    assert exact(NOON, BERLIN) == "Sat 21 Nov 2026 13:00:00 CET"
    assert exact(NOON, ZoneInfo("Asia/Kathmandu")) == "Sat 21 Nov 2026 17:45:00 +05:45"


def test_a_short_time_shows_seconds_and_year_only_where_they_say_something() -> None:
    assert short(NOON, BERLIN, near=NOON) == "Sat 21 Nov 13:00 CET"
    assert short(NOON + timedelta(seconds=5), BERLIN, near=NOON) == "Sat 21 Nov 13:00:05 CET"
    assert short(NOON + timedelta(days=400), BERLIN, near=NOON) == "Sun 26 Dec 2027 13:00 CET"


def test_a_time_of_another_year_names_it_though_it_is_near() -> None:
    silvester = datetime(2026, 12, 31, 12, 0, tzinfo=UTC)
    assert short(silvester + timedelta(days=2), near=silvester, zone=UTC) == (
        "Sat 2 Jan 2027 12:00 UTC"
    )


def test_the_year_is_that_of_the_zone_that_is_shown() -> None:
    last_hour = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert short(last_hour, BERLIN, near=last_hour) == "Fri 1 Jan 00:30 CET"


def test_of_a_list_only_what_differs_from_the_first_is_told() -> None:
    days = [NOON + timedelta(days=days) for days in (0, 1, 60)]
    assert listed(days, BERLIN, near=NOON) == ("Sat 21 Nov 13:00 CET, Sun 22 Nov, Wed 20 Jan 2027")
    assert listed([NOON, NOON + timedelta(hours=1)], BERLIN, near=NOON) == (
        "Sat 21 Nov 13:00 CET, 14:00 CET"
    )


def test_a_list_has_seconds_in_all_of_its_times_or_in_none() -> None:
    times = [NOON + timedelta(seconds=seconds) for seconds in (0, 30, 60)]
    assert listed(times, BERLIN, near=NOON) == (
        "Sat 21 Nov 13:00:00 CET, 13:00:30 CET, 13:01:00 CET"
    )


def test_a_date_stands_alone_only_while_all_times_before_it_have_one_clock() -> None:
    times = [NOON, NOON + timedelta(hours=12), NOON + timedelta(hours=24)]
    assert listed(times, BERLIN, near=NOON) == (
        "Sat 21 Nov 13:00 CET, Sun 22 Nov 01:00 CET, Sun 22 Nov 13:00 CET"
    )


def test_a_list_of_no_times_is_empty() -> None:
    assert listed([], BERLIN, near=NOON) == ""
