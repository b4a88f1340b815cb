"""The paths and shapes of a Celery dashboard: what they tell."""

import re
import uuid
from typing import Any

import pytest
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from jobrunner.db import tables
from jobrunner.db.engine import database_now, transaction
from jobrunner.db.processes import Process, sign_in
from tests.contrib.dashboard_host import (
    PREFIX,
    Sign,
    call,
    client,
    execute,
    job_id,
    of_host,
    settings,
)
from tests.ledger import Ledger
from tests.web.conftest import Headers, ledger, sign

__all__ = ["client", "job_id", "ledger", "settings", "sign"]

# --- How the whole is doing ---------------------------------------------------------------------------


def sign_in_worker(engine: Engine, *, queues: tuple[str, ...] = ("default",)) -> Process:
    details = {
        "queues": list(queues),
        "concurrency": 2,
        "processes": [11, 12],
        "taken": {"test/job": 3, "other/job": 1},
    }
    with transaction(engine) as connection:
        sign_in(connection, "beat")
        return sign_in(connection, "worker", name="worker@test", details=details)


def get(client: TestClient, path: str, headers: Headers) -> Any:
    answer = client.get(f"{PREFIX}/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def without_timestamp(told: dict[str, Any]) -> dict[str, Any]:
    assert told.pop("timestamp").endswith("Z")
    return told


def test_the_status_of_a_system_that_is_well(
    client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID, engine: Engine
) -> None:
    sign_in_worker(engine)
    with transaction(engine) as connection:
        now = database_now(connection)
    for state in ("succeeded", "succeeded", "succeeded", "failed"):
        ledger.end_run(ledger.add_run(job_id, scheduled_for=now), state)
    ledger.claim(ledger.add_run(job_id))
    assert without_timestamp(get(client, "status/", sign("viewer"))) == {
        "status": "healthy",
        "message": "Workers and beat are online.",
        "worker_count": 1,
        "active_tasks": 1,
        "success_rate": 75.0,
    }


def test_without_a_worker_the_status_is_an_error(client: TestClient, sign: Sign) -> None:
    told = get(client, "status/", sign("viewer"))
    assert (told["status"], told["message"]) == ("error", "No worker is online.")


def test_a_queue_that_nobody_serves_is_a_warning(
    client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID, engine: Engine
) -> None:
    sign_in_worker(engine)
    ledger.add_run(job_id, queue="lonely")
    told = get(client, "status/", sign("viewer"))
    assert told["status"] == "warning"
    assert "lonely" in told["message"]


def test_figures_of_all_runs_are_not_for_who_sees_his_own(client: TestClient) -> None:
    told = get(client, "status/", of_host("ada"))
    assert (told["active_tasks"], told["success_rate"]) == (None, None)


def test_workers_with_what_they_run(
    client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID, engine: Engine
) -> None:
    sign_in_worker(engine)
    run_id = ledger.add_run(job_id)
    ledger.claim(run_id)
    told = get(client, "workers/", sign("viewer", namespaces=["test"]))
    assert without_timestamp(told) == {
        "workers": {
            "count": 1,
            "details": {"worker@test": [{"name": "test/job", "id": str(run_id)}]},
        },
        "stats": {
            "worker@test": {
                "total": {"test/job": 3},
                "pool": {"max-concurrency": 2, "processes": [11, 12]},
            }
        },
    }


def test_queues_with_who_serves_them(
    client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID, engine: Engine
) -> None:
    sign_in_worker(engine, queues=("default", "spare"))
    ledger.add_run(job_id)
    assert without_timestamp(get(client, "queues/", sign("viewer"))) == {
        "queues": {
            "default": {"name": "default", "workers": ["worker@test"], "count": 1},
            "spare": {"name": "spare", "workers": ["worker@test"], "count": 0},
        },
        "total_queues": 2,
    }


def test_the_health_check_names_each_part(client: TestClient, sign: Sign, engine: Engine) -> None:
    before = client.post(f"{PREFIX}/health_check/", headers=sign("viewer"))
    sign_in_worker(engine)
    after = client.post(f"{PREFIX}/health_check/", headers=sign("viewer"))
    assert (before.status_code, before.json()["checks"]) == (
        503,
        {"database": True, "scheduler": False, "broker": True, "workers": False},
    )
    assert (after.status_code, after.json()["status"]) == (200, "healthy")


@pytest.mark.usefixtures("job_id")
def test_figures_by_the_names_of_celery_dashboards_and_by_jobrunners(
    client: TestClient, sign: Sign
) -> None:
    told = client.get(f"{PREFIX}/metrics/prometheus/", headers=sign("viewer")).text
    assert re.findall(r"# TYPE (celery_\w+) (\w+)", told) == [
        ("celery_workers_count", "gauge"),
        ("celery_queues_backlog", "gauge"),
        ("celery_tasks_total", "counter"),
        ("celery_task_errors_total", "counter"),
        ("celery_task_duration_seconds", "histogram"),
    ]
    assert "# TYPE jobrunner_runs_total counter" in told


@pytest.mark.usefixtures("job_id")
@pytest.mark.parametrize("path", ["workers/", "queues/", "tasks/"])
def test_what_has_not_changed_is_not_sent_again(path: str, client: TestClient, sign: Sign) -> None:
    headers = sign("viewer")
    tag = client.get(f"{PREFIX}/{path}", headers=headers).headers["etag"]
    asked = {**headers, "If-None-Match": tag}
    assert client.get(f"{PREFIX}/{path}", headers=asked).status_code == 304


def test_what_has_changed_is_sent_again(
    client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID
) -> None:
    headers = sign("viewer")
    tag = client.get(f"{PREFIX}/tasks/", headers=headers).headers["etag"]
    ledger.add_run(job_id)
    asked = client.get(f"{PREFIX}/tasks/", headers={**headers, "If-None-Match": tag})
    assert asked.json()["count"] == 1


# --- Runs in Celery's words ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("succeeded", "SUCCESS"),
        ("failed", "FAILURE"),
        ("lost", "FAILURE"),
        ("cancelled", "REVOKED"),
        ("expired", "REVOKED"),
        ("skipped", "REVOKED"),
        ("missed", "REVOKED"),
        ("handed_over", "PENDING"),
    ],
)
def test_what_is_over_has_celerys_state(
    state: str, told: str, client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID
) -> None:
    run_id = ledger.add_run(job_id)
    ledger.end_run(run_id, state)
    assert get(client, f"tasks/{run_id}/", sign("viewer"))["status"] == told


