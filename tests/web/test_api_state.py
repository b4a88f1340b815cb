"""Queues, workers, plans, revisions and the status over the API."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from starlette.testclient import TestClient

from jobrunner.db import pauses, tables
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.processes import sign_in
from jobrunner.db.projects import API_OWNER
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from tests.ledger import Ledger
from tests.web.conftest import SETTINGS, Headers

Sign = Callable[..., Headers]
THEIRS = {"scope": "namespace", "target": "other", "paused_by": "ada"}
CHANGES = [
    {
        "address": "test/job", "action": "update", "moved_from": "other/old",
        "pauses": [], "pauses_left": [THEIRS],
    },
    {"address": "other/job", "action": "create", "pauses": [{**THEIRS, "new": True}]},
]  # fmt: skip


@pytest.fixture
def project_id(ledger: Ledger, engine: Engine) -> int:
    """The project `test`, with a job."""
    ledger.add_job()
    with engine.begin() as connection:
        return int(connection.execute(select(tables.projects.c.id)).scalar_one())


@pytest.fixture
def revision(project_id: int, engine: Engine) -> None:
    """Revision 1, with changes in two namespaces."""
    values: dict[str, Any] = {"project_id": project_id, "author": "ada", "digest": "d"}
    with engine.begin() as connection:
        connection.execute(insert(tables.revisions).values(number=1, changes=CHANGES, **values))


@pytest.mark.usefixtures("revision")
def test_a_revision_is_shown_with_its_diff(client: TestClient, sign: Sign) -> None:
    listed = client.get("/api/v1/revisions", headers=sign("viewer")).json()["items"]
    one = client.get("/api/v1/revisions/test/1", headers=sign("viewer")).json()
    assert [(r["project"], r["number"], r["counts"]) for r in listed] == [
        ("test", 1, {"create": 1, "update": 1})
    ]
    assert one["changes"] == CHANGES


@pytest.mark.usefixtures("revision")
def test_fault_82_a_revision_shows_no_job_of_another_namespace(
    client: TestClient, sign: Sign
) -> None:
    limited = sign("viewer", namespaces=["test"])
    listed = client.get("/api/v1/revisions", headers=limited).json()["items"]
    one = client.get("/api/v1/revisions/test/1", headers=limited)
    assert listed[0]["counts"] == one.json()["counts"] == {"update": 1}
    assert "other" not in one.text


@pytest.mark.usefixtures("revision")
def test_a_revision_of_other_namespaces_alone_does_not_exist(
    client: TestClient, sign: Sign
) -> None:
    elsewhere = sign("viewer", namespaces=["third"])
    assert client.get("/api/v1/revisions", headers=elsewhere).json()["items"] == []
    hidden = client.get("/api/v1/revisions/test/1", headers=elsewhere)
    missing = client.get("/api/v1/revisions/test/2", headers=elsewhere)
    assert hidden.text.replace("revision 1", "revision 2") == missing.text


@pytest.mark.usefixtures("revision")
def test_pages_of_revisions_follow_each_other(
    client: TestClient, sign: Sign, engine: Engine, project_id: int
) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(tables.revisions).values(
                project_id=project_id, number=2, author="ada", digest="e", changes=CHANGES
            )
        )
    viewer = sign("viewer")
    first = client.get("/api/v1/revisions?limit=1", headers=viewer).json()
    rest = client.get(f"/api/v1/revisions?cursor={first['next_cursor']}", headers=viewer).json()
    assert [r["number"] for r in first["items"] + rest["items"]] == [2, 1]


def test_a_plan_that_waits_is_shown_as_far_as_the_caller_sees(
    client: TestClient, sign: Sign, engine: Engine, project_id: int
) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(tables.pending_plans).values(
                project_id=project_id,
                digest="d",
                plan={"changes": CHANGES},
                reason="guard",
                made_by="watch",
            )
        )
    whole = client.get("/api/v1/plan", headers=sign("viewer")).json()["items"]
    part = client.get("/api/v1/plan", headers=sign("viewer", namespaces=["other"])).json()["items"]
    assert (whole[0]["reason"], whole[0]["changes"]) == ("guard", CHANGES)
    assert [change["address"] for change in part[0]["changes"]] == ["other/job"]


def test_a_queue_says_what_waits_in_it(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    ledger.add_run(ledger.add_job(queue="slow"), queue="slow")
    listed = client.get("/api/v1/queues", headers=sign("viewer")).json()["items"]
    assert [(one["name"], one["waiting"], one["is_deserted"]) for one in listed] == [
        ("slow", 1, True)
    ]


def test_a_worker_shows_only_the_runs_that_the_caller_sees(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "worker", name="worker@test", details={"concurrency": 2})
    job_id = ledger.add_job()
    own, other = ledger.add_run(job_id, created_by="bob"), ledger.add_run(job_id)
    ledger.claim(own)
    ledger.claim(other)
    url = "/api/v1/workers"
    viewer = client.get(url, headers=sign("viewer")).json()["items"][0]
    bob = client.get(url, headers=sign("viewer", subject="bob", own_runs_only=True)).json()
    elsewhere = client.get(url, headers=sign("viewer", namespaces=["other"])).json()
    assert {run["run_id"] for run in viewer["runs"]} == {str(own), str(other)}
    assert [run["run_id"] for run in bob["items"][0]["runs"]] == [str(own)]
    assert (elsewhere["items"][0]["busy"], elsewhere["items"][0]["runs"]) == (2, [])


def test_the_status_tells_figures_and_the_pauses_that_the_caller_sees(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    ledger.add_run(ledger.add_job())
    with transaction(engine) as connection:
        pauses.pause(connection, "job", "test/job", reason="", paused_by="ada", until=None)
    url = "/api/v1/status"
    whole = client.get(url, headers=sign("viewer")).json()
    part = client.get(url, headers=sign("viewer", namespaces=["other"])).json()
    own = client.get(url, headers=sign("viewer", own_runs_only=True)).json()
    assert (whole["jobs"], whole["runs"]["queued"], len(whole["pauses"])) == (1, 1, 1)
    assert part["pauses"] == []
    assert own["runs"] is None


def test_the_owner_of_the_apis_jobs_is_no_project(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    ledger.add_job()
    with transaction(engine) as connection:
        connection.execute(insert(tables.projects).values(name=API_OWNER))
    told = client.get("/api/v1/status", headers=sign("viewer")).json()
    assert [one["name"] for one in told["projects"]] == ["test"]


def test_a_process_without_its_database_is_alive_and_not_ready() -> None:
    engine = make_engine("postgresql://127.0.0.1:1/none", application_name="tests")
    with TestClient(make_app(Web(SETTINGS, engine)), base_url="http://127.0.0.1") as client:
        assert client.get("/api/v1/health").json() == {"status": "ok"}
        ready = client.get("/api/v1/health/ready")
    assert (ready.status_code, ready.json()) == (503, {"status": "unready"})
