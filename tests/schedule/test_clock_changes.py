"""Debian cron's rules where the clock is changed, and what is said of them beforehand."""

from datetime import UTC, datetime, timedelta

import pytest

from jobrunner.schedule import (
    ScheduleError,
    clock_effects,
    load_zone,
    make_timing,
    next_time,
    times_between,
)

BERLIN_GAP = datetime(2027, 3, 28, tzinfo=UTC)
"""The night in which 02:00 CET is followed by 03:00 CEST, at 01:00 UTC."""
BERLIN_OVERLAP = datetime(2027, 10, 31, tzinfo=UTC)
"""The night in which 03:00 CEST is followed by 02:00 CET, at 01:00 UTC."""


def _times(cron: str, zone: str, start: datetime, hours: int) -> list[str]:
    timing = make_timing(cron=cron, timezone=zone)
    found = times_between(timing, start, start + timedelta(hours=hours))
    return [f"{at.astimezone(timing.zone):%d %H:%M:%S %z}" for at in found]


def test_fault_30_a_fixed_time_in_the_skipped_hour_runs_once_at_the_end_of_the_gap() -> None:
    assert _times("15 2 * * *", "Europe/Berlin", BERLIN_GAP, 24) == ["28 03:00:00 +0200"]


def test_several_fixed_times_in_the_skipped_hour_run_once_in_all() -> None:
    assert _times("0,15,30 2,3 * * *", "Europe/Berlin", BERLIN_GAP, 6) == [
        "28 03:00:00 +0200",
        "28 03:15:00 +0200",
        "28 03:30:00 +0200",
    ]


def test_fault_31_a_fixed_time_in_the_repeated_hour_runs_the_first_time_only() -> None:
    start = BERLIN_OVERLAP - timedelta(hours=2)
    assert _times("15 2 * * *", "Europe/Berlin", start, 24) == ["31 02:15:00 +0200"]


def test_wildcards_keep_their_real_distance_over_the_gap() -> None:
    assert _times("*/30 * * * *", "Europe/Berlin", BERLIN_GAP, 2) == [
        "28 01:00:00 +0100",
        "28 01:30:00 +0100",
        "28 03:00:00 +0200",
        "28 03:30:00 +0200",
    ]


def test_fault_31_wildcards_run_in_both_of_the_repeated_hours() -> None:
    assert _times("*/30 * * * *", "Europe/Berlin", BERLIN_OVERLAP, 2) == [
        "31 02:00:00 +0200",
        "31 02:30:00 +0200",
        "31 02:00:00 +0100",
        "31 02:30:00 +0100",
    ]


def test_with_seconds_the_clock_is_followed_as_it_is() -> None:
    assert _times("0 15 2 * * *", "Europe/Berlin", BERLIN_GAP, 20) == []
    assert _times("0 15 2 * * *", "Europe/Berlin", BERLIN_OVERLAP, 20) == [
        "31 02:15:00 +0200",
        "31 02:15:00 +0100",
    ]


def test_a_gap_at_midnight_moves_midnight_to_one() -> None:
    start = datetime(2027, 9, 5, 2, 0, tzinfo=UTC)
    assert _times("0 0 * * *", "America/Santiago", start, 24) == ["05 01:00:00 -0300"]


def test_a_change_of_half_an_hour_moves_by_half_an_hour() -> None:
    start = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
    assert _times("10 2 * * *", "Australia/Lord_Howe", start, 24) == ["04 02:30:00 +1100"]


def test_a_day_that_the_calendar_skipped_runs_when_the_next_one_begins() -> None:
    start = datetime(2011, 12, 30, 9, 0, tzinfo=UTC)
    assert _times("0 5 * * *", "Pacific/Apia", start, 24) == [
        "31 00:00:00 +1400",
        "31 05:00:00 +1400",
    ]