def test_what_waits_runs_and_is_tried_again_has_celerys_state(
    client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID
) -> None:
    waits, runs, tried = (ledger.add_run(job_id) for _ in range(3))
    ledger.claim(runs)
    ledger.change_run(tried, attempt=1)
    told = {one["task_id"]: one["status"] for one in get(client, "tasks/", sign())["tasks"]}
    assert told == {str(waits): "PENDING", str(runs): "STARTED", str(tried): "RETRY"}


def test_no_more_tasks_are_listed_than_were_asked_for(
    client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID
) -> None:
    for _ in range(3):
        ledger.add_run(job_id)
    told = get(client, "tasks/?limit=2", sign("viewer"))
    assert (len(told["tasks"]), told["count"]) == (2, 2)
    assert set(told["tasks"][0]) == {
        "task_id", "name", "status", "duration", "started_at", "completed_at",
    }  # fmt: skip


def test_whoever_waits_for_a_task_is_told_when_to_look_again(
    client: TestClient, sign: Sign, ledger: Ledger, job_id: uuid.UUID
) -> None:
    run_id = ledger.add_run(job_id)
    waits = call(client, "GET /tasks/{task_id}/", sign("viewer"), run_id)
    ledger.end_run(run_id, "succeeded", result={"rows": 3})
    over = call(client, "GET /tasks/{task_id}/", sign("viewer"), run_id)
    assert (waits.headers.get("retry-after"), over.headers.get("retry-after")) == ("2", None)
    assert over.json()["result"] == {"rows": 3}


