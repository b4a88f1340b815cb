"""What a revision keeps of its plan."""

from jobrunner.db.engine import transaction
from jobrunner.db.history import get_revision
from jobrunner.plan.changes import changes_as_json
from tests.reconcile.acme import NOW, Reconciler, make_job


def test_a_revision_gives_back_the_changes_as_its_plan_has_told_them(acme: Reconciler) -> None:
    acme.apply(make_job("a/gone"), make_job("a/stays", kwargs={"day": None, "full": False}))
    applied = acme.apply(
        make_job("a/new", kwargs={"region": None}, schedules=[{"every": "1h"}]),
        make_job("a/stays", kwargs={"full": None}),
        now=NOW,
    )

    with transaction(acme.engine) as connection:
        kept = get_revision(connection, applied.plan.project, 2).changes

    assert list(kept) == changes_as_json(applied.plan.changes)
    assert [change["action"] for change in kept] == ["delete", "create", "update"]
