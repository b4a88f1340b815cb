"""The check of the ledger is silent about what happened, and names each thing that did not."""

import random
import re
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from jobrunner.errors import NotFound
from jobrunner.fsck import check_ledger
from tests.fsck.history import START, History
from tests.reconcile.acme import Reconciler, make_job

MINUTE = timedelta(minutes=1)


@pytest.fixture
def acme(engine: Engine) -> Reconciler:
    return Reconciler(engine)


@pytest.fixture
def past(acme: Reconciler) -> History:
    """A job each ten minutes over half a day, all well."""
    history = History(acme, random.Random(1))  # noqa: S311  a past, no secret
    acme.apply(make_job("ops/job", schedules=[{"every": "10m"}], overlap="allow"), now=START)
    for _ in range(72):
        history.now += 10 * MINUTE
        history.tick()
    return history


def found(history: History) -> list[str]:
    return [f"{finding.address} {finding.what}" for finding in history.check().findings]


@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_silent_about_a_busy_past(acme: Reconciler, seed: int) -> None:
    history = History(acme, random.Random(seed))  # noqa: S311  as above
    history.go_on(days=30)
    checked = history.check()
    assert checked.findings == ()
    assert checked.schedules == 9
    assert checked.due > 1000


def test_it_counts_what_it_has_looked_at(past: History) -> None:
    checked = past.check()
    assert (checked.holds, checked.schedules, checked.due, checked.runs) == (True, 1, 72, 72)


def test_a_run_that_is_gone_is_missing(past: History) -> None:
    past.acme.execute(
        "DELETE FROM jobrunner.runs WHERE scheduled_for IN (:one, :next)",
        one=START + 60 * MINUTE,
        next=START + 70 * MINUTE,
    )
    [finding] = past.check().findings
    assert (finding.address, finding.what) == ("ops/job#default", "2 due times have no run")
    assert (finding.first, finding.last) == (START + 60 * MINUTE, START + 70 * MINUTE)
    typed = "ops/job#default --from 2027-03-10T13:00:00Z --to 2027-03-10T13:10:01Z"
    assert f"jobrunner backfill {typed}" in finding.hint


def test_a_run_whose_time_was_shifted_is_not_due_and_leaves_a_hole(past: History) -> None:
    past.acme.execute(
        "UPDATE jobrunner.runs SET scheduled_for = scheduled_for + interval '1 minute'"
        " WHERE scheduled_for = :at",
        at=START + 60 * MINUTE,
    )
    assert found(past) == [
        "ops/job#default was due and has no run",
        "ops/job#default has a run and was not due",
    ]


@pytest.mark.parametrize(
    ("trigger", "what"),
    [
        ("manual", "takes a time of a schedule, though by hand"),
        ("backfill", "takes a time of a schedule for no backfill"),
    ],
)
def test_a_double_under_another_trigger_is_named(past: History, trigger: str, what: str) -> None:
    past.acme.execute(
        "INSERT INTO jobrunner.runs (id, job_id, schedule_id, definition_id, trigger, scheduled_for,"
        "       state, queue, available_at, finished_at)"
        " SELECT gen_random_uuid(), job_id, schedule_id, definition_id, :trigger, scheduled_for,"
        "        'skipped', queue, available_at, finished_at FROM jobrunner.runs LIMIT 1",
        trigger=trigger,
    )
    [told] = found(past)
    assert told.endswith(what)


def test_two_attempts_that_succeeded_are_named(past: History) -> None:
    past.acme.execute(
        "INSERT INTO jobrunner.attempts (run_id, number, state, claim_token, worker, pid, started_at)"
        " SELECT id, 2, 'succeeded', gen_random_uuid(), 'w', 1, now() FROM jobrunner.runs LIMIT 1"
    )
    [told] = found(past)
    assert told.endswith("2 attempts of it have succeeded")


