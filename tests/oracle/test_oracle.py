"""The oracle and the arithmetic, which share no line, name the same times."""

import random
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from jobrunner.oracle import due_times, make_oracle
from jobrunner.schedule import ScheduleError, times_between
from jobrunner.spec.models import ScheduleSpec
from tests.schedule import oracle as cron_cases
from tests.schedule import rrule_oracle as rrule_cases

ADDRESS = "night/job"
DAY = timedelta(days=1)
TIMES_MAX = 2_000


def oracle_times(spec: ScheduleSpec, start: datetime, end: datetime) -> list[datetime]:
    oracle = make_oracle(spec.model_dump(mode="json", by_alias=True), f"{ADDRESS}#{spec.name}")
    return list(islice(due_times(oracle, start, end), TIMES_MAX))


def product_times(spec: ScheduleSpec, start: datetime, end: datetime) -> list[datetime]:
    return list(islice(times_between(spec.timing(ADDRESS), start, end), TIMES_MAX))


def is_valid(spec: ScheduleSpec) -> bool:
    try:
        spec.timing(ADDRESS)
    except ScheduleError:
        return False
    return True


def random_schedule(source: random.Random) -> tuple[ScheduleSpec, datetime]:
    """One around a change of its zone's clock, and a moment before it."""
    case = cron_cases.random_case(source)
    fields: dict[str, Any] = {"cron": case.expression, "timezone": case.zone}
    if source.random() < 0.3:
        rule = rrule_cases.random_case(source)
        start = case.after.replace(tzinfo=None) - timedelta(days=source.randint(0, 40))
        # A rule of seconds has too many times to compare in a moment.
        text = rule.text.replace("FREQ=SECONDLY", "FREQ=HOURLY")
        fields = {"rrule": text, "dtstart": start, "timezone": case.zone}
    elif source.random() < 0.3:
        words = case.expression.split()
        words[-5 + source.randint(0, 4)] = source.choice(("H", "H/3", "*"))
        words[-3] = source.choice((words[-3], "L-3", "15W", "1W", "LW"))
        fields["cron"] = " ".join(words)
    fields["dst"] = {
        "gap": source.choice((None, None, "run_after", "skip")),
        "overlap": source.choice((None, None, "first", "both")),
    }
    if source.random() < 0.2:
        fields["exclude"] = [str((case.after + source.randint(0, 3) * DAY).date())]
    return ScheduleSpec.model_validate(fields), case.after - timedelta(hours=6)


@pytest.mark.parametrize("seed", range(4))
def test_the_oracle_agrees_with_the_arithmetic_around_every_change_of_the_clock(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311  cases, no secrets
    cases = [random_schedule(source) for _ in range(60)]
    valid = [(spec, start) for spec, start in cases if is_valid(spec)]
    assert len(valid) > 40
    different = [
        (spec, start)
        for spec, start in valid
        if oracle_times(spec, start, start + 5 * DAY) != product_times(spec, start, start + 5 * DAY)
    ]
    assert different == []


@pytest.mark.parametrize(
    "fields",
    [
        {"every": "1h30m", "anchor": "2027-03-01T00:05:00Z"},
        {"every": "700s", "start_at": "2027-03-27T00:00:00Z", "end_at": "2027-03-28T06:00:00Z"},
        {"at": ["2027-03-28T00:30:00Z", "2027-03-26T12:00:00Z", "2031-01-01T00:00:00Z"]},
        {"cron": "0 9 * * sun#l,thu#4", "timezone": "Europe/Paris"},
        {"cron": "@daily", "timezone": "Europe/Paris", "exclude": ["2027-03-27/2027-03-28"]},
        {"rrule": "FREQ=MONTHLY;BYDAY=MO,-1SU;UNTIL=20270328T000000Z", "timezone": "Europe/Paris"},
        {
            "rrule": "FREQ=DAILY;COUNT=3",
            "dtstart": "2027-03-26T02:30:00",
            "timezone": "Europe/Paris",
        },
    ],
)
def test_the_oracle_agrees_on_every_kind_of_rule(fields: dict[str, Any]) -> None:
    spec = ScheduleSpec.model_validate(fields)
    start = datetime(2027, 3, 25, tzinfo=UTC)
    expected = product_times(spec, start, start + 8 * DAY)
    assert expected
    assert oracle_times(spec, start, start + 8 * DAY) == expected


def test_the_sun_is_seen_within_two_seconds_of_where_the_arithmetic_sees_it() -> None:
    spec = ScheduleSpec.model_validate(
        {"solar": {"event": "dawn_civil", "latitude": -33.9, "longitude": 151.2}}
    )
    start = datetime(2027, 3, 25, tzinfo=UTC)
    pairs = zip(
        oracle_times(spec, start, start + 30 * DAY),
        product_times(spec, start, start + 30 * DAY),
        strict=True,
    )
    assert max(abs(ours - theirs) for ours, theirs in pairs) <= timedelta(seconds=2)


def test_a_fixed_time_that_the_clock_skips_is_due_when_the_gap_ends_and_a_repeated_one_once() -> (
    None
):
    spec = ScheduleSpec(cron="30 2 * * *", timezone="Europe/Paris")
    spring, autumn = datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 10, 31, tzinfo=UTC)
    assert oracle_times(spec, spring, spring + DAY) == [spring.replace(hour=1)]
    assert oracle_times(spec, autumn, autumn + DAY) == [autumn.replace(hour=0, minute=30)]
