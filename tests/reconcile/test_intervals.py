"""What an apply writes down of when a schedule was in force, and as what."""

from datetime import datetime, timedelta
from typing import Any

from jobrunner.zone_data import zone_data_version
from tests.reconcile.acme import NOW, Reconciler, make_job

MINUTE = timedelta(minutes=1)
HOURLY = {"every": "1h"}


def spans(acme: Reconciler) -> list[tuple[str, datetime, datetime | None]]:
    """(interval, from, to) of all schedules, in the order they came into force."""
    rows = acme.query(
        "SELECT spec ->> 'every' AS every, started_at, ended_at"
        "  FROM jobrunner.active_intervals ORDER BY id"
    )
    return [(row["every"], row["started_at"], row["ended_at"]) for row in rows]


def apply_at(acme: Reconciler, minutes: int, schedule: dict[str, Any], **fields: Any) -> datetime:
    at = NOW + minutes * MINUTE
    acme.apply(make_job(schedules=[schedule], **fields), now=at)
    return at


def test_a_new_schedule_is_in_force_from_its_apply_on(acme: Reconciler) -> None:
    apply_at(acme, 0, HOURLY)
    [row] = acme.query("SELECT * FROM jobrunner.active_intervals")
    assert (row["started_at"], row["ended_at"]) == (NOW, None)
    assert row["tzdata"] == zone_data_version()
    assert row["spec"] == acme.in_force()[0]["schedule"]


def test_another_timing_ends_the_span_and_begins_the_next_at_one_instant(acme: Reconciler) -> None:
    apply_at(acme, 0, HOURLY)
    changed_at = apply_at(acme, 5, {"every": "2h"})
    assert spans(acme) == [("1h", NOW, changed_at), ("2h", changed_at, None)]


def test_an_edit_of_anything_else_leaves_the_span_whole(acme: Reconciler) -> None:
    apply_at(acme, 0, HOURLY)
    apply_at(acme, 5, {**HOURLY, "misfire_grace": "5m"}, queue="other")
    assert spans(acme) == [("1h", NOW, None)]


def test_a_schedule_that_is_switched_off_and_on_is_in_force_only_while_on(acme: Reconciler) -> None:
    apply_at(acme, 0, HOURLY)
    off_at = apply_at(acme, 5, {**HOURLY, "enabled": False})
    on_at = apply_at(acme, 9, HOURLY)
    assert spans(acme) == [("1h", NOW, off_at), ("1h", on_at, None)]


def test_a_job_that_is_switched_off_and_on_takes_its_schedules_along(acme: Reconciler) -> None:
    apply_at(acme, 0, HOURLY, enabled=False)
    on_at = apply_at(acme, 5, HOURLY)
    off_at = apply_at(acme, 9, HOURLY, enabled=False)
    assert spans(acme) == [("1h", on_at, off_at)]


def test_a_deleted_job_is_in_force_no_longer_and_again_when_it_returns(acme: Reconciler) -> None:
    apply_at(acme, 0, HOURLY)
    deleted_at = NOW + 5 * MINUTE
    acme.apply(make_job("reports/other"), now=deleted_at)
    back_at = apply_at(acme, 9, HOURLY)
    assert spans(acme) == [("1h", NOW, deleted_at), ("1h", back_at, None)]
