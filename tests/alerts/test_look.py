"""What is found in the database, what is kept of it and who is to be told."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobrunner.db.engine import transaction
from jobrunner.notify.look import look
from tests.alerts.reading import Kept, incidents, messages
from tests.ledger import Ledger

MINUTE = timedelta(minutes=1)
BOTH = [{"when": ["failure", "missed", "recovered"], "to": ["oncall"]}]


def now() -> datetime:
    return datetime.now(UTC)


def add_job(ledger: Ledger, alerts: list[dict[str, Any]], *, name: str = "job") -> uuid.UUID:
    return ledger.add_job(name=name, alerts=alerts)


def end(ledger: Ledger, job_id: uuid.UUID, state: str, **values: Any) -> uuid.UUID:
    """A run that was due and ended now, after all before it."""
    return ledger.add_run(
        job_id, **{"state": state, "scheduled_for": now(), "finished_at": now(), **values}
    )


@pytest.mark.parametrize(
    ("state", "kind"),
    [("failed", "failure"), ("lost", "failure"), ("missed", "missed"), ("expired", "missed")],
)
def test_what_went_wrong_is_told_once(
    ledger: Ledger, engine: Engine, state: str, kind: str
) -> None:
    end(ledger, add_job(ledger, BOTH), state)
    look(engine)
    look(engine)
    assert incidents(engine) == [Kept(kind, 1, is_open=True)]
    assert messages(engine) == [f"oncall: opened {kind}"]


@pytest.mark.parametrize("state", ["succeeded", "cancelled", "skipped", "handed_over"])
def test_other_ends_are_nothing_to_tell_of(ledger: Ledger, engine: Engine, state: str) -> None:
    end(ledger, add_job(ledger, BOTH), state)
    look(engine)
    assert incidents(engine) == []


def test_a_hundred_runs_that_fail_are_one_incident_and_one_message(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = add_job(ledger, BOTH)
    for _ in range(100):
        end(ledger, job_id, "failed")
        look(engine)
    assert incidents(engine) == [Kept("failure", 100, is_open=True)]
    assert messages(engine) == ["oncall: opened failure"]


def test_the_next_good_run_ends_it_and_whoever_was_told_and_asks_hears_of_it(
    ledger: Ledger, engine: Engine
) -> None:
    alerts = [
        {"when": ["failure"], "to": ["oncall", "boss"]},
        {"when": ["recovered"], "to": ["oncall", "archive"]},
    ]
    job_id = add_job(ledger, alerts)
    end(ledger, job_id, "failed")
    look(engine)
    end(ledger, job_id, "succeeded")
    look(engine)
    look(engine)
    assert incidents(engine) == [Kept("failure", 1, is_open=False)]
    assert messages(engine)[2:] == ["oncall: recovered failure"]


def test_a_failure_and_the_good_run_after_it_are_both_told_when_one_look_sees_them(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = add_job(ledger, BOTH)
    end(ledger, job_id, "failed")
    end(ledger, job_id, "succeeded")
    look(engine)
    assert messages(engine) == ["oncall: opened failure", "oncall: recovered failure"]


def test_a_good_run_that_was_owed_before_ends_nothing(ledger: Ledger, engine: Engine) -> None:
    job_id = add_job(ledger, BOTH)
    end(ledger, job_id, "failed")
    end(ledger, job_id, "succeeded", scheduled_for=now() - MINUTE)
    look(engine)
    assert incidents(engine) == [Kept("failure", 1, is_open=True)]


def test_a_good_run_that_ended_before_ends_nothing(ledger: Ledger, engine: Engine) -> None:
    job_id = add_job(ledger, BOTH)
    end(ledger, job_id, "succeeded", scheduled_for=now() + MINUTE)
    end(ledger, job_id, "failed")
    look(engine)
    assert incidents(engine) == [Kept("failure", 1, is_open=True)]


def test_a_failure_after_a_recovery_is_another_incident(ledger: Ledger, engine: Engine) -> None:
    job_id = add_job(ledger, BOTH)
    for state in ("failed", "succeeded", "failed"):
        end(ledger, job_id, state)
        look(engine)
    assert [one.is_open for one in incidents(engine)] == [False, True]


def test_an_end_that_is_committed_late_is_found_all_the_same(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = add_job(ledger, BOTH)
    end(ledger, job_id, "failed")
    look(engine)
    end(ledger, job_id, "failed", finished_at=now() - 60 * MINUTE)
    look(engine)
    assert incidents(engine) == [Kept("failure", 2, is_open=True)]


def test_what_failed_before_a_job_had_alerts_is_never_told(ledger: Ledger, engine: Engine) -> None:
    job_id = ledger.add_job()
    end(ledger, job_id, "failed")
    look(engine)
    ledger.spoil_definition(job_id, alerts=BOTH)
    look(engine)
    assert incidents(engine) == []


def test_a_row_of_missed_times_counts_each_of_them(ledger: Ledger, engine: Engine) -> None:
    end(ledger, add_job(ledger, BOTH), "missed", missed_count=12, missed_until=now())
    look(engine)
    assert incidents(engine) == [Kept("missed", 12, is_open=True)]


LATE = [{"when": ["late", "recovered"], "after": "5m", "to": ["oncall"]}]


@pytest.mark.parametrize("held", [False, True])
def test_a_run_that_has_not_started_in_time_is_late_once(
    ledger: Ledger, engine: Engine, *, held: bool
) -> None:
    ledger.add_run(add_job(ledger, LATE), scheduled_for=now() - 6 * MINUTE, held=held)
    look(engine)
    look(engine)
    assert messages(engine) == ["oncall: opened late"]


@pytest.mark.parametrize(
    "values",
    [
        {"scheduled_for": timedelta(minutes=4)},
        {"scheduled_for": timedelta(minutes=6), "attempt": 1},
        {"scheduled_for": timedelta(minutes=6), "trigger": "backfill"},
    ],
    ids=["there is time yet", "it waits for a retry", "a backfill has no time to start"],
)
def test_these_are_not_late(ledger: Ledger, engine: Engine, values: dict[str, Any]) -> None:
    given = {**values, "scheduled_for": now() - values["scheduled_for"]}
    ledger.add_run(add_job(ledger, LATE), **given)
    look(engine)
    assert incidents(engine) == []


def test_the_late_run_itself_ends_nothing_and_the_next_one_does(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = add_job(ledger, LATE)
    late = ledger.add_run(job_id, scheduled_for=now() - 6 * MINUTE)
    look(engine)
    ledger.end_run(late, "succeeded")
    look(engine)
    assert incidents(engine) == [Kept("late", 1, is_open=True)]
    end(ledger, job_id, "succeeded")
    look(engine)
    assert messages(engine) == ["oncall: opened late", "oncall: recovered late"]


TOO_LONG = [
    {"when": ["too_long"], "after": "5m", "to": ["oncall"]},
    {"when": ["too_long"], "after": "1h", "to": ["boss"]},
]


def test_a_run_that_goes_on_too_long_is_told_to_each_when_his_time_has_passed(
    ledger: Ledger, engine: Engine
) -> None:
    run_id = ledger.add_run(add_job(ledger, TOO_LONG))
    ledger.claim(run_id)
    look(engine)
    assert messages(engine) == []
    ledger.change_run(run_id, started_at=now() - 6 * MINUTE)
    look(engine)
    assert messages(engine) == ["oncall: opened too_long"]
    ledger.change_run(run_id, started_at=now() - 61 * MINUTE)
    look(engine)
    look(engine)
    assert messages(engine) == ["oncall: opened too_long", "boss: opened too_long"]
    assert incidents(engine) == [Kept("too_long", 1, is_open=True)]


def test_an_incident_of_a_job_that_is_deleted_ends_and_nobody_is_told(
    ledger: Ledger, engine: Engine
) -> None:
    job_id = add_job(ledger, BOTH)
    end(ledger, job_id, "failed")
    look(engine)
    ledger.delete_job(job_id)
    look(engine)
    assert incidents(engine) == [Kept("failure", 1, is_open=False)]
    assert messages(engine) == ["oncall: opened failure"]


def test_several_beats_at_once_make_one_message(ledger: Ledger, engine: Engine) -> None:
    end(ledger, add_job(ledger, BOTH), "failed")
    ledger.add_run(add_job(ledger, LATE, name="late"), scheduled_for=now() - 6 * MINUTE)
    together = threading.Barrier(4)

    def look_together() -> None:
        together.wait()
        look(engine)

    with ThreadPoolExecutor(4) as beats:
        for looked in [beats.submit(look_together) for _ in range(4)]:
            looked.result()
    look(engine)
    assert sorted(messages(engine)) == ["oncall: opened failure", "oncall: opened late"]


def test_a_message_holds_what_there_is_to_say(ledger: Ledger, engine: Engine) -> None:
    run_id = end(ledger, add_job(ledger, BOTH), "failed", error="ValueError: out of paper")
    look(engine)
    with transaction(engine) as connection:
        message = connection.execute(
            text("SELECT message FROM jobrunner.notifications")
        ).scalar_one()
    assert message["about"]["job"] == "test/job"
    assert message["about"]["file"] == "jobs.d/test.yaml"
    assert message["run"]["id"] == str(run_id)
    assert message["run"]["error"] == "ValueError: out of paper"
