"""What an edit of a schedule does to its coming runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobrunner.plan.forecast import EditForecast, forecast_edit
from jobrunner.schedule import next_time, previous_time
from jobrunner.spec.models import ScheduleSpec

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # a Saturday
WEDNESDAY_NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


def _edit(before: dict[str, Any], after: dict[str, Any], now: datetime = NOON) -> EditForecast:
    old, new = ScheduleSpec(**before), ScheduleSpec(**after)
    return forecast_edit(
        old,
        new,
        next_before=next_time(old.timing(), now),
        last_run=previous_time(old.timing(), now),
        now=now,
    )


def test_an_earlier_time_on_the_coming_days_skips_and_doubles_nothing() -> None:
    edit = _edit(
        {"cron": "0 6 * * 1-5", "timezone": "Europe/Berlin"},
        {"cron": "30 5 * * 1-5", "timezone": "Europe/Berlin"},
    )
    assert edit == EditForecast(
        next_before=datetime(2026, 11, 23, 5, 0, tzinfo=UTC),
        next_after=datetime(2026, 11, 23, 4, 30, tzinfo=UTC),
    )


def test_a_morning_run_moved_to_the_evening_at_noon_runs_twice_that_day() -> None:
    edit = _edit({"cron": "0 6 * * *"}, {"cron": "0 18 * * *"})
    assert edit.doubled == (NOON + timedelta(hours=6),)
    assert edit.skipped == ()


def test_a_morning_that_had_no_run_is_not_doubled_by_the_evening() -> None:
    old, new = ScheduleSpec(cron="0 6 * * *"), ScheduleSpec(cron="0 18 * * *")
    tomorrow = next_time(old.timing(), NOON)
    assert forecast_edit(old, new, next_before=tomorrow, now=NOON).doubled == ()


def test_a_morning_that_is_still_owed_is_doubled_by_the_evening() -> None:
    old, new = ScheduleSpec(cron="0 6 * * *"), ScheduleSpec(cron="0 18 * * *")
    this_morning = NOON - timedelta(hours=6)
    edit = forecast_edit(old, new, next_before=this_morning, now=NOON)
    assert edit.doubled == (NOON + timedelta(hours=6),)


def test_an_evening_run_moved_to_the_morning_at_noon_is_skipped_that_day() -> None:
    edit = _edit({"cron": "0 18 * * *"}, {"cron": "0 6 * * *"})
    assert edit.skipped == (NOON + timedelta(hours=6),)
    assert edit.doubled == ()


def test_the_day_is_that_of_the_zone_of_the_schedule() -> None:
    now = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)  # 01:00 of the 22nd in Tokyo
    tokyo = {"timezone": "Asia/Tokyo"}
    edit = _edit({"cron": "0 23 * * *", **tokyo}, {"cron": "0 2 * * *", **tokyo}, now)
    assert (edit.skipped, edit.doubled) == ((), ())
    assert edit.next_after == datetime(2026, 11, 21, 17, 0, tzinfo=UTC)


def test_a_weekly_run_is_compared_by_the_week() -> None:
    monday, friday = {"cron": "0 6 * * 1"}, {"cron": "0 6 * * 5"}
    this_friday = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    assert _edit(monday, friday, WEDNESDAY_NOON).doubled == (this_friday,)
    assert _edit(friday, monday, WEDNESDAY_NOON).skipped == (this_friday,)


def test_a_monthly_run_is_compared_by_the_month() -> None:
    edit = _edit({"cron": "0 6 1 * *"}, {"cron": "0 6 25 * *"})
    assert edit.doubled == (datetime(2026, 11, 25, 6, 0, tzinfo=UTC),)


def test_a_change_of_rhythm_skips_and_doubles_nothing() -> None:
    edit = _edit({"every": "10m"}, {"every": "15m"})
    assert (edit.skipped, edit.doubled) == ((), ())


def test_an_edit_that_touches_no_time_keeps_the_stored_next_time() -> None:
    overdue = NOON - timedelta(seconds=5)
    spec = ScheduleSpec(cron="0 6 * * *")
    edit = forecast_edit(spec, spec, next_before=overdue, now=NOON)
    assert edit == EditForecast(overdue, overdue)


def test_a_new_schedule_has_no_past() -> None:
    edit = forecast_edit(None, ScheduleSpec(cron="0 18 * * *"), next_before=None, now=NOON)
    assert edit == EditForecast(None, NOON + timedelta(hours=6))


@pytest.mark.parametrize("after", [None, ScheduleSpec(cron="0 18 * * *", enabled=False)])
def test_a_schedule_that_goes_or_is_turned_off_has_no_next_time(after: ScheduleSpec | None) -> None:
    stored = NOON + timedelta(hours=6)
    edit = forecast_edit(ScheduleSpec(cron="0 18 * * *"), after, next_before=stored, now=NOON)
    assert edit == EditForecast(stored, None)


def test_a_stored_schedule_that_cannot_be_read_is_replaced() -> None:
    broken = ScheduleSpec.model_construct(cron="nonsense")
    stored = NOON + timedelta(hours=1)
    edit = forecast_edit(broken, ScheduleSpec(cron="0 18 * * *"), next_before=stored, now=NOON)
    assert edit == EditForecast(stored, NOON + timedelta(hours=6))


def test_an_edit_as_json() -> None:
    assert _edit({"cron": "0 6 * * *"}, {"cron": "0 18 * * *"}).as_json() == {
        "next_before": "2026-11-22T06:00:00+00:00",
        "next_after": "2026-11-21T18:00:00+00:00",
        "skipped": [],
        "doubled": ["2026-11-21T18:00:00+00:00"],
    }
