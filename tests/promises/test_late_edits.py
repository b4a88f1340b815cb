"""An edit that comes before the schedulers are back from an outage loses no time that was owed."""

from datetime import timedelta

from sqlalchemy import Engine

from tests.promises.due_times import Schedule, due_after
from tests.reconcile.acme import NOW, Reconciler, make_job

HOUR = timedelta(hours=1)


def test_a_time_that_waits_for_its_jitter_behind_an_overdue_one_is_not_lost(engine: Engine) -> None:
    acme = Reconciler(engine)
    schedule = Schedule(every=HOUR, jitter=HOUR * 5 / 6)
    overdue, waiting, *_ = due_after(schedule, "reports/nightly#default", NOW)
    acme.apply(make_job(overlap="allow", schedules=[schedule.fields]))

    at = waiting.run_at - timedelta(seconds=1)
    acme.apply(make_job(overlap="allow", schedules=[{"every": "1d"}]), now=at)

    assert overdue.run_at < waiting.nominal < at
    rows = acme.query("SELECT scheduled_for FROM jobrunner.runs ORDER BY scheduled_for")
    assert [row["scheduled_for"] for row in rows] == [overdue.nominal, waiting.nominal]


def test_a_schedule_that_is_used_up_stays_so_when_its_timing_is_edited(engine: Engine) -> None:
    acme = Reconciler(engine)
    acme.apply(make_job(schedules=[{"every": "1h", "max_runs": 1}]))

    acme.apply(make_job(schedules=[{"every": "2h", "max_runs": 1}]), now=NOW + HOUR)

    assert len(acme.query("SELECT id FROM jobrunner.runs")) == 1
    assert acme.next_times() == {"nightly#default": None}
