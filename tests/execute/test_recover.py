"""Attempts whose worker is gone, on a real database."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func

from jobrunner.db.attempts import Claim
from jobrunner.recover import Death, end_dead_attempt, end_lost_attempts
from jobrunner.run import Outcome, RunState
from tests.ledger import Ledger

AT_ONCE = timedelta(0)
RETRIED: dict[str, Any] = {"retry": {"max_retries": 5, "delay": "10s", "jitter": False}}


def claim_and_lose(ledger: Ledger, run_id: uuid.UUID) -> Claim:
    held = ledger.claim(run_id).claim
    ledger.change_run(run_id, lease_until=func.now() - timedelta(seconds=1))
    return held


def test_a_lost_attempt_without_retries_ends_its_run_as_lost(ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job())
    claim_and_lose(ledger, run_id)
    assert end_lost_attempts(ledger.engine, settle_for=AT_ONCE) == 1
    assert ledger.state(run_id) == "lost"
    assert ledger.attempts(run_id)[0].state == "lost"


def test_a_lost_attempt_with_retries_is_a_failed_attempt(ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job(**RETRIED))
    claim_and_lose(ledger, run_id)
    end_lost_attempts(ledger.engine, settle_for=AT_ONCE)
    assert ledger.state(run_id) == "queued"
    assert ledger.seconds_until_available(run_id) == pytest.approx(10, abs=2)


def test_fault_37_three_lost_attempts_in_a_row_end_the_run(ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job(**RETRIED), lost_attempts=2, attempt=2)
    claim_and_lose(ledger, run_id)
    end_lost_attempts(ledger.engine, settle_for=AT_ONCE)
    assert ledger.state(run_id) == "lost"


def test_a_definition_that_cannot_be_read_keeps_no_other_run_from_its_end(ledger: Ledger) -> None:
    spoilt, good = ledger.add_job(name="spoilt"), ledger.add_job(name="good")
    runs = [ledger.add_run(spoilt), ledger.add_run(good)]
    for run_id in runs:
        claim_and_lose(ledger, run_id)
    ledger.spoil_definition(spoilt, from_the_future=True)
    assert end_lost_attempts(ledger.engine, settle_for=AT_ONCE) == 2
    assert [ledger.state(run_id) for run_id in runs] == ["lost", "lost"]


def test_an_attempt_with_a_fresh_lease_is_left_alone(ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.claim(run_id)
    assert end_lost_attempts(ledger.engine, settle_for=AT_ONCE) == 0
    assert ledger.state(run_id) == "running"


def test_nothing_is_lost_soon_after_the_servers_start(ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job())
    claim_and_lose(ledger, run_id)
    assert end_lost_attempts(ledger.engine, settle_for=timedelta(days=1)) == 0
    assert ledger.state(run_id) == "running"


def test_nothing_is_lost_soon_after_the_caller_was_cut_off(ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job())
    claim_and_lose(ledger, run_id)
    in_touch_for = timedelta(seconds=19)
    assert end_lost_attempts(ledger.engine, in_touch_for=in_touch_for) == 0
    assert ledger.state(run_id) == "running"


def test_a_killed_attempt_is_ended_at_once(ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job(**RETRIED))
    death = Death(ledger.claim(run_id).claim, Outcome.TIMED_OUT, "too long")
    assert end_dead_attempt(ledger.engine, death) is RunState.QUEUED
    attempt = ledger.attempts(run_id)[0]
    assert (attempt.state, attempt.error_type, attempt.error) == ("failed", "timeout", "too long")


def test_a_death_during_a_cancel_is_a_cancel(ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job(**RETRIED))
    held = ledger.claim(run_id).claim
    ledger.change_run(run_id, cancel_requested_at=func.now())
    assert end_dead_attempt(ledger.engine, Death(held, Outcome.LOST, "")) is RunState.CANCELLED


def test_a_death_after_the_end_changes_nothing(ledger: Ledger) -> None:
    run_id = ledger.add_run(ledger.add_job())
    held = ledger.claim(run_id).claim
    end_dead_attempt(ledger.engine, Death(held, Outcome.TIMED_OUT, "first"))
    assert end_dead_attempt(ledger.engine, Death(held, Outcome.LOST, "second")) is None
    assert ledger.run(run_id)["error"] == "first"
