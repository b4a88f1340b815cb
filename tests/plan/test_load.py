"""The load of all schedules."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobrunner.plan.load import HORIZON, Load, load_of, timings_of
from jobrunner.schedule import next_time
from jobrunner.spec.models import JobSpec, ScheduleSpec

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # a Saturday


def test_the_load_counts_runs_and_finds_the_busiest_minute() -> None:
    load = _load(
        [_job({"cron": "0 * * * *"}), _job({"cron": "0 3 * * *"}), _job({"every": "30m"})], now=NOON
    )
    assert load == Load(
        runs_per_day=24 + 1 + 48,
        busiest_minute_at=datetime(2026, 11, 22, 3, 0, tzinfo=UTC),
        busiest_minute_runs=3,
    )


def test_several_runs_in_a_minute_count_each() -> None:
    load = _load([_job({"every": "1s"}), _job({"cron": "*/10 * * * * *"})], now=NOON)
    assert (load.runs_per_day, load.busiest_minute_runs) == (86_400 + 8_640, 66)


def test_what_is_off_or_over_or_not_yet_is_not_counted() -> None:
    jobs = [
        _job({"cron": "0 * * * *", "enabled": False}),
        _job({"cron": "0 * * * *", "end_at": NOON}),
        _job({"cron": "0 * * * *", "start_at": NOON + timedelta(days=30)}),
        _job({"cron": "0 * * * *"}).model_copy(update={"enabled": False}),
    ]
    assert _load(jobs, now=NOON) == Load(0, None, 0)


@pytest.mark.parametrize(
    "schedule",
    [
        {"cron": "15 2 * * *"},
        {"cron": "*/15 * * * *"},
        {"cron": "0 15 2 * * *"},
        {"cron": "7 23 * * 6,0"},
        {"cron": "*/7 */5 1-28 * *"},
        {"every": "7m"},
        {"at": (datetime(2027, 3, 28, 1, 0, tzinfo=UTC),)},
        {"cron": "*/20 1-3 * * *", "dst": {"gap": "run_after", "overlap": "first"}},
        {"cron": "15 2 * * *", "dst": {"gap": "skip", "overlap": "both"}},
        {"cron": "H H(0-5) * * *"},
        {"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=15,45"},
        {"rrule": "FREQ=HOURLY;COUNT=100", "dtstart": datetime(2027, 3, 20, 9, 30)},  # noqa: DTZ001
        {"solar": {"event": "sunset", "latitude": 52.5, "longitude": 13.4}},
        {"cron": "*/15 * * * *", "exclude": ("2027-03-01/2027-03-05", "2027-10-31", "2027-12-25")},
        {"every": "7m", "exclude": ("2027-03-28", "2027-04-04", "2027-09-05/2027-10-31")},
        {"every": "30s", "exclude": ("0001-01-01/2027-03-27", "2027-04-05/9999-12-31")},
    ],
)
@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize("month", [3, 4, 9, 10])
def test_the_load_counts_what_will_run_also_over_clock_changes(
    schedule: dict[str, Any], zone: str, month: int
) -> None:
    spec = ScheduleSpec(**schedule, timezone=zone)
    now = datetime(2027, month, 1, 0, 0, 30, tzinfo=UTC)
    horizon = timedelta(days=31)
    start = now + timedelta(seconds=30)
    expected = _count(spec, start, start + horizon)
    load = _load([_job(spec.model_dump())], now=now, horizon=horizon)
    assert load.runs_per_day == round(expected / 31)


def test_too_many_dense_schedules_are_estimated_and_say_so() -> None:
    jobs = [
        _job({"cron": f"*/{1 + n % 3} * * * *", "start_at": NOON - timedelta(seconds=n)})
        for n in range(400)
    ]
    load = _load(jobs, now=NOON)
    assert load.is_estimate
    assert load.runs_per_day == 134 * 1440 + 133 * 720 + 133 * 480


def test_a_rule_with_more_times_than_can_be_counted_is_estimated() -> None:
    load = _load([_job({"rrule": "FREQ=SECONDLY;BYDAY=MO,TU"})], now=NOON)
    assert load.is_estimate
    assert load.runs_per_day == round(2 * 86_400 / 7)


@pytest.mark.parametrize(("runs_so_far", "runs_per_day"), [(0, 10), (63, 1), (70, 0), (71, 0)])
def test_the_load_counts_no_more_runs_than_are_left(runs_so_far: int, runs_per_day: int) -> None:
    job = _job({"cron": "*/5 * * * *", "max_runs": 70})
    assert _load([job], now=NOON, runs_so_far=runs_so_far).runs_per_day == runs_per_day


@pytest.mark.parametrize(
    ("schedule", "busiest"),
    [
        ({"cron": "* * * * *", "max_runs": 1}, (datetime(2026, 11, 21, 12, 1, tzinfo=UTC), 1)),
        ({"every": "10s", "max_runs": 4}, (datetime(2026, 11, 21, 12, 1, tzinfo=UTC), 4)),
        (
            {"cron": "0 3 * * *", "exclude": ("2026-11-22",), "max_runs": 1},
            (datetime(2026, 11, 23, 3, 0, tzinfo=UTC), 1),
        ),
    ],
)
def test_what_is_left_runs_at_the_first_times(
    schedule: dict[str, Any], busiest: tuple[datetime, int]
) -> None:
    load = _load([_job(schedule)], now=NOON)
    assert (load.busiest_minute_at, load.busiest_minute_runs) == busiest


def test_schedules_that_do_not_reach_their_last_run_are_counted_together() -> None:
    jobs = [_job({"cron": "* * * * *", "max_runs": 20_000 + n}) for n in range(1000)]
    assert _load(jobs, now=NOON) == Load(1_440_000, datetime(2026, 11, 21, 12, 1, tzinfo=UTC), 1000)


def test_too_many_runs_that_are_left_are_estimated_and_never_more() -> None:
    jobs = [_job({"every": "1s", "max_runs": 7_000 + n}) for n in range(100)]
    load = _load(jobs, now=NOON)
    assert load.is_estimate
    assert load.runs_per_day == round(sum(7_000 + n for n in range(100)) / 7)


def _load(
    jobs: Sequence[JobSpec],
    *,
    now: datetime,
    horizon: timedelta = HORIZON,
    runs_so_far: int = 0,
) -> Load:
    timings = timings_of(jobs, lambda _address, _schedule: runs_so_far)
    return load_of(timings, now=now, horizon=horizon)


def _job(schedule: dict[str, Any]) -> JobSpec:
    return JobSpec(namespace="a", name="b", task="c.d", schedules=(ScheduleSpec(**schedule),))


def _count(spec: ScheduleSpec, start: datetime, end: datetime) -> int:
    timing = spec.timing()
    found = next_time(timing, start - timedelta(microseconds=1))
    count = 0
    while found is not None and found < end:
        count += 1
        found = next_time(timing, found)
    return count
