"""What `runs show` says of a clean-up, and when it is given up."""

from sqlalchemy import func

from jobrunner.db import clean_ups
from jobrunner.db.attempts import Ending, finish
from jobrunner.db.engine import transaction
from jobrunner.run import RunState
from tests.ledger import NOON, Ledger
from tests.project import Project


def add_ended(ledger: Ledger, **columns: object) -> str:
    job_id = ledger.add_job("tidy.work", on_end="tidy.told")
    columns = {"state": "failed", "finished_at": func.now(), **columns}
    return str(ledger.add_run(job_id, **columns))


def test_a_clean_up_that_is_owed_is_shown(ledger: Ledger, project: Project) -> None:
    shown = project.call("runs", "show", add_ended(ledger))
    assert "not called yet" in shown.stdout


def test_one_that_failed_is_shown_with_its_error(ledger: Ledger, project: Project) -> None:
    run_id = add_ended(ledger, on_end_tries=2, on_end_error="ValueError: no room")
    shown = project.call("runs", "show", run_id)
    assert "ValueError: no room (try 2, it is tried again)" in shown.stdout


def test_the_fifth_failure_is_the_last(ledger: Ledger) -> None:
    add_ended(ledger, on_end_tries=4)
    with transaction(ledger.engine) as connection:
        [taken] = clean_ups.take(connection, ["default"], limit=9, lease_seconds=9)
        assert clean_ups.fail(connection, taken, "ValueError: no room") is False
    row = ledger.run(taken.run_id)
    assert (row["on_end_at"], row["on_end_error"]) == (None, "ValueError: no room")


def test_one_that_was_never_answered_is_given_up_after_as_many(ledger: Ledger) -> None:
    add_ended(ledger, on_end_tries=5)
    with transaction(ledger.engine) as connection:
        assert clean_ups.take(connection, ["default"], limit=9, lease_seconds=9) == ()
        assert clean_ups.take(connection, ["default"], limit=9, lease_seconds=9) == ()


def test_two_workers_never_take_the_same(ledger: Ledger) -> None:
    add_ended(ledger)
    with transaction(ledger.engine) as first, transaction(ledger.engine) as second:
        assert len(clean_ups.take(first, ["default"], limit=9, lease_seconds=9)) == 1
        assert clean_ups.take(second, ["default"], limit=9, lease_seconds=9) == ()
    with transaction(ledger.engine) as connection:
        assert clean_ups.take(connection, ["default"], limit=9, lease_seconds=9) == ()


def test_a_try_that_came_too_late_changes_nothing(ledger: Ledger) -> None:
    add_ended(ledger)
    with transaction(ledger.engine) as connection:
        [old] = clean_ups.take(connection, ["default"], limit=9, lease_seconds=-1)
        [new] = clean_ups.take(connection, ["default"], limit=9, lease_seconds=9)
        assert not clean_ups.finish(connection, old)
        assert clean_ups.read(connection, old) is None
        assert clean_ups.finish(connection, new)


def test_a_loss_that_was_none_is_cleaned_up_after_again(ledger: Ledger) -> None:
    job_id = ledger.add_job("tidy.work", on_end="tidy.told")
    run = ledger.claim(ledger.add_run(job_id))
    ledger.change_run(
        run.claim.run_id, state="lost", lease_until=None, finished_at=NOON, on_end_at=None,
        on_end_tries=1,
    )  # fmt: skip
    with transaction(ledger.engine) as connection:
        finish(connection, run.claim, Ending(RunState.SUCCEEDED, "succeeded"))
        assert len(clean_ups.take(connection, ["default"], limit=9, lease_seconds=9)) == 1
