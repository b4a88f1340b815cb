"""Jobs over the API."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from jobrunner.db import tables
from tests.ledger import Ledger
from tests.seeding import put_job
from tests.web.conftest import Headers

Sign = Callable[..., Headers]
JOB = "/api/v1/jobs/test/job"


def _addresses(client: TestClient, headers: Headers, query: str = "") -> list[str]:
    answer = client.get(f"/api/v1/jobs?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [job["address"] for job in answer.json()["items"]]


def test_pages_of_jobs_follow_each_other(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    for name in ("a", "b", "c"):
        ledger.add_job(name=name)
    first = client.get("/api/v1/jobs?limit=2", headers=sign("viewer")).json()
    rest = client.get(
        f"/api/v1/jobs?limit=2&cursor={first['next_cursor']}", headers=sign("viewer")
    ).json()
    assert [job["address"] for job in first["items"]] == ["test/a", "test/b"]
    assert [job["address"] for job in rest["items"]] == ["test/c"]
    assert rest["next_cursor"] is None


def test_a_filter_leaves_what_it_names(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    ledger.add_job(name="a", tags=["money"], owner="Ada", queue="slow")
    ledger.add_job(name="b")
    viewer = sign("viewer")
    assert _addresses(client, viewer, "tag=money") == ["test/a"]
    assert _addresses(client, viewer, "owner=Ada") == ["test/a"]
    assert _addresses(client, viewer, "queue=slow") == ["test/a"]
    assert _addresses(client, viewer, "text=MON") == ["test/a"]
    assert _addresses(client, viewer, "namespace=other") == []
    assert _addresses(client, viewer, "state=disabled") == []
    assert _addresses(client, viewer, "state=enabled&text=/b") == ["test/b"]


def test_a_job_whose_newest_run_failed_is_failing(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.end_run(ledger.add_run(ledger.add_job(name="bad")), "failed")
    ledger.end_run(ledger.add_run(ledger.add_job(name="good")), "succeeded")
    assert _addresses(client, sign("viewer"), "state=failing") == ["test/bad"]


def test_the_newest_run_of_another_one_is_not_told_to_who_sees_only_his_own(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_run(ledger.add_job(), created_by="ada")
    bob = sign("operator", subject="bob", own_runs_only=True)
    assert client.get("/api/v1/jobs", headers=bob).json()["items"][0]["last_run"] is None
    assert client.get(JOB, headers=bob).json()["last_run"] is None


def test_fault_77_a_filter_or_a_sort_that_is_none_is_refused_or_not_looked_at(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    viewer = sign("viewer")
    assert client.get("/api/v1/jobs?state=x' OR 1=1", headers=viewer).status_code == 422
    assert client.get("/api/v1/runs?state=failed;drop", headers=viewer).status_code == 422
    assert _addresses(client, viewer, "text=' OR 1=1 --") == []
    assert _addresses(client, viewer, "sort=name;drop table jobs") == ["test/job"]


def test_a_job_says_its_schedules_in_words_and_when_it_runs_next(
    client: TestClient, sign: Sign, engine: Engine
) -> None:
    put_job(engine, schedules=[{"cron": "30 5 * * *"}])
    viewer = sign("viewer")
    coming = client.get(f"{JOB}/next?count=2&after=2026-11-21T00:00:00Z", headers=viewer).json()
    assert (
        client.get(JOB, headers=viewer).json()["schedules"][0]["in_words"]
        == "at 05:30 every day, UTC"
    )
    assert [one["at"] for one in coming["items"]] == [
        "2026-11-21T05:30:00Z",
        "2026-11-22T05:30:00Z",
    ]


def test_a_trigger_makes_a_run_with_the_limits_of_its_job(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job(queue="slow", priority=7, expires=timedelta(minutes=5))
    answer = client.post(
        f"{JOB}/trigger", json={"kwargs": {"day": 1}}, headers=sign("operator", subject="ada")
    )
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/runs/{answer.json()['run_id']}"
    run = ledger.run(answer.json()["run_id"])
    assert (run["queue"], run["priority"], run["kwargs"]) == ("slow", 7, {"day": 1})
    assert run["expires_at"] - run["available_at"] == timedelta(minutes=5)
    assert (run["created_by"], run["trigger"]) == ("ada", "manual")


def test_a_trigger_is_in_the_audit_without_its_values(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    ledger.add_job()
    body = {"kwargs": {"password": "canary"}}
    made = client.post(f"{JOB}/trigger", json=body, headers=sign("operator")).json()
    with engine.begin() as connection:
        row = connection.execute(
            select(tables.audit).where(tables.audit.c.action == "run.trigger")
        ).one()
    assert (row.actor, row.target) == ("ada", "test/job")
    assert row.details == {"run": made["run_id"], "arguments": ["password"], "force": False}


def test_two_subjects_never_share_a_request_id(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job(overlap="allow")
    body = {"request_id": "one"}
    ada, bob = sign("operator", subject="ada"), sign("operator", subject="bob")
    first = client.post(f"{JOB}/trigger", json=body, headers=ada).json()
    again = client.post(f"{JOB}/trigger", json=body, headers=ada).json()
    other = client.post(f"{JOB}/trigger", json=body, headers=bob).json()
    assert again == {**first, "is_new": False}
    assert other["run_id"] != first["run_id"]


def test_an_idempotency_key_makes_one_run(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    ledger.add_job(overlap="allow")
    headers = {**sign("operator"), "Idempotency-Key": "k1"}
    first = client.post(f"{JOB}/trigger", json={}, headers=headers)
    second = client.post(f"{JOB}/trigger", json={}, headers=headers)
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    assert len(ledger.run_ids()) == 1


def test_fault_82_an_id_or_an_address_in_the_body_is_refused(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    operator = sign("operator")
    assert client.post(f"{JOB}/trigger", json={"job": "x/y"}, headers=operator).status_code == 422
    assert client.post(f"{JOB}/pause", json={"name": "x"}, headers=operator).status_code == 422
    assert ledger.run_ids() == []


def test_a_job_is_paused_with_a_reason_and_resumed(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    operator = sign("operator")
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    paused = client.post(
        f"{JOB}/pause", json={"reason": "disk", "until": until}, headers=operator
    ).json()
    assert (paused["reason"], paused["paused_by"]) == ("disk", "ada")
    assert client.get(JOB, headers=operator).json()["paused"] is True
    assert _addresses(client, operator, "state=paused") == ["test/job"]
    assert client.post(f"{JOB}/resume", headers=operator).status_code == 200
    assert client.get(JOB, headers=operator).json()["paused"] is False


def test_a_pause_that_would_be_over_is_refused(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    body = {"until": "2020-01-01T00:00:00Z"}
    assert client.post(f"{JOB}/pause", json=body, headers=sign("operator")).status_code == 422


PAUSES = "/api/v1/pauses"


@pytest.mark.parametrize(
    ("scope", "target"), [("tag", "team a/b"), ("queue", "default"), ("namespace", "test")]
)
def test_all_jobs_of_a_tag_a_queue_or_a_namespace_are_paused_and_resumed(
    client: TestClient, sign: Sign, ledger: Ledger, scope: str, target: str
) -> None:
    ledger.add_job(tags=["team a/b"])
    operator, what = sign("operator"), {"scope": scope, "target": target}
    made = client.post(PAUSES, json={**what, "reason": "disk"}, headers=operator)
    assert (made.status_code, made.json()["target"], made.json()["reason"]) == (200, target, "disk")
    assert _addresses(client, operator, "state=paused") == ["test/job"]
    assert client.get(PAUSES, headers=operator).json()["items"] == [made.json()]
    assert client.delete(PAUSES, params=what, headers=operator).status_code == 200
    assert _addresses(client, operator, "state=paused") == []
    assert client.delete(PAUSES, params=what, headers=operator).status_code == 409


def test_a_pause_of_what_no_job_has_is_not_found(client: TestClient, sign: Sign) -> None:
    body = {"scope": "tag", "target": "nobody"}
    assert client.post(PAUSES, json=body, headers=sign("operator")).status_code == 404


@pytest.mark.parametrize(
    ("scope", "target", "status"),
    [("tag", "night", 403), ("queue", "default", 403), ("namespace", "test", 404)],
)
def test_fault_82_who_is_limited_to_namespaces_holds_back_no_other_jobs(
    client: TestClient, sign: Sign, ledger: Ledger, scope: str, target: str, status: int
) -> None:
    ledger.add_job(tags=["night"])
    limited, what = sign("operator", namespaces=["other"]), {"scope": scope, "target": target}
    assert client.post(PAUSES, json=what, headers=limited).status_code == status
    assert client.delete(PAUSES, params=what, headers=limited).status_code == status


def test_a_backfill_gives_each_time_one_run(
    client: TestClient, sign: Sign, engine: Engine, ledger: Ledger
) -> None:
    put_job(engine, schedules=[{"every": "1h"}])
    body = {"start": "2026-01-01T00:00", "end": "2026-01-01T03:00"}
    first = client.post(f"{JOB}/backfill", json=body, headers=sign("operator")).json()
    again = client.post(f"{JOB}/backfill", json=body, headers=sign("operator")).json()
    assert (first["times"], first["created"]) == (3, 3)
    assert (again["created"], again["existed"]) == (0, 3)
    assert len(ledger.run_ids()) == 3


def test_a_dry_run_of_a_backfill_writes_nothing(
    client: TestClient, sign: Sign, engine: Engine, ledger: Ledger
) -> None:
    put_job(engine, schedules=[{"every": "1h"}])
    body = {"start": "2026-01-01T00:00", "end": "2026-01-01T03:00", "dry_run": True}
    told = client.post(f"{JOB}/backfill", json=body, headers=sign("operator")).json()
    assert (told["times"], told["backfill"]) == (3, None)
    assert ledger.run_ids() == []


def test_who_has_the_list_gets_304_until_something_changes(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    viewer = sign("viewer")
    tag = client.get("/api/v1/jobs", headers=viewer).headers["etag"]
    headers = {**viewer, "If-None-Match": tag}
    unchanged = client.get("/api/v1/jobs", headers=headers)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    ledger.add_run(job_id)
    assert client.get("/api/v1/jobs", headers=headers).status_code == 200
