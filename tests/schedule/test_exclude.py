"""Days that a schedule leaves out: a time on one of them does not exist."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobrunner.schedule import (
    ScheduleError,
    in_words,
    make_solar,
    make_timing,
    next_time,
    previous_time,
    times_between,
)

CHRISTMAS = ("2026-12-24/2026-12-26",)
START = datetime(2026, 12, 20, tzinfo=UTC)
RULES: list[dict[str, Any]] = [
    {"cron": "30 9 * * *"},
    {"every": timedelta(hours=7)},
    {"rrule": "FREQ=DAILY;BYHOUR=9"},
    {"at": tuple(START + timedelta(hours=11 * number) for number in range(40))},
    {"solar": make_solar("sunrise", 52.52, 13.405)},
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_an_excluded_day_is_one_of_the_zone_and_nothing_else_is_left_out(
    rule: dict[str, Any], zone: str
) -> None:
    end = START + timedelta(days=10)
    every_time = times_between(make_timing(**rule, timezone=zone), START, end)
    timing = make_timing(**rule, timezone=zone, exclude=CHRISTMAS)
    first, last = date(2026, 12, 24), date(2026, 12, 26)
    kept = [at for at in every_time if not first <= at.astimezone(timing.zone).date() <= last]
    assert list(times_between(timing, START, end)) == kept


def test_the_previous_time_is_not_on_an_excluded_day() -> None:
    timing = make_timing(cron="30 9 * * *", exclude=CHRISTMAS)
    until = datetime(2026, 12, 26, 12, 0, tzinfo=UTC)
    assert previous_time(timing, until) == datetime(2026, 12, 23, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_whose_every_day_is_excluded_has_no_time(rule: dict[str, Any]) -> None:
    timing = make_timing(**rule, exclude=("2020-01-01/9999-12-31",))
    assert next_time(timing, START) is None


def test_a_rule_of_seconds_jumps_over_years() -> None:
    timing = make_timing(
        every=timedelta(seconds=1), exclude=("2026-01-01/2525-12-31",), timezone="Europe/Paris"
    )
    assert next_time(timing, START) == datetime(2525, 12, 31, 23, 0, tzinfo=UTC)


def test_a_run_that_a_gap_moves_is_on_the_day_it_is_moved_to() -> None:
    samoa: dict[str, Any] = {
        "cron": "0 5 * * *",
        "timezone": "Pacific/Apia",
    }  # had no 30 December 2011
    moved_to = datetime(2011, 12, 30, 10, 0, tzinfo=UTC)
    after = moved_to - timedelta(hours=1)
    assert next_time(make_timing(**samoa), after) == moved_to
    assert next_time(make_timing(**samoa, exclude=("2011-12-30",)), after) == moved_to
    assert next_time(make_timing(**samoa, exclude=("2011-12-31",)), after) == datetime(
        2011, 12, 31, 15, 0, tzinfo=UTC
    )


@pytest.mark.parametrize("day", ["2007-11-03", "2007-11-04", "2007-11-05"])
def test_a_midnight_that_comes_twice_ends_no_excluded_day_too_early(day: str) -> None:
    # At 00:01 of the 4th the clock of Newfoundland went back to 23:01 of the 3rd.
    start, end = datetime(2007, 11, 3, tzinfo=UTC), datetime(2007, 11, 6, tzinfo=UTC)
    newfoundland: dict[str, Any] = {"cron": "*/7 * * * *", "timezone": "America/St_Johns"}
    timing = make_timing(**newfoundland, exclude=(day,))
    kept = [
        at
        for at in times_between(make_timing(**newfoundland), start, end)
        if at.astimezone(timing.zone).date() != date.fromisoformat(day)
    ]
    assert list(times_between(timing, start, end)) == kept


@settings(max_examples=200, deadline=None)
@given(
    days=st.lists(st.dates(date(2026, 12, 1), date(2027, 2, 1)), max_size=30),
    hours=st.integers(1, 100),
)
def test_any_days_may_be_excluded(days: list[date], hours: int) -> None:
    end = START + timedelta(days=60)
    every: dict[str, Any] = {"every": timedelta(hours=hours), "timezone": "Europe/Berlin"}
    timing = make_timing(**every, exclude=tuple(day.isoformat() for day in days))
    kept = [
        at
        for at in times_between(make_timing(**every), START, end)
        if at.astimezone(timing.zone).date() not in days
    ]
    assert list(times_between(timing, START, end)) == kept


@pytest.mark.parametrize(
    ("exclude", "words"),
    [
        (("2026-12-25",), "except on 2026-12-25"),
        (CHRISTMAS, "except from 2026-12-24 to 2026-12-26"),
        (("2026-12-25", "2026-12-26"), "except from 2026-12-25 to 2026-12-26"),
        (
            ("2027-01-01", "2026-12-25", "2026-12-27"),
            "except on 2026-12-25, on 2026-12-27 and on 2027-01-01",
        ),
        (
            ("2027-01-01", "2026-12-25", "2026-12-27", "2028-01-01/2028-01-03"),
            "except on 6 days from 2026-12-25 to 2028-01-03",
        ),
    ],
)
def test_excluded_days_in_words(exclude: tuple[str, ...], words: str) -> None:
    assert in_words(make_timing(cron="0 9 * * *", exclude=exclude)) == (
        f"at 09:00 every day, UTC, {words}"
    )


@pytest.mark.parametrize("day", ["Christmas", "2026-02-30", "2026-12-26/2026-12-24", ""])
def test_what_is_no_day_is_refused(day: str) -> None:
    with pytest.raises(ScheduleError, match="write"):
        make_timing(cron="0 9 * * *", exclude=(day,))
