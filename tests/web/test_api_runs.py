"""Runs over the API."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func
from starlette.testclient import TestClient

from jobrunner.db.engine import transaction
from jobrunner.db.totals import count_ended
from tests.ledger import NOON, Ledger
from tests.web.conftest import Headers

Sign = Callable[..., Headers]
RUNS = "/api/v1/runs"
MINUTE = timedelta(minutes=1)
RUNNING = {"lease_until": func.now(), "started_at": NOON}


def _ids(client: TestClient, headers: Headers, query: str = "") -> list[str]:
    answer = client.get(f"{RUNS}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [run["id"] for run in answer.json()["items"]]


def test_pages_of_runs_follow_each_other_with_the_newest_first(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    runs = [str(ledger.add_run(job_id, scheduled_for=NOON + i * MINUTE)) for i in range(3)]
    viewer = sign("viewer")
    first = client.get(f"{RUNS}?limit=2", headers=viewer).json()
    assert [run["id"] for run in first["items"]] == [runs[2], runs[1]]
    assert _ids(client, viewer, f"limit=2&cursor={first['next_cursor']}") == [runs[0]]


def test_runs_of_one_moment_are_each_on_one_page(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    runs = {str(ledger.add_run(job_id)) for _ in range(3)}
    first = client.get(f"{RUNS}?limit=1", headers=sign("viewer")).json()
    rest = _ids(client, sign("viewer"), f"cursor={first['next_cursor']}")
    assert {first["items"][0]["id"], *rest} == runs
    assert len(rest) == 2


def test_a_filter_leaves_the_runs_it_names(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    job_id, other_id = ledger.add_job(), ledger.add_job(name="other", queue="slow")
    failed = ledger.add_run(job_id)
    ledger.end_run(failed, "failed")
    other = ledger.add_run(other_id, queue="slow", scheduled_for=NOON - MINUTE)
    viewer = sign("viewer")
    assert _ids(client, viewer, "state=failed&state=lost") == [str(failed)]
    assert _ids(client, viewer, "queue=slow") == [str(other)]
    assert _ids(client, viewer, "job=test/other") == [str(other)]
    assert _ids(client, viewer, "namespace=test&until=2026-11-21T12:00:00Z") == [str(other)]
    assert _ids(client, viewer, "since=2026-11-21T12:00:00Z") == [str(failed)]
    assert _ids(client, viewer, "trigger=backfill") == []


def test_runs_of_a_schedule_are_found_by_its_name(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    schedule_id = ledger.add_schedule(job_id, "night")
    ledger.add_run(job_id)
    run_id = ledger.add_run(job_id, schedule_id=schedule_id, trigger="schedule")
    assert _ids(client, sign("viewer"), "job=test/job%23night") == [str(run_id)]


def test_runs_of_another_namespace_do_not_exist(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_run(ledger.add_job())
    elsewhere = sign("viewer", namespaces=["other"])
    assert _ids(client, elsewhere) == []
    assert _ids(client, elsewhere, "job=test/job") == []
    assert _ids(client, elsewhere, "namespace=test") == []


def test_who_sees_only_his_own_runs_is_shown_no_other(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    own = ledger.add_run(job_id, created_by="bob")
    ledger.add_run(job_id, created_by="ada")
    ledger.add_run(job_id)
    bob = sign("viewer", subject="bob", own_runs_only=True)
    assert _ids(client, bob) == [str(own)]
    assert _ids(client, bob, "job=test/job") == [str(own)]


def test_a_run_says_all_of_itself_and_when_to_look_again(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = ledger.add_run(ledger.add_job(), kwargs={"day": 1})
    ledger.claim(run_id)
    answer = client.get(f"{RUNS}/{run_id}", headers=sign("viewer"))
    assert answer.headers["retry-after"] == "2"
    run = answer.json()
    assert (run["job"], run["state"], run["kwargs"]) == ("test/job", "running", {"day": 1})
    assert (run["attempts"][0]["number"], run["definition"]["task"]) == (1, "acme.task")


def test_a_run_that_is_over_says_no_time_to_look_again(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.end_run(run_id, "succeeded")
    assert "retry-after" not in client.get(f"{RUNS}/{run_id}", headers=sign("viewer")).headers


def test_sensitive_arguments_are_masked(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    sealed = {"sealed": {"key": "k", "digest": "d", "token": "canary"}}
    run_id = ledger.add_run(ledger.add_job(), kwargs={"password": sealed})
    answer = client.get(f"{RUNS}/{run_id}", headers=sign("viewer"))
    assert answer.json()["kwargs"] == {"password": "(sensitive)"}
    assert "canary" not in answer.text


@pytest.mark.parametrize("given", ["..%2f..%2fetc%2fpasswd", "1", "x" * 5000, "%00", "%ff%fe"])
def test_fault_75_an_id_that_is_no_uuid_is_looked_up_nowhere(
    client: TestClient, sign: Sign, given: str
) -> None:
    assert client.get(f"{RUNS}/{given}", headers=sign("viewer")).status_code in {404, 422}


def test_a_queued_run_is_cancelled_and_a_running_one_is_told_to_end(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id, operator = ledger.add_job(), sign("operator")
    queued, running = ledger.add_run(job_id), ledger.add_run(job_id)
    ledger.claim(running)
    first = client.post(f"{RUNS}/{queued}/cancel", headers=operator).json()
    second = client.post(f"{RUNS}/{running}/cancel", headers=operator).json()
    assert (first["state"], second["state"]) == ("cancelled", "running")
    assert ledger.run(running)["cancel_requested_at"] is not None
    assert client.post(f"{RUNS}/{queued}/cancel", headers=operator).status_code == 409


def test_a_retry_is_a_new_run_with_the_same_arguments(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = ledger.add_run(ledger.add_job(), kwargs={"day": 1})
    operator = sign("operator")
    assert client.post(f"{RUNS}/{run_id}/retry", headers=operator).status_code == 409
    ledger.end_run(run_id, "failed")
    made = client.post(f"{RUNS}/{run_id}/retry", headers=operator)
    assert made.status_code == 202
    assert ledger.run(made.json()["run_id"])["kwargs"] == {"day": 1}


def test_of_several_runs_each_says_what_came_of_it(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    failed, queued, unknown = ledger.add_run(job_id), ledger.add_run(job_id), uuid.uuid4()
    ledger.end_run(failed, "failed")
    ids = {"ids": [str(failed), str(queued), str(unknown)]}
    answer = client.post(f"{RUNS}/cancel", json=ids, headers=sign("operator"))
    assert [one["status"] for one in answer.json()["items"]] == [409, 200, 404]
    assert ledger.state(queued) == "cancelled"


def test_several_runs_are_retried_once_for_one_key(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job(overlap="allow")
    runs = [ledger.add_run(job_id), ledger.add_run(job_id)]
    for run_id in runs:
        ledger.end_run(run_id, "failed")
    headers = {**sign("operator"), "Idempotency-Key": "k"}
    ids = {"ids": [str(run_id) for run_id in runs]}
    first = client.post(f"{RUNS}/retry", json=ids, headers=headers).json()
    assert client.post(f"{RUNS}/retry", json=ids, headers=headers).json() == first
    assert len(ledger.run_ids()) == 4


def test_who_has_a_run_gets_304_until_it_goes_on(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    viewer = sign("viewer")
    tag = client.get(f"{RUNS}/{run_id}", headers=viewer).headers["etag"]
    headers = {**viewer, "If-None-Match": tag}
    assert client.get(f"{RUNS}/{run_id}", headers=headers).status_code == 304
    ledger.claim(run_id)
    assert client.get(f"{RUNS}/{run_id}", headers=headers).status_code == 200


@pytest.mark.parametrize("cursor", ["AA", "e30", "WyJ4IiwieSJd", "_" * 900])
def test_a_cursor_that_no_page_has_given_is_refused(
    client: TestClient, sign: Sign, cursor: str
) -> None:
    assert client.get(f"{RUNS}?cursor={cursor}", headers=sign("viewer")).status_code == 422


def test_a_poller_is_told_of_each_change_of_a_run_and_of_nothing_else(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    headers = sign("viewer")
    run_id = ledger.add_run(ledger.add_job())
    tag = client.get(RUNS, headers=headers).headers["etag"]
    known = {**headers, "If-None-Match": tag}
    assert client.get(RUNS, headers=known).status_code == 304
    ledger.change_run(run_id, state="succeeded", finished_at=NOON)
    changed = client.get(RUNS, headers=known)
    assert (changed.status_code, changed.json()["items"][0]["state"]) == (200, "succeeded")
    assert changed.headers["etag"] != tag


def test_callers_with_different_views_have_different_versions_of_a_page(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_run(ledger.add_job())
    tag = client.get(RUNS, headers=sign("viewer")).headers["etag"]
    others = {**sign("viewer", namespaces=["other"]), "If-None-Match": tag}
    assert client.get(RUNS, headers=others).json()["items"] == []


def _count(ledger: Ledger, *, most: int = 100) -> None:
    with transaction(ledger.engine) as connection:
        count_ended(connection, limit=most)


@pytest.mark.parametrize("query", ["queue=rare", "trigger=backfill", "state=cancelled"])
@pytest.mark.parametrize("most_counted", [0, 100])
def test_a_rare_run_that_is_over_is_found_whether_it_was_counted_or_not(
    query: str, most_counted: int, client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_run(ledger.add_job(name="other"), queue="common", state="running", **RUNNING)
    rare = ledger.add_run(
        ledger.add_job(), queue="rare", trigger="backfill", state="cancelled", finished_at=NOON
    )
    _count(ledger, most=most_counted)
    assert _ids(client, sign("viewer"), query) == [str(rare)]


@pytest.mark.parametrize("values", [{"held": True}, {"held": False}])
def test_a_rare_run_that_waits_is_found(
    values: dict[str, bool], client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    rare = ledger.add_run(ledger.add_job(), queue="rare", **values)
    assert _ids(client, sign("viewer"), "queue=rare") == [str(rare)]


def test_a_run_that_succeeded_after_it_was_counted_as_lost_is_found_as_succeeded(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    run_id = ledger.add_run(ledger.add_job())
    ledger.end_run(run_id, "lost")
    _count(ledger)
    ledger.change_run(run_id, state="succeeded")
    assert _ids(client, sign("viewer"), "state=succeeded") == [str(run_id)]
