"""What files define and what the API has made never touch each other, whatever becomes of either."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobrunner.db.projects import API_OWNER
from jobrunner.errors import Conflict, NotFound
from jobrunner.reconcile import ApiEdit, ApplyOptions, apply_project
from jobrunner.reconcile.api_owned import Edit, change_edit, creation, deletion, replacement, switch
from jobrunner.recording import record_due
from jobrunner.sealing import NO_KEYS
from jobrunner.spec.models import DefinedJob
from tests.properties.rows import rows_of_project
from tests.reconcile.acme import NOW, Reconciler, make_job

_ADDRESSES = ("a/b", "a/c", "a/d")
_DEFINITIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "task": st.just("acme.send"),
        "queue": st.sampled_from(["x", "y"]),
        "schedule": st.sampled_from([{"every": "1h"}, {"cron": "0 5 * * *"}]),
    }
)
_EDITS: st.SearchStrategy[tuple[str, Edit]] = st.tuples(
    st.sampled_from(_ADDRESSES),
    st.one_of(
        _DEFINITIONS.map(lambda definition: creation(definition, NO_KEYS)),
        _DEFINITIONS.map(lambda definition: replacement(definition, NO_KEYS)),
        st.just(change_edit({"queue": "z"}, NO_KEYS)),
        st.booleans().map(lambda enabled: switch(enabled=enabled)),
        st.just(deletion(allow_protected=True)),
    ),
)
_JOBS = st.lists(st.sampled_from(_ADDRESSES), unique=True).map(
    lambda addresses: [make_job(address, schedules=[{"every": "2h"}]) for address in addresses]
)
_EMPTY = "TRUNCATE jobrunner.projects, jobrunner.pauses CASCADE"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(
    steps=[[make_job("a/b")], ("a/c", creation({"task": "acme.send"}, NO_KEYS)), []],
)
@given(steps=st.lists(st.one_of(_JOBS, _EDITS), max_size=8))
def test_what_one_owner_does_leaves_the_rows_of_the_other_as_they_are(
    acme: Reconciler, steps: Sequence[list[DefinedJob] | tuple[str, Edit]]
) -> None:
    acme.execute(_EMPTY)
    for step in steps:
        other = API_OWNER if isinstance(step, list) else acme.project
        before = _without_graves(acme, other)
        with suppress(Conflict, NotFound):
            _do(acme, step)
        assert _without_graves(acme, other) == before


def _do(acme: Reconciler, step: list[DefinedJob] | tuple[str, Edit]) -> None:
    if isinstance(step, list):
        acme.apply(*step)
        return
    options = ApplyOptions(author="ada", allow_deletes=1)
    apply_project(acme.engine, ApiEdit(*step), options=options, record_due=record_due, now=NOW)


def _without_graves(acme: Reconciler, project: str) -> dict[str, list[str]]:
    """The rows of the jobs that it has in force: an address whose job is gone is anybody's."""
    rows = rows_of_project(acme.engine, project)
    gone = {
        str(row["id"])
        for row in acme.query("SELECT id FROM jobrunner.jobs WHERE deleted_at IS NOT NULL")
    }
    return {
        table: [row for row in found if not any(one in row for one in gone)]
        for table, found in rows.items()
    }
