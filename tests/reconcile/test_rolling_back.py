"""An earlier revision in force again, and what nobody has applied, on a real database."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobrunner.db.engine import transaction
from jobrunner.db.pauses import pause
from jobrunner.errors import Conflict, GuardRefused, NotFound, StalePlan
from jobrunner.plan.changes import Plan
from jobrunner.plan.targets import EVERY_JOB, Targets
from jobrunner.reconcile import (
    Applied,
    ApplyOptions,
    Drift,
    Rollback,
    apply_project,
    find_drift,
    reading,
)
from jobrunner.reconcile.rolling_back import plan_rollback
from jobrunner.recording import record_due
from jobrunner.spec.models import Location
from jobrunner.spec.project import Move
from tests.reconcile.acme import NOW, Reconciler, make_job

HOURLY = {"every": "1h"}
HOUR = timedelta(hours=1)


def roll_back(acme: Reconciler, revision: int, **options: Any) -> Applied:
    return apply_project(
        acme.engine,
        Rollback(acme.project, revision),
        options=ApplyOptions(author="ada", **{"allow_deletes": 100, **options}),
        record_due=record_due,
        now=NOW + HOUR,
    )


def plan_back(acme: Reconciler, revision: int, targets: Targets = EVERY_JOB) -> Plan:
    with reading(acme.engine) as connection:
        return plan_rollback(connection, Rollback(acme.project, revision), targets=targets, now=NOW)


def drift_of(acme: Reconciler) -> Drift:
    with reading(acme.engine) as connection:
        return find_drift(connection, acme.project)


def definitions(acme: Reconciler) -> dict[str, Any]:
    return {row["address"]: row["spec"] for row in acme.in_force()}


def test_the_definitions_of_that_revision_come_back_as_a_new_revision(acme: Reconciler) -> None:
    acme.apply(make_job("a/b", queue="low"), make_job("a/c"))
    first = definitions(acme)
    acme.apply(make_job("a/b", queue="high"), make_job("a/d"))

    assert roll_back(acme, 1).revision == 3

    assert definitions(acme) == first
    [row] = acme.query(
        "SELECT rolled_back_to, git_commit FROM jobrunner.revisions WHERE number = 3"
    )
    assert row == {"rolled_back_to": 1, "git_commit": None}


def test_fault_65_a_deleted_job_returns_with_its_id_its_runs_and_what_was_counted(
    acme: Reconciler,
) -> None:
    acme.apply(make_job("a/b", schedules=[HOURLY]), make_job("a/c"))
    acme.apply(make_job("a/b", schedules=[HOURLY], queue="x"), make_job("a/c"), now=NOW + HOUR)
    [before] = acme.query("SELECT id FROM jobrunner.jobs WHERE name = 'b'")
    acme.apply(make_job("a/c"), now=NOW + HOUR)

    roll_back(acme, 2)

    [job] = acme.query(
        "SELECT j.id, j.deleted_at, s.deleted_at AS schedule_deleted_at, s.total_run_count,"
        "       s.last_run_at, (SELECT count(*) FROM jobrunner.runs r WHERE r.job_id = j.id) AS runs"
        "  FROM jobrunner.jobs j JOIN jobrunner.schedules s ON s.job_id = j.id"
    )
    assert job == {
        "id": before["id"],
        "deleted_at": None,
        "schedule_deleted_at": None,
        "total_run_count": 1,
        "last_run_at": NOW + HOUR,
        "runs": 1,
    }


def test_a_job_that_has_moved_gets_its_old_address_and_stays_the_same_job(acme: Reconciler) -> None:
    acme.apply(make_job("a/old"))
    [before] = acme.query("SELECT id FROM jobrunner.jobs")
    place = Location(file="jobrunner.yaml", line=3)
    acme.apply(make_job("a/new"), moves=[Move("a/old", "a/new", place)])

    made = plan_back(acme, 1)
    roll_back(acme, 1)

    assert [(one.moved_from, one.address) for one in made.moves] == [("a/new", "a/old")]
    assert acme.query("SELECT id, address FROM jobrunner.jobs") == [
        {"id": before["id"], "address": "a/old"}
    ]


def test_only_the_targets_come_back(acme: Reconciler) -> None:
    acme.apply(make_job("a/b"), make_job("a/c"))
    acme.apply(make_job("a/b", queue="x"))

    made = plan_back(acme, 1, Targets(("a/c",)))

    assert [change.address for change in made.changes] == ["a/c"]
    assert made.creates[0].deleted_in == 2


def test_sensitive_arguments_come_back_as_they_were_sealed(acme: Reconciler) -> None:
    acme.apply(make_job("a/b", kwargs={"password": "plain"}))
    acme.execute(
        "UPDATE jobrunner.definitions SET spec = jsonb_set(jsonb_set(spec, '{kwargs,password}',"
        " CAST(:sealed AS jsonb)), '{sensitive}', '[\"password\"]')",
        sealed='{"sealed": {"key": "00000000", "digest": "00", "token": "t"}}',
    )
    acme.apply(make_job("a/b", queue="x"))

    roll_back(acme, 1)

    [spec] = definitions(acme).values()
    assert spec["kwargs"] == {
        "password": {"sealed": {"key": "00000000", "digest": "00", "token": "t"}}
    }


def test_the_revision_in_force_is_nothing_to_do(acme: Reconciler) -> None:
    acme.apply(make_job("a/b"))

    assert roll_back(acme, 1).revision is None


@pytest.mark.parametrize("revision", [0, 2])
def test_a_revision_that_never_was_is_named_with_the_newest(
    revision: int, acme: Reconciler
) -> None:
    acme.apply(make_job("a/b"))

    with pytest.raises(NotFound, match=f"has no revision {revision}; its newest is 1"):
        plan_back(acme, revision)


def test_a_definition_whose_row_has_gone_is_a_sentence(acme: Reconciler) -> None:
    acme.apply(make_job("a/b"))
    acme.apply(make_job("a/b", queue="x"))
    acme.execute("DELETE FROM jobrunner.definitions WHERE revision = 1")

    with pytest.raises(Conflict, match="a/b as of revision 1 is not there any more"):
        plan_back(acme, 1)


def test_an_address_that_another_project_has_by_now_is_refused(acme: Reconciler) -> None:
    acme.apply(make_job("a/b"), make_job("a/c"))
    acme.apply(make_job("a/c"))
    Reconciler(acme.engine, project="other").apply(make_job("a/b"))

    with pytest.raises(Conflict, match=r"a/b \(other\)"):
        roll_back(acme, 1)


def test_another_job_that_another_project_has_by_now_is_no_hindrance(acme: Reconciler) -> None:
    acme.apply(make_job("a/b"), make_job("a/c"))
    acme.apply(make_job("a/c", queue="x"))
    Reconciler(acme.engine, project="other").apply(make_job("a/b"))

    roll_back(acme, 1, targets=Targets(("a/c",)))

    assert {row["address"]: row["queue"] for row in acme.in_force()} == {
        "a/b": "default", "a/c": "default"
    }  # fmt: skip


def test_a_revision_of_another_project_has_its_own_definitions(acme: Reconciler) -> None:
    """Each project counts its revisions from 1."""
    other = Reconciler(acme.engine, project="other")
    for project, queue in ((acme, "ours"), (other, "theirs")):
        project.apply(make_job("a/b", queue=queue), make_job(f"{queue}/c"))
        project.apply(make_job(f"{queue}/c"))

    roll_back(acme, 1)

    assert {row["address"]: row["queue"] for row in acme.in_force()} == {
        "a/b": "ours", "ours/c": "default", "theirs/c": "default"
    }  # fmt: skip


def test_a_rollback_keeps_to_the_guards(acme: Reconciler) -> None:
    acme.apply(make_job("a/b"))
    acme.apply(make_job("a/b"), make_job("a/c", protect=True), make_job("a/d"))

    with pytest.raises(GuardRefused, match="a/c is protected"):
        roll_back(acme, 1)
    with pytest.raises(GuardRefused, match="deletes 2 of 3 jobs"):
        roll_back(acme, 1, allow_deletes=None, allow_protected=("a/c",))
    assert roll_back(acme, 1, allow_protected=("a/c",)).revision == 3


def test_fault_62_a_rollback_that_was_overtaken_is_refused(acme: Reconciler) -> None:
    acme.apply(make_job("a/b"))
    acme.apply(make_job("a/b", queue="x"))
    digest = plan_back(acme, 1).digest
    acme.apply(make_job("a/b", queue="y"))

    with pytest.raises(StalePlan):
        roll_back(acme, 1, expected_digest=digest)


STATES = st.lists(
    st.dictionaries(st.sampled_from(["b", "c", "d"]), st.sampled_from(["x", "y"]), min_size=1),
    min_size=2,
    max_size=5,
    unique_by=lambda state: tuple(sorted(state.items())),
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(states=STATES, number=st.integers(0, 1_000_000))
def test_any_revision_is_exactly_what_was_in_force_then(
    states: list[dict[str, str]], number: int, acme: Reconciler
) -> None:
    project = Reconciler(acme.engine, project=f"p{number}")
    acme.execute(
        "TRUNCATE jobrunner.definitions, jobrunner.jobs, jobrunner.revisions, jobrunner.projects CASCADE"
    )
    was = []
    for state in states:
        project.apply(*(make_job(f"a/{name}", queue=queue) for name, queue in state.items()))
        was.append(definitions(project))
    for revision, expected in enumerate(was, start=1):
        roll_back(project, revision)
        assert definitions(project) == expected


def test_there_is_no_drift_after_an_apply_nor_for_a_pause(acme: Reconciler) -> None:
    acme.apply(make_job("a/b", schedules=[HOURLY]))
    with transaction(acme.engine) as connection:
        pause(connection, "job", "a/b", reason="", paused_by="ops", until=None)

    assert drift_of(acme).is_empty


def test_a_column_that_a_hand_has_changed_is_drift_from_what_was_applied(acme: Reconciler) -> None:
    acme.apply(make_job("a/b", queue="low"))
    acme.execute("UPDATE jobrunner.jobs SET queue = 'high'")

    [field] = drift_of(acme).plan.drift[0].fields
    assert (field.path, field.old, field.new) == ("queue", "high", "low")


def test_a_job_that_a_hand_has_deleted_or_added_is_drift(acme: Reconciler) -> None:
    acme.apply(make_job("a/b"), make_job("a/c"))
    acme.execute("UPDATE jobrunner.jobs SET deleted_at = now() WHERE name = 'b'")
    acme.execute("UPDATE jobrunner.jobs SET name = 'd' WHERE name = 'c'")

    plan = drift_of(acme).plan

    assert [one.address for one in plan.creates] == ["a/b"]
    assert [(one.moved_from, one.address) for one in plan.moves] == [("a/d", "a/c")]


def test_an_edited_definition_is_drift_that_only_the_files_can_mend(acme: Reconciler) -> None:
    acme.apply(make_job("a/b", kwargs={"region": "eu"}))
    acme.execute(
        "UPDATE jobrunner.definitions SET spec = jsonb_set(spec, '{kwargs,region}', '\"us\"')"
    )

    drift = drift_of(acme)

    assert (drift.plan.is_empty, drift.edited) == (True, ("a/b",))