# --- A run that is asked for --------------------------------------------------------------------------


@pytest.mark.usefixtures("job_id")
def test_a_job_is_started_by_its_address(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    headers = sign("operator", subject="ada")
    answer = execute(client, headers, "test/job", kwargs={"days": 3})
    told = answer.json()
    assert answer.status_code == 202
    assert (told["name"], told["status"]) == ("test/job", "PENDING")
    assert answer.headers["location"] == f"{PREFIX}/tasks/{told['task_id']}/"
    run = ledger.run(uuid.UUID(told["task_id"]))
    assert (run["kwargs"], run["created_by"]) == ({"days": 3}, "ada")
    assert client.get(answer.headers["location"], headers=headers).status_code == 200


@pytest.mark.usefixtures("job_id")
def test_a_job_is_started_by_the_task_that_only_it_calls(client: TestClient, sign: Sign) -> None:
    assert execute(client, sign("operator"), "acme.task").json()["name"] == "test/job"


@pytest.mark.usefixtures("job_id")
def test_a_task_that_several_jobs_call_names_them(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job(name="twin")
    answer = execute(client, sign("operator"), "acme.task")
    assert answer.status_code == 409
    assert "test/job, test/twin" in answer.json()["title"]


@pytest.mark.usefixtures("job_id")
@pytest.mark.parametrize("name", ["acme.unknown", "test/unknown"])
def test_what_is_not_there_is_not_found(name: str, client: TestClient, sign: Sign) -> None:
    assert execute(client, sign("operator"), name).status_code == 404


def test_arguments_by_position_get_the_names_of_the_callables(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job("examples.demo.tasks.greet", name="greet")
    told = execute(client, sign("operator"), "test/greet", args=["Ada"]).json()
    assert ledger.run(uuid.UUID(told["task_id"]))["kwargs"] == {"name": "Ada"}


@pytest.mark.parametrize(
    ("task", "told"), [("acme.task", "is not known here"), ("examples.demo.tasks.greet", "takes 1")]
)
def test_arguments_by_position_that_fit_nothing_are_refused(
    task: str, told: str, client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job(task, name="greet")
    answer = execute(client, sign("operator"), "test/greet", args=["Ada", "Bob"])
    assert answer.status_code == 422
    assert told in answer.json()["title"]
    assert ledger.run_ids() == []


@pytest.mark.usefixtures("job_id")
def test_a_run_for_somebody_else_is_his_own_and_the_audit_has_both(
    client: TestClient, sign: Sign, engine: Engine
) -> None:
    headers = sign("operator", subject="ada")
    task_id = execute(client, headers, "test/job", user="bob").json()["task_id"]
    assert call(client, "GET /tasks/{task_id}/", of_host("bob"), task_id).status_code == 200
    with transaction(engine) as connection:
        row = connection.execute(
            select(tables.audit).where(tables.audit.c.action == "run.trigger")
        ).one()
    assert (row.actor, row.details["for"]) == ("ada", "bob")


@pytest.mark.usefixtures("job_id")
def test_who_sees_only_his_own_runs_starts_no_other_ones(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    headers = sign("operator", subject="ada", own_runs_only=True)
    assert execute(client, headers, "test/job", user="bob").status_code == 403
    assert ledger.run_ids() == []
    assert execute(client, headers, "test/job", user="ada").status_code == 202


@pytest.mark.usefixtures("job_id")
def test_the_same_idempotency_key_is_one_run(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    headers = {**sign("operator"), "Idempotency-Key": "once"}
    told = [execute(client, headers, "test/job").json()["task_id"] for _ in range(3)]
    assert [str(run_id) for run_id in ledger.run_ids()] == list(set(told))
