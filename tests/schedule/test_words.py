"""A schedule in words: right, and different for what differs."""

import random
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from jobrunner.schedule import duration_in_words, in_words, make_solar, make_timing, next_time

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("30 5 * * 1-5", "at 05:30 on weekdays"),
        ("0 0 * * *", "at 00:00 every day"),
        ("0,30 6,18 * * *", "at 06:00, 06:30, 18:00 and 18:30 every day"),
        ("30 15 5 * * *", "at 05:15:30 every day"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/25 * * * *", "at minutes 0, 25 and 50 of every hour"),
        ("0 * * * *", "every hour"),
        ("5 * * * *", "at minute 5 of every hour"),
        ("0 */2 * * *", "every 2 hours from midnight"),
        ("*/10 9-16 * * 1-5", "every 10 minutes from 09:00 to 16:59 on weekdays"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("@weekly", "at 00:00 on Sunday"),
        ("0 9 * * 6,0", "at 09:00 on Saturday and Sunday"),
        ("0 9 * 3-5 1", "at 09:00 on Monday in March, April and May"),
        ("0 9 1,15 * *", "at 09:00 on the 1st and 15th of the month"),
        ("0 9 13 * 5", "at 09:00 on the 13th of the month or on Friday"),
        ("0 9 13 * */5", "at 09:00 on the 13th of the month, if that is Friday or Sunday"),
        ("0 9 13 * 1-5", "at 09:00 on the 13th of the month or on a weekday"),
        ("0 9 L * *", "at 09:00 on the last day of the month"),
        ("0 9 L-2 * *", "at 09:00 on the 3rd to last day of the month"),
        ("0 9 15W * *", "at 09:00 on the weekday nearest the 15th of the month"),
        ("0 9 LW * *", "at 09:00 on the last weekday of the month"),
        ("0 9 * * 5#2", "at 09:00 on the second Friday of the month"),
        ("0 9 * * 5L", "at 09:00 on the last Friday of the month"),
    ],
)
def test_cron_in_words(cron: str, words: str) -> None:
    assert (
        in_words(make_timing(cron=cron, timezone="Europe/Berlin")) == f"{words}, Europe/Berlin time"
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cron": "0 0 * * *"}, "at 00:00 every day, UTC"),
        ({"every": timedelta(seconds=10)}, "every 10 seconds"),
        ({"every": timedelta(hours=1)}, "every hour"),
        ({"every": timedelta(seconds=90)}, "every 1 minute 30 seconds"),
        (
            {"every": timedelta(hours=1), "anchor": NOON},
            "every hour, counted from 2026-11-21 12:00 UTC",
        ),
        ({"at": (NOON,)}, "once at 2026-11-21 12:00 UTC"),
        ({"at": (NOON,), "timezone": "Europe/Berlin"}, "once at 2026-11-21 13:00 CET"),
        (
            {"at": (NOON, NOON + timedelta(seconds=61))},
            "at 2026-11-21 12:00 UTC and 2026-11-21 12:01:01 UTC",
        ),
        ({"at": ()}, "never"),
        (
            {"at": tuple(NOON + timedelta(days=number) for number in range(7))},
            "at 7 times from 2026-11-21 12:00 UTC to 2026-11-27 12:00 UTC",
        ),
        (
            {"rrule": "FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=9", "timezone": "Europe/Berlin"},
            "every week on Monday and Friday at 09:00, Europe/Berlin time",
        ),
        ({"solar": make_solar("sunrise", 52.52, 13.405)}, "at sunrise at 52.52°N 13.405°E"),
        ({"solar": make_solar("dawn_civil", -33.4, -70.7)}, "at civil dawn at 33.4°S 70.7°W"),
        ({"solar": make_solar("solar_noon", 0, 0)}, "at solar noon at 0°N 0°E"),
        (
            {"cron": "@hourly", "start_at": NOON, "end_at": NOON + timedelta(days=1)},
            "every hour, UTC, from 2026-11-21 12:00 UTC, until before 2026-11-22 12:00 UTC",
        ),
    ],
)
def test_other_schedules_in_words(fields: dict[str, Any], words: str) -> None:
    assert in_words(make_timing(**fields)) == words


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(one=st.randoms(use_true_random=False), field=st.integers(0, 5), value=st.integers(1, 7))
def test_a_schedule_that_means_something_else_reads_differently(
    oracle: ModuleType, one: random.Random, field: int, value: int
) -> None:
    case = oracle.random_case(one)
    fields = case.expression.split()
    fields = fields if len(fields) == 6 else ["0", *fields]
    changed = [str(value) if index == field else text for index, text in enumerate(fields)]
    assume(oracle.answer(oracle.Case(" ".join(fields), "UTC", NOON)) is not None)
    assume(oracle.answer(oracle.Case(" ".join(changed), "UTC", NOON)) is not None)
    before, after = make_timing(cron=" ".join(fields)), make_timing(cron=" ".join(changed))
    assume(next_time(before, NOON) != next_time(after, NOON))
    assert in_words(before) != in_words(after)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(0), "0 seconds"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(days=1, hours=2, seconds=3), "1 day 2 hours 3 seconds"),
        (timedelta(milliseconds=1500), "1 second 500 milliseconds"),
    ],
)
def test_a_duration_in_words(duration: timedelta, words: str) -> None:
    assert duration_in_words(duration) == words
