"""Intervals, single instants, bounds, jitter, and what holds for every rule."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jobrunner.schedule import (
    ScheduleError,
    Timing,
    make_solar,
    make_timing,
    next_time,
    previous_time,
    run_at,
    times_between,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
_INTERVALS = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=400))
_INSTANTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


_RULES = st.sampled_from(
    [
        {"cron": "*/7 * * * *"},
        {"cron": "H 2 * * *"},
        {"cron": "0 0 29 2 *"},
        {"cron": "0 9 LW * *"},
        {"cron": "30 15 2 * * *"},
        {"every": timedelta(hours=7)},
        {"rrule": "FREQ=HOURLY;BYMINUTE=7"},
        {"rrule": "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=2;BYMINUTE=30"},
        {"rrule": "FREQ=DAILY;COUNT=9000", "dtstart": datetime(2015, 1, 1, 2, 0, tzinfo=UTC)},
        {
            "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU",
            "dtstart": datetime(2010, 1, 3, 2, 30, tzinfo=UTC),
        },
        {"at": tuple(datetime(2000 + year, 5, 1, tzinfo=UTC) for year in range(40))},
        {"solar": make_solar("sunset", -33.4, -70.7)},
    ]
)
_TIMINGS = st.builds(
    lambda rule, **fields: make_timing(**rule, **fields),
    _RULES,
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago"]),
    start_at=st.none() | _INSTANTS,
    end_at=st.none() | _INSTANTS,
    exclude=st.sampled_from([(), ("2020-03-29", "2021-10-31"), ("2016-01-01/2017-05-31",)]),
    gap=st.sampled_from([None, "run_after", "skip"]),
    overlap=st.sampled_from([None, "first", "both"]),
    jitter=st.sampled_from([timedelta(0), timedelta(hours=2)]),
)


@settings(max_examples=400, deadline=None)
@given(timing=_TIMINGS, after=_INSTANTS)
def test_times_of_any_rule_rise_and_are_what_next_gives(timing: Timing, after: datetime) -> None:
    end = datetime(2100, 1, 1, tzinfo=UTC)
    times = list(islice(times_between(timing, after, end), 5))
    assert all(after <= at < end for at in times)
    assert all(earlier < later for earlier, later in pairwise(times))
    assert [next_time(timing, at) for at in times[:-1]] == times[1:]


@settings(max_examples=300, deadline=None)
@given(timing=_TIMINGS, after=_INSTANTS, share=st.floats(0, 1, exclude_max=True))
def test_no_time_of_any_rule_lies_before_its_next(
    timing: Timing, after: datetime, share: float
) -> None:
    first = next_time(timing, after)
    assume(first is not None)
    assert first is not None
    assert next_time(timing, min(after + (first - after) * share, first - INSTANT)) == first
    assert previous_time(timing, first) == first
    assert after < first <= run_at(timing, "a/b#default", first)


def test_a_next_time_is_strictly_after() -> None:
    timing = make_timing(cron="0 12 * * *")
    assert next_time(timing, NOON - INSTANT) == NOON
    assert next_time(timing, NOON) == NOON + timedelta(days=1)
    assert next_time(timing, NOON + INSTANT) == NOON + timedelta(days=1)


def test_instants_of_another_offset_are_read_and_utc_comes_out() -> None:
    after = datetime(2026, 11, 21, 13, 30, tzinfo=timezone(timedelta(hours=2)))
    found = next_time(make_timing(cron="0 * * * *"), after)
    assert found == NOON
    assert found is not None
    assert found.tzinfo is UTC


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(ScheduleError, match="has no offset"):
        next_time(make_timing(cron="0 * * * *"), NOON.replace(tzinfo=None))


def test_every_is_aligned_to_the_epoch() -> None:
    timing = make_timing(every=timedelta(minutes=15))
    assert next_time(timing, NOON + timedelta(minutes=1)) == NOON + timedelta(minutes=15)


def test_every_is_aligned_to_its_anchor_on_both_sides_of_it() -> None:
    timing = make_timing(every=timedelta(hours=1), anchor=NOON + timedelta(minutes=5))
    assert next_time(timing, NOON) == NOON + timedelta(minutes=5)
    assert next_time(timing, NOON - timedelta(hours=3)) == NOON - timedelta(hours=3) + timedelta(
        minutes=5
    )


@given(interval=_INTERVALS, anchor=_INSTANTS, after=_INSTANTS)
def test_every_keeps_its_phase(interval: timedelta, anchor: datetime, after: datetime) -> None:
    found = next_time(make_timing(every=interval, anchor=anchor), after)
    assert found is not None
    assert (found - anchor) % interval == timedelta(0)
    assert after < found <= after + interval


def test_every_under_a_second_is_refused() -> None:
    with pytest.raises(ScheduleError, match="at least one second"):
        make_timing(every=timedelta(milliseconds=999))


def test_at_gives_its_instants_in_order_and_then_none() -> None:
    timing = make_timing(at=(NOON + timedelta(hours=2), NOON, NOON))
    assert list(times_between(timing, NOON, NOON + timedelta(days=1))) == [
        NOON,
        NOON + timedelta(hours=2),
    ]
    assert next_time(timing, NOON + timedelta(hours=2)) is None


def test_start_at_is_inclusive_and_end_at_is_not() -> None:
    timing = make_timing(cron="0 * * * *", start_at=NOON, end_at=NOON + timedelta(hours=2))
    found = list(times_between(timing, NOON - timedelta(days=1), NOON + timedelta(days=1)))
    assert found == [NOON, NOON + timedelta(hours=1)]


def test_a_span_holds_its_start_and_not_its_end() -> None:
    timing = make_timing(cron="0 * * * *")
    assert list(times_between(timing, NOON, NOON + timedelta(hours=1))) == [NOON]


def test_the_times_of_an_endless_span_come_one_at_a_time() -> None:
    times = times_between(
        make_timing(every=timedelta(seconds=1)), NOON, datetime.max.replace(tzinfo=UTC)
    )
    assert next(times) == NOON
    assert next(times) == NOON + timedelta(seconds=1)


@pytest.mark.parametrize(
    "rule",
    [
        {"cron": "0 30 2 * 3 0L"},
        {"cron": "30 2 * 3 0L", "gap": "skip"},
        {"rrule": "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;BYHOUR=2;BYMINUTE=30", "gap": "skip"},
    ],
)
def test_a_time_that_the_clock_always_jumps_over_is_given_up(rule: dict[str, Any]) -> None:
    assert next_time(make_timing(**rule, timezone="Europe/Berlin"), NOON) is None


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Apia"])
def test_the_end_of_the_last_year_is_no_mistake(zone: str) -> None:
    last = datetime(9998, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    timing = make_timing(cron="* * * * *", timezone=zone)
    assert list(times_between(timing, last - timedelta(minutes=2), last)) != []
    assert next_time(timing, last) is None


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Apia"])
def test_the_end_of_the_calendar_is_the_end_of_the_schedule(zone: str) -> None:
    last = datetime(9999, 12, 30, tzinfo=UTC)
    assert next_time(make_timing(cron="0 0 1 1 *", timezone=zone), last) is None
    assert next_time(make_timing(cron="* * * * *", timezone=zone), last) is None
    assert next_time(make_timing(every=timedelta(days=7)), last) is None


def test_a_time_of_the_last_year_of_the_calendar_is_none() -> None:
    timing = make_timing(at=(datetime(9999, 12, 31, tzinfo=UTC),), jitter=timedelta(days=2))
    assert next_time(timing, NOON) is None


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"cron": "* * * * *", "every": timedelta(hours=1)},
        {"every": timedelta(hours=1), "at": ()},
        {"rrule": "FREQ=DAILY", "solar": make_solar("sunrise", 0, 0)},
    ],
)
def test_a_timing_has_exactly_one_rule(rule: dict[str, object]) -> None:
    with pytest.raises(ScheduleError, match="exactly one of"):
        make_timing(**rule)  # type: ignore[arg-type]  # wrong on purpose


def test_previous_time_may_be_the_instant_itself() -> None:
    timing = make_timing(cron="0 12 * * *")
    assert previous_time(timing, NOON) == NOON
    assert previous_time(timing, NOON - INSTANT) == NOON - timedelta(days=1)


def test_previous_time_of_a_rule_that_has_not_begun_is_none() -> None:
    assert (
        previous_time(make_timing(every=timedelta(hours=1), start_at=NOON), NOON - INSTANT) is None
    )


def test_without_jitter_a_run_is_at_its_nominal_time() -> None:
    assert run_at(make_timing(every=timedelta(hours=1)), "a/b#default", NOON) == NOON


def test_jitter_is_the_same_again_and_differs_by_schedule_and_time() -> None:
    timing = _jittered(timedelta(minutes=30))
    first = run_at(timing, "a/b#default", NOON)
    assert run_at(timing, "a/b#default", NOON) == first
    later = NOON + timedelta(hours=1)
    others = {
        run_at(timing, "a/b#other", NOON) - NOON,
        run_at(timing, "a/b#default", later) - later,
    }
    assert first - NOON not in others


@given(jitter=_INTERVALS, slot=st.integers(0, 10_000), key=st.text())
def test_jitter_is_bounded_and_keeps_the_order_of_runs(
    jitter: timedelta, slot: int, key: str
) -> None:
    timing = _jittered(jitter)
    nominal = NOON + slot * timedelta(hours=1)
    found = run_at(timing, key, nominal)
    assert nominal <= found < nominal + min(jitter, timedelta(hours=1))


def test_jitter_spreads_over_the_whole_of_its_range() -> None:
    timing = _jittered(timedelta(minutes=10))
    minutes = {
        (run_at(timing, f"a/job-{n}#default", NOON) - NOON) // timedelta(minutes=1)
        for n in range(500)
    }
    assert minutes == set(range(10))


def _jittered(jitter: timedelta) -> Timing:
    return make_timing(every=timedelta(hours=1), jitter=jitter)
