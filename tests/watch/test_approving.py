"""What a guard refuses waits in the database, and is applied when a person approves exactly that."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobrunner.db.engine import transaction
from jobrunner.db.history import list_revisions
from jobrunner.db.pending import PendingPlan, approve_pending, read_pending
from jobrunner.errors import NotFound, StalePlan
from jobrunner.watch import ConfigState, Outcome, ProjectWatch
from tests.waiting import wait_until

JOBS = "version: 1\nnamespace: ops\njobs:\n  report: {task: app.report}\n"
ASKS_FIRST = "project: acme\nguards: {require_plan: true}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "ops.yaml").write_text(JOBS, encoding="utf-8")
    (tmp_path / "jobrunner.yaml").write_text("project: acme\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def refused(root: Path, engine: Engine, reported: Callable[[], Outcome]) -> PendingPlan:
    """A change of the files that the project wants to be looked at first."""
    assert reported().state == ConfigState.IN_FORCE
    (root / "jobrunner.yaml").write_text(ASKS_FIRST, encoding="utf-8")
    (root / "jobs.d" / "ops.yaml").write_text(JOBS.replace("app.report", "app.mail"), "utf-8")
    assert reported().state == ConfigState.REFUSED
    return pending(engine)[0]


def pending(engine: Engine) -> tuple[PendingPlan, ...]:
    with transaction(engine) as connection:
        return read_pending(connection)


def digest_after_a_look(watch: ProjectWatch, engine: Engine) -> str:
    watch.run_once()
    return pending(engine)[0].digest


def approve(engine: Engine, digest: str) -> None:
    with transaction(engine) as connection:
        approve_pending(connection, "acme", digest, by="grace")


def test_what_a_guard_refuses_is_left_with_its_reason(refused: PendingPlan) -> None:
    assert [change["address"] for change in refused.plan["changes"]] == ["ops/report"]
    assert refused.reason == ("Project acme is applied only by a plan that somebody has looked at.")
    assert (refused.made_by, refused.approved_by) == ("watcher", None)


def test_an_approved_plan_is_applied_in_the_name_of_who_approved_it(
    refused: PendingPlan, engine: Engine, reported: Callable[[], Outcome]
) -> None:
    approve(engine, refused.digest)
    assert reported().state == ConfigState.IN_FORCE
    with transaction(engine) as connection:
        newest = list_revisions(connection, "acme", limit=1)[0]
    assert (newest.number, newest.author, newest.digest) == (2, "grace", refused.digest)
    assert pending(engine) == ()


def test_an_approval_is_not_for_what_the_files_say_by_then(
    refused: PendingPlan, root: Path, engine: Engine, watch: ProjectWatch
) -> None:
    (root / "jobs.d" / "ops.yaml").write_text(JOBS.replace("app.report", "app.other"), "utf-8")
    approve(engine, refused.digest)
    wait_until(lambda: digest_after_a_look(watch, engine) != refused.digest)
    assert pending(engine)[0].approved_by is None
    with transaction(engine) as connection:
        assert list_revisions(connection, "acme", limit=1)[0].number == 1


def test_a_plan_that_is_no_longer_the_one_that_waits_is_not_approved(
    refused: PendingPlan, engine: Engine
) -> None:
    with pytest.raises(StalePlan, match=f"its digest is {refused.digest}, not 0123456789ab"):
        approve(engine, "0123456789ab")
    assert pending(engine)[0].approved_by is None


def test_where_nothing_waits_nothing_is_approved(engine: Engine) -> None:
    with pytest.raises(NotFound, match="No plan of project acme waits"):
        approve(engine, "0123456789ab")


def test_a_change_that_is_taken_back_waits_no_more(
    refused: PendingPlan, root: Path, engine: Engine, reported: Callable[[], Outcome]
) -> None:
    assert refused.reason
    (root / "jobs.d" / "ops.yaml").write_text(JOBS, "utf-8")
    assert reported().state == ConfigState.IN_FORCE
    assert pending(engine) == ()


def test_deletions_that_are_too_many_by_themselves_are_applied_when_they_are_approved(
    root: Path, engine: Engine, reported: Callable[[], Outcome]
) -> None:
    assert reported().state == ConfigState.IN_FORCE
    (root / "jobs.d" / "ops.yaml").write_text("version: 1\nnamespace: ops\njobs: {}\n", "utf-8")
    assert reported().state == ConfigState.REFUSED
    approve(engine, pending(engine)[0].digest)
    assert reported().state == ConfigState.IN_FORCE
