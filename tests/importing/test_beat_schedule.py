"""Celery's schedules in our words: due when a beat fires, and each difference in a sentence."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from jobrunner.importing.beat_schedule import NotTaken, Read, read_schedule
from jobrunner.importing.compare import Comparison, compare
from jobrunner.importing.entries import Job
from jobrunner.schedule import times_between
from jobrunner.spec.models import ScheduleSpec
from tests.importing.reading import NOW

FAR = datetime(2200, 1, 1, tzinfo=UTC)


def crontab(timezone: str = "UTC", **fields: Any) -> Read:
    """A crontab of Celery's; fields that are not given are stars."""
    return read_schedule({"kind": "crontab", **fields}, timezone)


def compared(read: Read, now: datetime = NOW) -> Comparison:
    """The comparison of an entry with this schedule."""
    job = Job("", "", "", {}, read.keys, (), read.times, is_in_phase=read.is_in_phase)
    return compare(job, "beat/job", "beat", now)


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({}, "* * * * *"),
        ({"minute": 5, "hour": "*/3"}, "5 */3 * * *"),
        ({"minute": [30, 0], "hour": "22-2"}, "0,30 0-2,22,23 * * *"),
        ({"minute": "0", "hour": "0", "day_of_week": "monday"}, "0 0 * * 1"),
        ({"minute": "0", "hour": "0", "day_of_week": "mon,wed-fri"}, "0 0 * * mon,wed-fri"),
        ({"minute": "0", "hour": "0", "day_of_week": "sat-mon"}, "0 0 * * 0,1,6"),
        ({"minute": "0", "hour": "0", "month_of_year": "1, 3"}, "0 0 * 1,3 *"),
        ({"minute": "0", "hour": "0", "day_of_month": "1-7", "day_of_week": "1"}, "0 0 1-7 * +1"),
        ({"minute": "0", "hour": "0", "day_of_month": "*/2", "day_of_week": "1"}, "0 0 */2 * 1"),
        ({"minute": "0", "hour": [*range(24)]}, "0 * * * *"),
    ],
)
def test_a_crontab_is_an_expression(fields: dict[str, Any], expression: str) -> None:
    assert crontab(**fields).keys == {"cron": expression, "timezone": "UTC"}


def test_both_days_are_asked_for_and_it_is_said() -> None:
    read = crontab(minute=0, hour=0, day_of_month="1-7", day_of_week="mon")
    assert read.notes == (
        "beat asks for both day of month and day of week; the + says so, without it either does",
    )


@pytest.mark.parametrize(
    ("told", "part"),
    [
        ({"kind": "crontab", "minute": "61"}, "Celery itself refuses it"),
        ({"kind": "crontab", "minute": []}, "never fires"),
        ({"kind": "crontab", "day_of_month": 30, "month_of_year": 2}, "Celery itself refuses it"),
        ({"kind": "interval", "seconds": 0.5}, "shorter than a second"),
        ({"kind": "interval", "seconds": float("inf")}, "no interval"),
        (
            {"kind": "solar", "event": "teatime", "latitude": 0, "longitude": 0},
            "Celery itself refuses",
        ),
        ({"kind": "other", "text": "<odd>"}, "<odd> is a schedule of its own kind"),
        ({"kind": "rrule", "byeaster": 1, "freq": 1}, "BYEASTER"),
    ],
)
def test_what_cannot_be_taken_says_why(told: dict[str, Any], part: str) -> None:
    with pytest.raises(NotTaken, match=part):
        read_schedule(told, "UTC")


def spans(low: int, high: int) -> st.SearchStrategy[str]:
    """A field as people write it."""
    number = st.integers(low, high)
    item = st.one_of(
        number.map(str),
        st.tuples(number, number).map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.integers(1, high).map(lambda step: f"*/{step}"),
    )
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=3).map(",".join))


FIELDS = st.fixed_dictionaries(
    {
        "minute": spans(0, 59),
        "hour": spans(0, 23),
        "day_of_month": spans(1, 31),
        "month_of_year": spans(1, 12),
        "day_of_week": spans(0, 6),
    }
)


@settings(deadline=None)
@given(FIELDS)
def test_any_crontab_is_due_when_beat_fires(fields: dict[str, str]) -> None:
    try:
        read = crontab(**fields)
    except NotTaken:
        reject()
    assert read.times is not None
    timing = ScheduleSpec.model_validate(read.keys).timing()
    ours = list(islice(times_between(timing, NOW, FAR), 10))
    assert list(islice(read.times(NOW, FAR), 10)) == ours


def test_a_skipped_hour_is_a_difference_with_its_words() -> None:
    found = compared(crontab("Europe/Berlin", minute=30, hour=2))
    assert found.has_same_next
    assert found.differences == (
        (
            "when the clock is set forward on 28 Mar 2027, beat alone runs at Sun 28 Mar 2027 03:30 CEST "
            "and this job alone runs at Sun 28 Mar 2027 03:00 CEST"
        ),
    )


def test_a_repeated_hour_that_beat_passes_over_is_a_difference() -> None:
    assert compared(crontab("Europe/Berlin", minute="*/20")).differences == (
        (
            "when the clock is set back on 31 Oct 2027, this job alone runs at Sun 31 Oct 2027 02:00 CET, "
            "02:20, 02:40"
        ),
    )


def test_an_interval_is_compared_by_its_distance_alone() -> None:
    read = read_schedule({"kind": "interval", "seconds": 600.0}, "UTC")
    found = compared(read, NOW + timedelta(seconds=7))
    assert read.keys == {"every": "10m"}
    assert (found.is_same, found.differences) == (False, ())
    assert "counts 10m from its last run" in read.notes[0]


def test_a_relative_day_begins_at_midnight() -> None:
    read = read_schedule({"kind": "interval", "seconds": 86400, "relative": True}, "Europe/Berlin")
    assert read.keys == {"cron": "0 0 * * *", "timezone": "Europe/Berlin"}
    assert compared(read).is_same


def test_the_sun_is_the_same_within_a_second() -> None:
    place = {"event": "sunset", "latitude": 52.5, "longitude": 13.4}
    assert compared(read_schedule({"kind": "solar", **place}, "UTC")).is_same


def test_a_clocked_entry_is_a_timestamp() -> None:
    at = datetime(2027, 1, 1, 12, tzinfo=UTC)
    read = read_schedule({"kind": "clocked", "at": at}, "UTC")
    assert read.keys == {"at": ["2027-01-01T12:00:00Z"]}
    assert compared(read).new == (at,)


def test_a_rule_keeps_its_offset_and_says_so() -> None:
    start = datetime(2026, 11, 2, 9, 30, tzinfo=timezone(timedelta(hours=1)))
    told = {
        "kind": "rrule",
        "freq": 2,
        "dtstart": start,
        "byweekday": [0, {"wkday": 4}],
        "count": 9,
    }
    read = read_schedule(told, "UTC")
    assert read.keys == {
        "rrule": "FREQ=WEEKLY;BYDAY=MO,FR;COUNT=9",
        "dtstart": "2026-11-02T09:30:00",
        "timezone": "Etc/GMT-1",
    }
    assert "without summer time" in read.notes[0]
    assert compared(read).is_same


def test_a_rule_from_a_half_hour_is_left() -> None:
    start = datetime(2026, 11, 2, tzinfo=timezone(timedelta(minutes=330)))
    with pytest.raises(NotTaken, match="no whole hour"):
        read_schedule({"kind": "rrule", "freq": 2, "dtstart": start}, "UTC")
