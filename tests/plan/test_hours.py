"""Starts by the hour are those that the arithmetic of schedules tells one by one."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.plan.hours import hour_of, starts_by_hour
from jobrunner.schedule import times_between
from jobrunner.schedule.timing import Timing, make_timing

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")


def _one_by_one(timing: Timing, start: datetime, end: datetime) -> Counter[int]:
    return Counter(hour_of(at) for at in times_between(timing, start, end))


def _by_hour(timing: Timing, start: datetime, end: datetime) -> Counter[int]:
    found: Counter[int] = Counter()
    for one in starts_by_hour(timing, start, end):
        found[one.hour] += one.starts
    return found


@given(
    cron=st.sampled_from(
        ["30 5 * * *", "*/7 * * * *", "0 8-20/3 * * mon-fri", "15 2 * * *", "0 0 1 * *"]
    ),
    zone=st.sampled_from(ZONES),
    start_hours=st.integers(0, 24 * 366),
    hours=st.integers(1, 60),
)
def test_a_cron_starts_as_often_in_each_hour_as_it_is_due(
    cron: str, zone: str, start_hours: int, hours: int
) -> None:
    timing = make_timing(cron=cron, timezone=zone)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=start_hours)
    end = start + timedelta(hours=hours)
    assert _by_hour(timing, start, end) == _one_by_one(timing, start, end)


@given(
    every=st.timedeltas(timedelta(minutes=1), timedelta(hours=40)),
    start_hours=st.integers(0, 24 * 366),
)
def test_an_interval_starts_as_often_in_each_hour_as_it_is_due(
    every: timedelta, start_hours: int
) -> None:
    timing = make_timing(every=every)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=start_hours)
    end = start + timedelta(hours=24)
    assert _by_hour(timing, start, end) == _one_by_one(timing, start, end)


@pytest.mark.parametrize(
    "timing",
    [
        make_timing(cron="0 * * * *", start_at=START + timedelta(hours=3, minutes=1)),
        make_timing(every=timedelta(minutes=10), end_at=START + timedelta(hours=2, minutes=5)),
        make_timing(every=timedelta(hours=1), exclude=("2026-11-22",)),
        make_timing(cron="0 * * * *", exclude=("2026-11-22",), timezone="Europe/Berlin"),
        make_timing(at=(START + timedelta(hours=5, minutes=30),)),
        make_timing(rrule="FREQ=DAILY;BYHOUR=9;BYMINUTE=0", timezone="Asia/Kolkata"),
    ],
)
def test_what_bounds_a_schedule_bounds_its_starts(timing: Timing) -> None:
    end = START + timedelta(hours=48)
    assert _by_hour(timing, START, end) == _one_by_one(timing, START, end)


def test_the_minute_is_the_mean_of_the_starts() -> None:
    timing = make_timing(cron="10,40 6 * * *", timezone="Europe/Berlin")
    (found,) = starts_by_hour(timing, START, START + timedelta(hours=24))
    expected = datetime(2026, 11, 22, 6, tzinfo=ZoneInfo("Europe/Berlin"))
    assert (found.hour, found.starts, found.minute) == (hour_of(expected), 2, 25.0)


def test_a_schedule_of_every_second_is_counted_in_no_time() -> None:
    timing = make_timing(every=timedelta(seconds=1))
    assert [one.starts for one in starts_by_hour(timing, START, START + timedelta(hours=3))] == [
        3600
    ] * 3
