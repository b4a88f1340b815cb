"""Changes of notifiers on the pages and in the API: of a whole project, and without an address."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from jobrunner.errors import GuardRefused
from jobrunner.reconcile import ApplyOptions, apply_project, read_desired
from jobrunner.recording import record_due
from jobrunner.watch.approving import apply_or_leave
from tests.web.conftest import Headers

Sign = Callable[..., Headers]
BEFORE = 'project: acme\nnotifiers: {oncall: {url: "https://hooks.example.com/T0/opens-a-door"}}\n'
AFTER = 'project: acme\nnotifiers: {oncall: {url: {secret: "env:ONCALL_URL"}}}\n'
SHOWN = "<del>https://hooks.example.com/… (14b5d48c)</del>"
OPTIONS = ApplyOptions(author="grace")


def write(root: Path, project_file: str) -> None:
    (root / "jobrunner.yaml").write_text(project_file, encoding="utf-8")


def apply(engine: Engine, root: Path) -> None:
    desired = read_desired(config=None, working_directory=root)
    apply_project(engine, desired, options=OPTIONS, record_due=record_due)


@pytest.fixture
def applied(engine: Engine, tmp_path: Path) -> Path:
    """A project with one notifier and one job, as revision 1."""
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "ops.yaml").write_text(
        "namespace: ops\njobs: {report: {task: app.report}}\n", encoding="utf-8"
    )
    write(tmp_path, BEFORE)
    apply(engine, tmp_path)
    return tmp_path


@pytest.fixture
def changed(engine: Engine, applied: Path) -> Path:
    """The same, and revision 2, which changes the notifier alone."""
    write(applied, AFTER)
    apply(engine, applied)
    return applied


@pytest.fixture
def edited(engine: Engine, changed: Path) -> Path:
    """The same, and an address that somebody has written into the database."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.notifiers SET url = '\"https://x.example/in\"'"))
    return changed


@pytest.mark.usefixtures("changed")
def test_a_revision_shows_whom_alerts_reach(client: TestClient, sign: Sign) -> None:
    page = client.get("/changes/acme/revisions/2", headers=sign("admin")).text
    assert SHOWN in page
    assert "<ins>(secret env:ONCALL_URL)</ins>" in page
    assert "jobrunner.yaml:2" in page
    assert "opens-a-door" not in page


@pytest.mark.usefixtures("changed")
def test_the_list_of_revisions_counts_notifiers(client: TestClient, sign: Sign) -> None:
    assert "1 notifier<" in client.get("/changes", headers=sign("admin")).text


@pytest.mark.usefixtures("changed")
def test_the_api_has_them_beside_the_changes_of_jobs(client: TestClient, sign: Sign) -> None:
    told = client.get("/api/v1/revisions/acme/2", headers=sign("admin")).json()
    assert (told["changes"], told["counts"]) == ([], {"notifier": 1})
    assert [(one["name"], one["new"]) for one in told["notifiers"]] == [
        ("oncall", {"secret": "env:ONCALL_URL"})
    ]


@pytest.mark.usefixtures("changed")
def test_a_revision_of_notifiers_alone_is_not_there_for_who_sees_a_namespace(
    client: TestClient, sign: Sign
) -> None:
    headers = sign("viewer", namespaces=("ops",))
    assert client.get("/api/v1/revisions/acme/2", headers=headers).status_code == 404
    assert client.get("/api/v1/revisions/acme/1", headers=headers).json()["notifiers"] == []


def test_a_plan_that_waits_shows_them(
    client: TestClient, sign: Sign, engine: Engine, applied: Path
) -> None:
    write(applied, f"{AFTER}guards: {{require_plan: true}}\n")
    with pytest.raises(GuardRefused):
        apply_or_leave(engine, read_desired(config=None, working_directory=applied), OPTIONS)
    assert SHOWN in client.get("/changes", headers=sign("admin")).text
    waiting = client.get("/api/v1/plan", headers=sign("admin")).json()["items"]
    assert [one["name"] for one in waiting[0]["notifiers"]] == ["oncall"]


@pytest.mark.usefixtures("edited")
def test_drift_names_an_address_that_no_apply_has_brought(client: TestClient, sign: Sign) -> None:
    told = client.get("/api/v1/plan/drift", headers=sign("admin")).json()
    assert told["drift"] is True
    assert [one["new"] for one in told["notifiers"]] == [{"secret": "env:ONCALL_URL"}]
    page = client.get("/changes/acme/drift", headers=sign("admin")).text
    assert "<ins>(secret env:ONCALL_URL)</ins>" in page


@pytest.mark.usefixtures("edited")
def test_drift_of_notifiers_is_none_of_who_sees_a_namespace(client: TestClient, sign: Sign) -> None:
    told = client.get("/api/v1/plan/drift", headers=sign("viewer", namespaces=("ops",))).json()
    assert (told["drift"], told["notifiers"]) == (False, [])
