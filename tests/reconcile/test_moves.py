"""Moves on a real database: what goes along with the job."""

from datetime import timedelta

import pytest

from jobrunner.db.engine import transaction
from jobrunner.db.pauses import pause, pauses_in_force
from jobrunner.errors import Conflict
from jobrunner.fsck import check_ledger
from jobrunner.plan.changes import Plan
from jobrunner.reconcile import ApplyOptions, apply_project
from jobrunner.recording import record_due
from jobrunner.spec.models import Location
from jobrunner.spec.project import Move
from tests.reconcile.acme import NOW, Reconciler, make_job

HOURLY = {"every": "1h"}
HOUR = timedelta(hours=1)


def move(old: str = "a/old", new: str = "a/new") -> Move:
    return Move(old, new, Location(file="jobrunner.yaml", line=3))


def jobs_of(acme: Reconciler) -> list[tuple[str, bool]]:
    rows = acme.query("SELECT address, deleted_at IS NULL AS lives FROM jobrunner.jobs ORDER BY 1")
    return [(row["address"], row["lives"]) for row in rows]


def test_fault_66_a_job_that_moves_keeps_its_id_its_runs_and_what_was_counted(
    acme: Reconciler,
) -> None:
    acme.apply(make_job("a/old", schedules=[HOURLY]))
    [before] = acme.query("SELECT id FROM jobrunner.jobs")
    acme.apply(make_job("a/old", schedules=[HOURLY], queue="x"), now=NOW + HOUR)  # records a run

    acme.apply(make_job("a/new", schedules=[HOURLY], queue="x"), moves=[move()], now=NOW + HOUR)

    [job] = acme.query(
        "SELECT j.id, j.address, s.total_run_count, s.last_run_at, s.next_scheduled_for,"
        "       (SELECT count(*) FROM jobrunner.runs r WHERE r.job_id = j.id) AS runs"
        "  FROM jobrunner.jobs j JOIN jobrunner.schedules s ON s.job_id = j.id"
    )
    assert job == {
        "id": before["id"],
        "address": "a/new",
        "total_run_count": 1,
        "last_run_at": NOW + HOUR,
        "next_scheduled_for": NOW + 2 * HOUR,
        "runs": 1,
    }


def test_fault_66_without_a_move_a_renamed_job_is_deleted_and_created(acme: Reconciler) -> None:
    acme.apply(make_job("a/old"))

    made = acme.plan(make_job("a/new"))

    assert [one.address for one in made.creates] == ["a/new"]
    assert [one.address for one in made.deletes] == ["a/old"]


def test_an_address_that_another_project_takes_meanwhile_is_a_conflict(acme: Reconciler) -> None:
    acme.apply(make_job("a/old"))
    other = Reconciler(acme.engine, project="other")

    def take(_: Plan) -> None:
        other.apply(make_job("a/new"))

    with pytest.raises(Conflict, match="Another project has just taken a/new"):
        apply_project(
            acme.engine,
            acme.desired([make_job("a/new")], [move()]),
            options=ApplyOptions(author="ada"),
            record_due=record_due,
            now=NOW,
            begin=take,
        )
    assert jobs_of(acme) == [("a/new", True), ("a/old", True)]


def test_a_pause_of_the_job_goes_along(acme: Reconciler) -> None:
    acme.apply(make_job("a/old"))
    with transaction(acme.engine) as connection:
        pause(connection, "job", "a/old", reason="", paused_by="ops", until=None)

    acme.apply(make_job("a/new"), moves=[move()])

    with transaction(acme.engine) as connection:
        assert [one.target for one in pauses_in_force(connection)] == ["a/new"]


def test_where_the_new_address_is_paused_already_that_pause_holds_on(acme: Reconciler) -> None:
    acme.apply(make_job("a/old"))
    with transaction(acme.engine) as connection:
        pause(connection, "job", "a/old", reason="old", paused_by="ops", until=None)
        pause(connection, "job", "a/new", reason="new", paused_by="ops", until=None)

    acme.apply(make_job("a/new"), moves=[move()])

    with transaction(acme.engine) as connection:
        assert [(p.target, p.reason) for p in pauses_in_force(connection)] == [("a/new", "new")]


def test_a_move_that_has_been_made_may_stay_in_the_files(acme: Reconciler) -> None:
    acme.apply(make_job("a/old"))
    acme.apply(make_job("a/new"), moves=[move()])

    assert acme.plan(make_job("a/new"), moves=[move()]).is_empty


def test_a_chain_of_moves_leads_from_wherever_the_database_stands(acme: Reconciler) -> None:
    acme.apply(make_job("a/old"))
    chain = [move("a/old", "a/between"), move("a/between", "a/new")]

    acme.apply(make_job("a/new"), moves=chain)

    assert jobs_of(acme) == [("a/new", True)]


def test_a_move_to_the_address_of_a_deleted_job_leaves_that_ones_history_apart(
    acme: Reconciler,
) -> None:
    acme.apply(make_job("a/new"))
    acme.apply(make_job("a/old"))

    acme.apply(make_job("a/new"), moves=[move()])

    assert [lives for _, lives in jobs_of(acme)] == [True, False]
    assert jobs_of(acme)[0][0] == "a/new"


@pytest.mark.parametrize("schedule", [{"cron": "H * * * *"}, {"every": "1h", "jitter": "5m"}])
def test_the_ledger_adds_up_over_a_move_of_times_that_the_address_makes(
    acme: Reconciler, schedule: dict[str, str]
) -> None:
    acme.apply(make_job("a/old", schedules=[schedule]))
    later = NOW + 5 * HOUR

    acme.apply(make_job("a/new", schedules=[schedule]), moves=[move()], now=later)

    assert check_ledger(acme.engine, now=later + timedelta(seconds=1)).findings == ()


def test_a_job_that_returns_says_which_revision_had_deleted_it(acme: Reconciler) -> None:
    acme.apply(make_job("a/stays"), make_job("a/gone"))
    acme.apply(make_job("a/stays"))
    acme.apply(make_job("a/stays", queue="x"))

    made = acme.plan(make_job("a/stays", queue="x"), make_job("a/gone"), make_job("a/new"))

    assert [(one.address, one.deleted_in) for one in made.creates] == [
        ("a/gone", 2),
        ("a/new", None),
    ]
