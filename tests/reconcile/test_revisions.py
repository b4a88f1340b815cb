"""What a revision keeps of its plan."""

import json

from jobrunner.db.engine import transaction
from jobrunner.db.history import get_revision
from jobrunner.db.revisions import changed_notifiers, kept_changes, whole_changes
from jobrunner.plan.changes import changes_as_json
from tests.plan.golden_plan import every_kind_of_change
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


def test_every_kind_of_change_is_kept_whole() -> None:
    plan = every_kind_of_change()
    kept = json.loads(kept_changes(plan.changes, plan.notifiers))
    assert list(whole_changes(kept)) == plan.as_json()["changes"]
    assert [change.as_json() for change in changed_notifiers(kept)] == plan.as_json()["notifiers"]


def test_fields_that_an_earlier_version_has_kept_are_read() -> None:
    path = {"path": "queue", "kind": "changed"}
    stored = {"address": "a/b", "action": "update", "fields": [{**path, "new": "slow", "line": 7}]}
    whole = {**path, "old": None, "new": "slow", "line": 7, "file": None, "drift": False}
    assert whole_changes([stored]) == ({**stored, "fields": [whole]},)
