"""What waits and what was applied, on its pages."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from jobrunner.db.engine import transaction
from jobrunner.db.history import list_revisions
from jobrunner.db.pending import read_pending
from jobrunner.errors import GuardRefused
from jobrunner.reconcile import (
    ApplyOptions,
    Desired,
    Drift,
    apply_project,
    find_drift,
    read_desired,
    reading,
)
from jobrunner.recording import record_due
from jobrunner.watch.approving import apply_or_leave
from jobrunner.web.app import make_app
from jobrunner.web.comparisons import Comparison, Comparisons, Look
from jobrunner.web.context import Web
from jobrunner.web.pages.diff import change_rows
from tests.ledger import NOON
from tests.waiting import wait_until
from tests.web.conftest import SETTINGS, Headers

Sign = Callable[..., Headers]
JOBS = """\
version: 1
namespace: {namespace}
jobs:
  report:
    task: app.report
    kwargs: {{region: eu}}
    schedule: "30 5 * * *"
  old: {{task: app.old}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of a project that is in force as revision 1."""
    (tmp_path / "jobs.d").mkdir()
    for namespace in ("ops", "shop"):
        write(tmp_path, namespace, JOBS.format(namespace=namespace))
    (tmp_path / "jobrunner.yaml").write_text("project: acme\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def applied(root: Path, engine: Engine) -> Path:
    """The same, and revision 2 with another region of `ops/report`, without `ops/old`."""
    apply(engine, root)
    changed = JOBS.format(namespace="ops").replace("region: eu", "region: us")
    write(root, "ops", changed.partition("  old:")[0])
    apply(engine, root)
    return root


@pytest.fixture
def waiting(root: Path, engine: Engine) -> str:
    """The digest of a plan that waits: another time for `ops/report`."""
    apply(engine, root)
    write(root, "ops", JOBS.format(namespace="ops").replace("30 5 * * *", "0 6 * * *"))
    (root / "jobrunner.yaml").write_text("project: acme\nguards: {require_plan: true}\n", "utf-8")
    with pytest.raises(GuardRefused):
        apply_or_leave(engine, desired(root), ApplyOptions(author="watcher"))
    with transaction(engine) as connection:
        return read_pending(connection)[0].digest


def write(root: Path, namespace: str, content: str) -> None:
    (root / "jobs.d" / f"{namespace}.yaml").write_text(content, encoding="utf-8")


def desired(root: Path) -> Desired:
    return read_desired(config=None, working_directory=root)


def apply(engine: Engine, root: Path) -> None:
    options = ApplyOptions(author="grace", git_commit="4f2c9e1b7d", allow_deletes=5)
    apply_project(engine, desired(root), options=options, record_due=record_due)


def digest_on(page: str) -> str:
    return page.partition('name="digest" value="')[2].partition('"')[0]


def revisions(engine: Engine) -> list[tuple[int, str, int | None]]:
    with transaction(engine) as connection:
        found = list_revisions(connection, "acme", limit=10)
    return [(one.number, one.author, one.rolled_back_to) for one in found]


def acts(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT actor, action, target FROM jobrunner.audit WHERE actor = 'ada'")
        )
        return [(row.actor, row.action, row.target) for row in rows]


def test_what_waits_is_shown_as_a_diff_with_the_reason(
    waiting: str, client: TestClient, sign: Sign
) -> None:
    shown = client.get("/changes", headers=sign("admin")).text
    assert "Project acme is applied only by a plan that somebody has looked at." in shown
    assert "<del>&#34;30 5 * * *&#34;</del>" in shown
    assert '<ins>&#34;0 6 * * *&#34;</ins> <span class="quiet">:7</span>' in shown
    assert digest_on(shown) == waiting


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"line": 8, "file": None}, ":8"),
        ({"line": 3, "file": "jobrunner.yaml"}, "jobrunner.yaml:3"),
        ({"line": 8}, ":8"),  # as older revisions have kept it
        ({"line": None, "file": None}, ""),
    ],
)
def test_a_field_shows_the_file_that_gives_it_where_it_is_another_one(
    given: dict[str, object], place: str
) -> None:
    field = {"path": "queue", "kind": "changed", "old": "a", "new": "b", **given}
    change = {"action": "update", "address": "acme/a", "file": "jobs.d/a.yaml", "line": 4}
    (row,) = change_rows([{**change, "fields": [field]}])
    assert [one.place for one in row.fields] == [place]


def test_a_pause_that_begins_or_ends_with_an_edit_is_told_as_such() -> None:
    change = {"action": "update", "address": "acme/a", "file": "jobs.d/a.yaml", "line": 4}
    of_job = {"scope": "job", "target": "acme/a", "paused_by": "ada"}
    of_queue = {"scope": "queue", "target": "slow", "paused_by": "ada", "new": True}
    of_tag = {"scope": "tag", "target": "night", "paused_by": "ada"}
    (row,) = change_rows([{**change, "pauses": [of_job, of_queue], "pauses_left": [of_tag]}])
    assert row.notes == (
        "is paused by ada; stays paused",
        "queue slow is paused by ada; will be paused",
        "tag night is paused by ada; leaves it",
    )


def test_an_approval_is_kept_with_who_gave_it(
    waiting: str, client: TestClient, sign: Sign, engine: Engine
) -> None:
    answer = client.post(
        "/changes/acme/approve",
        data={"digest": waiting},
        headers=sign("admin"),
        follow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/changes?said=approved")
    with transaction(engine) as connection:
        assert read_pending(connection)[0].approved_by == "ada"
    assert acts(engine) == [("ada", "plan.approve", "acme")]


@pytest.mark.parametrize(("digest", "status"), [("0123456789ab", 412), ("", 422)])
def test_another_plan_than_the_one_that_waits_is_not_approved(
    waiting: str, client: TestClient, sign: Sign, engine: Engine, digest: str, status: int
) -> None:
    assert waiting != digest
    answer = client.post("/changes/acme/approve", data={"digest": digest}, headers=sign("admin"))
    assert answer.status_code == status
    with transaction(engine) as connection:
        assert read_pending(connection)[0].approved_by is None
    assert acts(engine) == []


@pytest.mark.parametrize("limits", [{"role": "operator"}, {"namespaces": ["ops"]}])
def test_who_is_no_administrator_of_all_finds_no_button(
    waiting: str, client: TestClient, sign: Sign, limits: dict[str, object]
) -> None:
    shown = client.get("/changes", headers=sign(**limits)).text
    assert ("ops/report" in shown, waiting in shown, digest_on(shown)) == (True, True, "")


@pytest.mark.usefixtures("waiting")
def test_fault_82_nothing_of_another_namespace_is_shown(client: TestClient, sign: Sign) -> None:
    headers = sign("viewer", namespaces=["other"])
    shown = client.get("/changes", headers=headers).text
    assert [word for word in ("ops/", "shop/", "revisions/") if word in shown] == []
    hidden = client.get("/changes/acme/revisions/1", headers=headers)
    missing = client.get("/changes/acme/revisions/9", headers=headers)
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.text == missing.text.replace("revision 9", "revision 1")


@pytest.mark.parametrize("path", ["/changes", "/api/v1/plan"])
def test_fault_82_the_reason_of_a_guard_names_no_job_of_another_namespace(
    root: Path, client: TestClient, sign: Sign, engine: Engine, path: str
) -> None:
    apply(engine, root)
    for namespace in ("ops", "shop"):
        write(root, namespace, f"version: 1\nnamespace: {namespace}\njobs: {{}}\n")
    with pytest.raises(GuardRefused, match="ops/report"):
        apply_or_leave(engine, desired(root), ApplyOptions(author="watcher"))
    shown = client.get(path, headers=sign("viewer", namespaces=["shop"])).text
    assert ("shop/report" in shown, "ops/report" in shown) == (True, False)
    assert "A guard asks for a person." in shown


@pytest.mark.usefixtures("applied")
def test_a_revision_tells_who_applied_what_from_which_commit(
    client: TestClient, sign: Sign
) -> None:
    shown = client.get("/changes/acme/revisions/2", headers=sign("viewer")).text
    parts = [
        "by grace",
        "4f2c9e1b7d",
        "<del>&#34;eu&#34;</del>",
        "<ins>&#34;us&#34;</ins>",
        "ops/old",
    ]
    assert [part for part in parts if part not in shown] == []


@pytest.mark.usefixtures("applied")
def test_a_viewer_of_one_namespace_sees_its_part_of_a_revision(
    client: TestClient, sign: Sign
) -> None:
    shown = client.get(
        "/changes/acme/revisions/1", headers=sign("viewer", namespaces=["shop"])
    ).text
    assert ("shop/report" in shown, "ops/report" in shown) == (True, False)


def test_of_many_changes_new_jobs_are_folded_and_others_are_not(
    root: Path, client: TestClient, sign: Sign, engine: Engine
) -> None:
    apply(engine, root)
    new = "".join(f"  job-{number}: {{task: app.new}}\n" for number in range(20))
    write(root, "ops", JOBS.format(namespace="ops").replace("region: eu", "region: us") + new)
    apply(engine, root)
    few = client.get("/changes/acme/revisions/1", headers=sign("viewer")).text
    many = client.get("/changes/acme/revisions/2", headers=sign("viewer")).text
    assert (few.count("<details>"), many.count("<details>")) == (0, 20)
    assert "<ins>&#34;us&#34;</ins>" in many.rpartition("</details>")[2]


@pytest.mark.usefixtures("applied")
def test_a_rollback_is_shown_first_and_does_what_was_shown(
    client: TestClient, sign: Sign, engine: Engine
) -> None:
    path, headers = "/changes/acme/revisions/1/rollback", sign("admin")
    shown = client.get(path, headers=headers).text
    assert "<ins>&#34;eu&#34;</ins>" in shown
    answer = client.post(
        path, data={"digest": digest_on(shown)}, headers=headers, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/changes?said=rolled+back")
    assert revisions(engine)[0] == (3, "ada", 1)
    assert acts(engine) == [("ada", "rollback", "acme")]


@pytest.mark.usefixtures("applied")
def test_a_job_that_a_plan_would_create_is_no_link_before_it_is_there(
    client: TestClient, sign: Sign
) -> None:
    created, path = 'href="/jobs/ops/old"', "/changes/acme/revisions/1"
    assert created in client.get(path, headers=sign("admin")).text
    shown = client.get(f"{path}/rollback", headers=sign("admin")).text
    assert ("ops/old" in shown, created in shown) == (True, False)
    assert 'href="/jobs/ops/report"' in shown


def test_a_rollback_whose_plan_has_changed_since_does_nothing(
    applied: Path, client: TestClient, sign: Sign, engine: Engine
) -> None:
    path, headers = "/changes/acme/revisions/1/rollback", sign("admin")
    digest = digest_on(client.get(path, headers=headers).text)
    write(applied, "shop", JOBS.format(namespace="shop").replace("region: eu", "region: fr"))
    apply(engine, applied)
    assert client.post(path, data={"digest": digest}, headers=headers).status_code == 412
    assert [number for number, _, _ in revisions(engine)] == [3, 2, 1]
    assert acts(engine) == []


@pytest.mark.usefixtures("applied")
def test_a_change_in_the_database_is_shown_as_drift(
    client: TestClient, sign: Sign, engine: Engine
) -> None:
    headers = sign("viewer")
    assert (
        "as the last apply has left it" in client.get("/changes/acme/drift", headers=headers).text
    )
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.jobs SET queue = 'elsewhere' WHERE name = 'old'"))
        connection.execute(
            text("UPDATE jobrunner.jobs SET queue = 'mine' WHERE address = 'ops/report'")
        )
    shown = client.get("/changes/acme/drift", headers=headers).text
    assert "<del>&#34;mine&#34;</del>" in shown


@pytest.mark.usefixtures("applied")
def test_drift_of_an_applied_project_is_told_to_programs(
    client: TestClient, sign: Sign, engine: Engine
) -> None:
    headers = sign("viewer")
    before = client.get("/api/v1/plan/drift", headers=headers).json()
    assert (before["project"], before["revision"], before["drift"]) == ("acme", 2, False)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE jobrunner.jobs SET queue = 'mine' WHERE address = 'ops/report'")
        )
    after = client.get("/api/v1/plan/drift?project=acme", headers=headers).json()
    assert [change["address"] for change in after["changes"]] == ["ops/report"]
    assert before["compared_at"] < after["compared_at"]


@pytest.mark.usefixtures("applied")
def test_drift_of_a_project_that_was_never_applied_is_404(client: TestClient, sign: Sign) -> None:
    answer = client.get("/api/v1/plan/drift?project=nobodys", headers=sign("viewer"))
    assert answer.status_code == 404
    assert answer.json()["title"] == "Project nobodys was never applied to this database."


@pytest.mark.usefixtures("applied")
def test_a_program_that_waits_too_long_for_a_comparison_is_told_to_ask_again(
    client: TestClient, sign: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()

    def never(*_: object) -> Comparison:
        may_end.wait(60)
        raise AssertionError

    monkeypatch.setattr("jobrunner.web.api.plans._COMPARED_WITHIN_SECONDS", 0)
    monkeypatch.setattr("jobrunner.web.api.plans.compare", never)
    answer = client.get("/api/v1/plan/drift", headers=sign("viewer"))
    may_end.set()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.usefixtures("applied")
def test_a_page_does_not_wait_for_a_long_comparison(engine: Engine, sign: Sign) -> None:
    web = Web(SETTINGS, engine, comparisons=Comparisons(patience_seconds=0))
    with TestClient(make_app(web), base_url="http://127.0.0.1") as client:
        shown = client.get("/changes/acme/drift", headers=sign("viewer")).text
    assert "Being compared now" in shown
    assert 'hx-get="/changes/acme/drift"' in shown
    assert "as the last apply has left it" not in shown


@pytest.mark.usefixtures("applied")
def test_revisions_come_by_the_page(
    client: TestClient, sign: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.web.pages.changes._REVISIONS_ON_PAGE", 1)
    first = client.get("/changes", headers=sign("viewer")).text
    assert 'href="/changes?project=acme&amp;before=2"' in first
    second = client.get("/changes?project=acme&before=2", headers=sign("viewer")).text
    assert ("revisions/2" in second, "revisions/1" in second) == (False, True)


def test_where_nothing_was_applied_the_page_says_what_to_type(
    client: TestClient, sign: Sign
) -> None:
    assert "jobrunner plan" in client.get("/changes", headers=sign("viewer")).text


def test_fault_79_what_stands_in_a_file_is_text_on_the_page(
    root: Path, client: TestClient, sign: Sign, engine: Engine
) -> None:
    write(root, "ops", JOBS.format(namespace="ops").replace("eu", "'<script>alert(1)</script>'"))
    apply(engine, root)
    shown = client.get("/changes/acme/revisions/1", headers=sign("viewer")).text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown


@pytest.fixture
def drift(root: Path, engine: Engine) -> Drift:
    apply(engine, root)
    with reading(engine) as connection:
        return find_drift(connection, "acme")


def test_the_last_comparison_is_shown_while_the_next_one_is_made(drift: Drift) -> None:
    first, second = Comparison(drift, NOON), Comparison(drift, NOON + timedelta(minutes=1))
    comparisons, may_end = Comparisons(patience_seconds=0), threading.Event()

    def compare() -> Comparison:
        may_end.wait(60)
        return second

    def ended() -> bool:
        return not comparisons.look("acme", compare, is_again=True).goes_on

    comparisons.look("acme", lambda: first, is_again=False)
    wait_until(ended)
    assert comparisons.look("acme", compare, is_again=False) == Look(first, goes_on=True)
    may_end.set()
    wait_until(ended)
    assert comparisons.look("acme", compare, is_again=True) == Look(second, goes_on=False)


def test_a_program_gets_the_last_comparison_when_the_next_one_takes_too_long(drift: Drift) -> None:
    first = Comparison(drift, NOON)
    comparisons, may_end = Comparisons(), threading.Event()

    def compare() -> Comparison:
        may_end.wait(60)
        return Comparison(drift, NOON + timedelta(minutes=1))

    assert asyncio.run(comparisons.wait("acme", lambda: first, timeout_seconds=60)) == first
    assert asyncio.run(comparisons.wait("acme", compare, timeout_seconds=0)) == first
    may_end.set()


def test_who_looks_again_begins_no_other_comparison(drift: Drift) -> None:
    first, second = Comparison(drift, NOON), Comparison(drift, NOON + timedelta(minutes=1))
    comparisons = Comparisons(patience_seconds=60)
    comparisons.look("acme", lambda: first, is_again=False)
    assert comparisons.look("acme", lambda: second, is_again=True).newest == first
    assert comparisons.look("acme", lambda: second, is_again=False).newest == second