def test_an_attempt_that_is_gone_is_named(past: History) -> None:
    past.acme.execute(
        "UPDATE jobrunner.runs SET attempt = 2 WHERE scheduled_for = :at", at=past.now
    )
    [told] = found(past)
    assert told.endswith("says attempt 2, and has 1 numbered up to 1")


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ("state = 'running', lease_until = now() - interval '5 years'", "its lease ended"),
        ("state = 'queued', attempt = 0", "not sent to the broker"),
        ("state = 'queued', attempt = 0, sent_at = now(), expires_at = 'epoch'", "has run out"),
        ("state = 'queued', attempt = 0, held = true, created_at = 'epoch'", "no other run"),
    ],
)
def test_a_run_that_should_be_over_is_named(past: History, columns: str, what: str) -> None:
    change = (
        "UPDATE jobrunner.runs SET {}, finished_at = NULL, available_at = 'epoch' WHERE {} = :at"
    )
    past.acme.execute(change.format(columns, "scheduled_for"), at=past.now)
    told = past.check().findings
    assert any(what in finding.what for finding in told)
    assert all(re.search(r"jobrunner runs show [0-9a-f-]{36}", finding.hint) for finding in told)


def test_a_missed_row_that_counts_wrong_is_named(past: History) -> None:
    past.now += timedelta(hours=5)
    past.tick()
    assert past.check().holds
    past.acme.execute(
        "UPDATE jobrunner.runs SET missed_count = missed_count + 2 WHERE state = 'missed'"
    )
    [told] = found(past)
    assert told.endswith("the missed run of this span stands for 2 more than were due in it")


def test_what_is_owed_and_not_recorded_is_the_beats_to_do(past: History) -> None:
    past.now += timedelta(hours=1)
    [finding] = past.check().findings
    assert finding.what == "5 times are owed and not recorded yet"
    assert "jobrunner status" in finding.hint


def test_a_time_within_its_grace_is_not_owed_yet(past: History) -> None:
    past.now += 10 * MINUTE + timedelta(seconds=59)
    assert past.check().holds


def test_a_count_below_the_runs_there_are_is_named(past: History) -> None:
    past.acme.execute("UPDATE jobrunner.schedules SET total_run_count = 70")
    assert found(past) == ["ops/job#default counts 70 runs, and has 72"]


def test_runs_beyond_max_runs_are_named(past: History) -> None:
    past.acme.execute(
        "UPDATE jobrunner.active_intervals SET spec = spec || CAST('{\"max_runs\": 70}' AS jsonb)"
    )
    assert found(past) == ["ops/job#default 2 runs are beyond max_runs"]


def test_a_definition_that_cannot_be_read_stops_no_other(past: History) -> None:
    past.acme.apply(
        make_job("ops/job", schedules=[{"every": "10m"}, {"name": "bad", "cron": "0 6 * * *"}]),
        now=past.now,
    )
    past.acme.execute(
        'UPDATE jobrunner.active_intervals SET spec = spec || CAST(\'{"timezone": "X/Y"}\' AS jsonb)'
        " WHERE spec ->> 'name' = 'bad'"
    )
    checked = past.check()
    [finding] = checked.findings
    assert finding.address == "ops/job#bad"
    assert "cannot be read" in finding.what
    assert checked.due == 72


def test_a_schedule_whose_row_was_switched_on_by_hand_is_named(past: History) -> None:
    past.acme.execute("UPDATE jobrunner.active_intervals SET ended_at = :at", at=past.now)
    assert found(past) == ["ops/job#default has a next time, though it is not in force"]


def test_only_later_times_are_looked_at_with_since(past: History) -> None:
    past.acme.execute(
        "DELETE FROM jobrunner.runs WHERE scheduled_for = :at", at=START + 60 * MINUTE
    )
    checked = past.check(since=START + 60 * MINUTE)
    assert (checked.holds, checked.due, checked.runs) == (True, 66, 66)


def test_an_address_that_never_was_is_a_sentence(past: History) -> None:
    with pytest.raises(NotFound, match="There is and was no job ops/jop"):
        check_ledger(past.acme.engine, addresses=["ops/jop"])