def test_a_time_that_the_clock_of_a_zone_never_shows_has_no_next_time() -> None:
    # Midnight of a 31 March that is a Sunday: the last Sunday of March, when Beirut skips it.
    timing = make_timing(cron="*/20 0 L 3 */7", timezone="Asia/Beirut")
    assert next_time(timing, datetime(2008, 3, 29, tzinfo=UTC)) is None


def test_what_a_gap_does_is_said_beforehand() -> None:
    timing = make_timing(cron="15 2 * * *", timezone="Europe/Berlin")
    [effect] = clock_effects(
        timing, datetime(2026, 11, 21, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)
    )
    assert (
        effect.in_words()
        == "02:15 does not exist in Europe/Berlin on 28 Mar 2027; runs at 03:00 CEST"
    )
    assert effect.runs_at == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize("cron", ["*/15 * * * *", "0 * * * *", "30 1 * * *", "15 2 1 * *"])
def test_a_schedule_that_a_change_does_not_touch_has_no_effects(cron: str) -> None:
    timing = make_timing(cron=cron, timezone="Europe/Berlin")
    start, end = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    assert list(clock_effects(timing, start, end)) == []


def test_effects_after_the_end_of_a_schedule_are_not_shown() -> None:
    end_at = datetime(2027, 2, 1, tzinfo=UTC)
    timing = make_timing(cron="15 2 * * *", timezone="Europe/Berlin", end_at=end_at)
    start, end = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    assert list(clock_effects(timing, start, end)) == []


def test_an_unknown_zone_gets_the_nearest_name() -> None:
    with pytest.raises(
        ScheduleError, match=r"'Europe/Berln' is no time zone; did you mean 'Europe/Berlin'\?"
    ):
        load_zone("Europe/Berln")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("CEST", "abbreviations are no time zones; write for example 'Europe/Berlin'"),
        ("PST", "abbreviations are no time zones; write for example 'Europe/Berlin'"),
        ("UTC+1", "offsets are no time zones; write for example 'Europe/Berlin'"),
        ("GMT+1", "offsets are no time zones; write for example 'Europe/Berlin'"),
        ("GMT-5", "offsets are no time zones; write for example 'Europe/Berlin'"),
        (" gmt+01 ", "offsets are no time zones; write for example 'Europe/Berlin'"),
        ("etc/gmt+1", "did you mean 'Etc/GMT+1'?"),
        ("Berlin", "did you mean 'Europe/Berlin'?"),
        ("new york", "did you mean 'America/New_York'?"),
        ("Rome", "did you mean 'Europe/Rome'?"),
        ("utc", "did you mean 'UTC'?"),
    ],
)
def test_a_city_is_enough_for_a_guess_and_an_abbreviation_is_not(name: str, advice: str) -> None:
    with pytest.raises(ScheduleError) as raised:
        load_zone(name)
    assert raised.value.message == f"{name!r} is no time zone; {advice}"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("right/Europe/Berlin", "did you mean 'Europe/Berlin'?"),
        ("posix/Europe/Berlin", "did you mean 'Europe/Berlin'?"),
        ("right/UTC", "did you mean 'UTC'?"),
        ("right/Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("localtime", "write a name such as 'Europe/Berlin'"),
        ("posixrules", "write a name such as 'Europe/Berlin'"),
        ("Factory", "write a name such as 'Europe/Berlin'"),
    ],
)
def test_what_else_lies_beside_the_zones_of_a_system_is_none(name: str, advice: str) -> None:
    with pytest.raises(ScheduleError) as raised:
        load_zone(name)
    assert raised.value.message == f"{name!r} is no time zone; {advice}"


@pytest.mark.parametrize("name", ["Etc/GMT+1", "GMT", "GMT0", "EST5EDT", "Etc/UTC"])
def test_old_names_of_iana_are_zones(name: str) -> None:
    assert load_zone(name).key == name


@pytest.mark.parametrize("name", ["", "Europe", "../etc/passwd", "/etc/localtime", "a\x00b"])
def test_what_is_no_zone_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(ScheduleError, match="is no time zone"):
        load_zone(name)
