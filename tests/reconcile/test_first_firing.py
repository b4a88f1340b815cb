"""What a plan says of the next run, held against the dispatcher itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobrunner.dispatch import dispatch_due
from jobrunner.plan.changes import Create, Update
from tests.reconcile.acme import Reconciler, make_job

INSTANT = timedelta(microseconds=1)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
CRONS = st.sampled_from(["H * * * *", "*/7 * * * *", "15 2 * * *", "30 5 * * 1-5", "0 0 29 2 *"])
SCHEDULES = st.one_of(
    st.builds(lambda cron, zone: {"cron": cron, "timezone": zone}, CRONS, ZONES),
    st.integers(1, 100_000).map(lambda seconds: {"every": f"{seconds}s"}),
    st.just({"rrule": "FREQ=MONTHLY;BYDAY=2TU", "dtstart": "2026-01-13T09:00:00"}),
    st.just({"solar": {"event": "sunset", "latitude": 52.5, "longitude": 13.4}}),
)
MOMENTS = st.datetimes(datetime(2026, 10, 1), datetime(2027, 4, 30)).map(  # noqa: DTZ001  made aware below
    lambda moment: moment.replace(tzinfo=UTC)
)


def fired(acme: Reconciler) -> list[datetime]:
    rows = acme.query("SELECT scheduled_for FROM jobrunner.runs ORDER BY scheduled_for")
    return [row["scheduled_for"] for row in rows]


def clear(acme: Reconciler) -> None:
    acme.execute("TRUNCATE jobrunner.projects, jobrunner.jobs CASCADE")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SCHEDULES, MOMENTS)
def test_the_first_run_of_a_new_schedule_is_the_one_that_the_plan_names(
    acme: Reconciler, schedule: dict[str, Any], now: datetime
) -> None:
    clear(acme)
    job = make_job(schedules=[schedule], catch_up={"policy": "all"})
    [create] = acme.plan(job, now=now).changes
    assert isinstance(create, Create)
    named = create.schedules[0].forecast.next_after
    assert named is not None

    acme.apply(job, now=now)

    assert dispatch_due(acme.engine, None, now=named - INSTANT) == 0
    assert dispatch_due(acme.engine, None, now=named) == 1
    assert fired(acme) == [named]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SCHEDULES, SCHEDULES, MOMENTS, st.integers(0, 5_000_000))
def test_the_first_run_after_an_edit_is_the_one_that_the_plan_names(
    acme: Reconciler, old: dict[str, Any], new: dict[str, Any], now: datetime, later: int
) -> None:
    clear(acme)
    acme.apply(make_job(schedules=[old], catch_up={"policy": "skip"}), now=now)
    edited_at = now + timedelta(seconds=later)
    job = make_job(schedules=[new], queue="x", catch_up={"policy": "skip"})
    [update] = acme.plan(job, now=edited_at).changes
    assert isinstance(update, Update)
    moved = [one.forecast.next_after for one in update.schedules if one.is_timing_changed]
    acme.apply(job, now=edited_at)

    assert moved in ([], [acme.next_times()["nightly#default"]])


@pytest.mark.parametrize("enabled", [True, False])
def test_a_schedule_that_the_plan_says_never_fires_does_not(
    acme: Reconciler, *, enabled: bool
) -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    ended = {"every": "1m", "end_at": "2026-11-20T11:00:00Z", "enabled": enabled}
    [create] = acme.plan(make_job(schedules=[ended]), now=now).creates
    assert create.schedules[0].never in {"no time is left", "the schedule is not enabled"}

    acme.apply(make_job(schedules=[ended]), now=now)

    assert dispatch_due(acme.engine, None, now=now + timedelta(days=400)) == 0
