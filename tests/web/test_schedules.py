"""Jobs that the API owns: made, read, changed, switched and deleted, and never those of files."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Engine, select, text
from starlette.testclient import TestClient

from jobrunner.db import tables
from jobrunner.db.wakeups import Listener
from jobrunner.sealing import Keyring
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from tests.ledger import Ledger
from tests.web.conftest import SETTINGS, Headers

Sign = Callable[..., Headers]
SCHEDULES = "/api/v1/schedules"
REMINDER = f"{SCHEDULES}/crm/reminder"
DEFINITION: dict[str, Any] = {
    "task": "acme.remind",
    "kwargs": {"customer": 42, "by": {"mail": True, "phone": False}},
    "schedule": {"cron": "0 9 * * 1", "timezone": "Europe/Berlin"},
}
JOB = {"namespace": "crm", "name": "reminder", **DEFINITION}
KEY = "c2l4dGVlbiBieXRlcyB0d28gdGltZXMgb3ZlcjogMzI="


@pytest.fixture
def admin(sign: Sign) -> Headers:
    return sign("admin", subject="ada", namespaces=["crm"])


@pytest.fixture
def made(client: TestClient, admin: Headers) -> Response:
    """The answer to who has made the reminder."""
    return client.post(SCHEDULES, json=JOB, headers=admin)


def _rows(engine: Engine) -> list[Any]:
    """All that is stored of jobs, as text."""
    stored = (
        tables.jobs, tables.schedules, tables.definitions, tables.active_intervals, tables.revisions,
        tables.projects,
    )  # fmt: skip
    with engine.connect() as connection:
        return [sorted(map(str, connection.execute(select(one)))) for one in stored]


def test_a_job_is_made_with_its_schedule(made: Response) -> None:
    told = made.json()
    assert made.status_code == 201
    assert made.headers["location"] == REMINDER
    assert made.headers["etag"] == f'"{told["digest"]}"'
    assert told["definition"] == DEFINITION
    assert told["schedules"][0]["next_run_at"] is not None
    assert (told["is_read_only"], told["changed_by"], told["warnings"]) == (False, "ada", [])


@pytest.mark.parametrize(
    "rule",
    [
        {"cron": "@daily"},
        {"every": "5m"},
        {"at": "2099-12-01T09:00:00+01:00"},
        {"rrule": "FREQ=MONTHLY;BYDAY=-1FR", "dtstart": "2026-01-30T18:00:00"},
        {"solar": {"event": "sunrise", "latitude": 52.5, "longitude": 13.4}},
    ],
)
def test_a_schedule_follows_every_kind_of_rule(
    rule: dict[str, Any], client: TestClient, admin: Headers
) -> None:
    told = client.post(SCHEDULES, json={**JOB, "schedule": rule}, headers=admin).json()
    assert told["schedules"][0]["next_run_at"] is not None


def test_it_may_refer_to_any_secret_which_is_for_the_worker_to_open(
    client: TestClient, admin: Headers
) -> None:
    kwargs = {"customer": 42, "key": {"secret": "env:ANYBODYS_KEY"}}
    told = client.post(SCHEDULES, json={**JOB, "kwargs": kwargs}, headers=admin).json()
    assert told["definition"]["kwargs"] == kwargs


def test_it_is_read_one_by_one_and_by_the_page(
    client: TestClient, admin: Headers, ledger: Ledger
) -> None:
    ledger.add_job()
    for name in ("c", "a", "b"):
        client.post(SCHEDULES, json={**JOB, "name": name}, headers=admin)
    first = client.get(SCHEDULES, params={"limit": 2}, headers=admin).json()
    cursor = first["next_cursor"]
    rest = client.get(SCHEDULES, params={"limit": 2, "cursor": cursor}, headers=admin).json()
    assert [one["address"] for one in first["items"]] == ["crm/a", "crm/b"]
    assert [one["address"] for one in rest["items"]] == ["crm/c"]
    assert client.get(f"{SCHEDULES}/crm/b", headers=admin).json() == first["items"][1]


def test_it_is_a_job_like_any_other(made: Response, client: TestClient, admin: Headers) -> None:
    assert made.status_code == 201
    job = client.get("/api/v1/jobs/crm/reminder", headers=admin).json()
    coming = client.get("/api/v1/jobs/crm/reminder/next", headers=admin).json()
    assert job["schedules"][0]["in_words"]
    assert len(coming["items"]) == 5


def test_a_beat_is_woken_by_the_commit(engine: Engine, client: TestClient, admin: Headers) -> None:
    listener = Listener(engine)
    client.post(SCHEDULES, json=JOB, headers=admin)
    assert listener.wait(30.0)
    listener.close()


def test_mistakes_are_told_by_pointer_and_nothing_is_made(
    client: TestClient, admin: Headers, engine: Engine
) -> None:
    wrong = {**JOB, "schedule": {"cron": "61 9 * * 1"}, "queue": "A B", "nope": 1}
    answer = client.post(SCHEDULES, json=wrong, headers=admin)
    assert answer.status_code == 422
    assert [(one["at"], one["code"]) for one in answer.json()["errors"]] == [
        ("/schedule/cron", "E208"),
        ("/queue", "E206"),
        ("/nope", "E201"),
    ]
    assert all(one["problem"] and one["help"] for one in answer.json()["errors"])
    assert _rows(engine)[0] == []


@pytest.mark.parametrize(
    "value",
    [
        '"\\ud800"', '"\\u0000"', "NaN", "1e999", "9" * 5000, "[" * 61 + "]" * 61,
        "[" * 900 + "]" * 900, '{"a": ' * 900 + "1" + "}" * 900, f'"{"x" * 70_000}"',
    ],
)  # fmt: skip
def test_what_json_allows_and_a_job_does_not_is_refused(
    value: str, client: TestClient, admin: Headers, made: Response
) -> None:
    headers = {**admin, "Content-Type": "application/json"}
    body = f'{{"task": "acme.remind", "kwargs": {{"a": {value}}}}}'
    for method in ("PUT", "PATCH"):
        answer = client.request(method, REMINDER, content=body, headers=headers)
        assert answer.status_code in {400, 422}
    assert client.get(REMINDER, headers=admin).headers["etag"] == made.headers["etag"]


def test_texts_that_yaml_reads_otherwise_stay_what_they_are(
    client: TestClient, admin: Headers
) -> None:
    kwargs = {"a": "no", "b": "1_000", "c": "x\u2028y\x85z", "d": "💩 é", "<<": "*a", "e": "- [}"}
    told = client.post(SCHEDULES, json={**JOB, "kwargs": kwargs}, headers=admin).json()
    assert told["definition"]["kwargs"] == kwargs


def test_put_replaces_the_whole_definition(
    made: Response, client: TestClient, admin: Headers
) -> None:
    told = client.put(REMINDER, json={"task": "acme.other"}, headers=admin)
    assert told.status_code == 200
    assert told.json()["definition"] == {"task": "acme.other"}
    assert told.headers["etag"] != made.headers["etag"]


def test_patch_merges_and_null_removes(made: Response, client: TestClient, admin: Headers) -> None:
    assert made.status_code == 201
    patch = {"kwargs": {"by": {"mail": None}}, "schedule": {"cron": None, "every": "5m"}}
    headers = {**admin, "Content-Type": "application/merge-patch+json"}
    told = client.patch(REMINDER, content=json.dumps(patch), headers=headers)
    assert told.json()["definition"] == {
        "task": "acme.remind",
        "kwargs": {"customer": 42, "by": {"phone": False}},
        "schedule": {"every": "5m", "timezone": "Europe/Berlin"},
    }


def test_a_patch_with_a_mistake_changes_nothing(
    made: Response, client: TestClient, admin: Headers
) -> None:
    answer = client.patch(REMINDER, json={"schedule": {"cron": "x"}}, headers=admin)
    assert answer.json()["errors"][0]["at"] == "/schedule/cron"
    assert client.get(REMINDER, headers=admin).headers["etag"] == made.headers["etag"]


def test_a_job_that_is_off_has_no_next_time_and_one_that_is_on_has(
    made: Response, client: TestClient, admin: Headers
) -> None:
    off = client.post(f"{REMINDER}/disable", headers=admin).json()
    on = client.post(f"{REMINDER}/enable", headers=admin)
    assert (off["enabled"], off["schedules"][0]["next_run_at"]) == (False, None)
    assert (on.json()["enabled"], on.headers["etag"]) == (True, made.headers["etag"])
    assert on.json()["schedules"][0]["next_run_at"] is not None


def test_a_deleted_job_returns_with_its_history(
    made: Response, client: TestClient, admin: Headers, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.schedules SET total_run_count = 7"))
    assert made.status_code == 201
    assert client.delete(REMINDER, headers=admin).status_code == 204
    assert client.get(REMINDER, headers=admin).status_code == 404
    again = client.post(SCHEDULES, json=JOB, headers=admin).json()
    assert again["schedules"][0]["total_run_count"] == 7


def test_a_protected_job_is_deleted_only_where_it_is_meant(
    client: TestClient, admin: Headers
) -> None:
    client.post(SCHEDULES, json={**JOB, "protect": True}, headers=admin)
    refused = client.delete(REMINDER, headers=admin)
    assert refused.status_code == 422
    assert "allow_protected" in refused.json()["detail"]
    meant = client.delete(REMINDER, params={"allow_protected": True}, headers=admin)
    assert meant.status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", REMINDER, {"task": "acme.mine"}),
        ("PATCH", REMINDER, {"queue": "mine"}),
        ("DELETE", REMINDER, None),
        ("POST", f"{REMINDER}/disable", None),
    ],
)
def test_a_change_of_what_somebody_else_has_changed_is_refused(
    method: str, path: str, body: Any, made: Response, client: TestClient, admin: Headers
) -> None:
    client.patch(REMINDER, json={"queue": "his"}, headers=admin)
    seen = {**admin, "If-Match": made.headers["etag"]}
    stale = client.request(method, path, json=body, headers=seen)
    assert stale.status_code == 412
    now = client.get(REMINDER, headers=admin)
    assert now.json()["definition"]["queue"] == "his"
    fresh = {**admin, "If-Match": now.headers["etag"]}
    assert client.request(method, path, json=body, headers=fresh).status_code in {200, 204}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"namespace": "test", "name": "job", "task": "acme.mine"}),
        ("PUT", "/test/job", {"task": "acme.mine"}),
        ("PATCH", "/test/job", {"enabled": False}),
        ("DELETE", "/test/job", None),
        ("POST", "/test/job/enable", None),
        ("POST", "/test/job/disable", None),
    ],
)
def test_a_job_of_a_file_is_not_touched_and_the_answer_says_which_line_to_edit(
    method: str, path: str, body: Any, client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    before = _rows(ledger.engine)
    answer = client.request(method, SCHEDULES + path, json=body, headers=sign("admin"))
    assert answer.status_code == 409
    assert "jobs.d/test.yaml:1" in answer.json()["title"]
    assert _rows(ledger.engine) == before


def test_a_job_of_a_file_is_read_with_its_place(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    told = client.get(f"{SCHEDULES}/test/job", headers=sign("viewer")).json()
    assert (told["is_read_only"], told["file"], told["line"]) == (True, "jobs.d/test.yaml", 1)


def test_an_address_that_is_taken_is_refused(
    made: Response, client: TestClient, admin: Headers
) -> None:
    assert made.status_code == 201
    assert client.post(SCHEDULES, json=JOB, headers=admin).status_code == 409


def test_the_same_request_sent_again_makes_one_job(client: TestClient, admin: Headers) -> None:
    headers = {**admin, "Idempotency-Key": "once"}
    first, again = (client.post(SCHEDULES, json=JOB, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["location"] == first.headers["location"]


def test_each_change_is_in_the_audit_with_who_made_it(
    made: Response, client: TestClient, admin: Headers, sign: Sign
) -> None:
    assert made.status_code == 201
    client.put(REMINDER, json=DEFINITION, headers=admin)
    client.patch(REMINDER, json={"queue": "mail"}, headers=admin)
    client.post(f"{REMINDER}/disable", headers=admin)
    client.post(f"{REMINDER}/enable", headers=admin)
    client.delete(REMINDER, headers=admin)
    acts = client.get("/api/v1/audit", headers=sign("admin")).json()["items"]
    assert [(one["actor"], one["action"]) for one in acts if one["target"] == "crm/reminder"] == [
        ("ada", "schedule.delete"),
        ("ada", "schedule.enable"),
        ("ada", "schedule.disable"),
        ("ada", "schedule.change"),
        ("ada", "schedule.replace"),
        ("ada", "schedule.create"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/jobs/crm/reminder",
        "/changes",
        "/changes/:api/revisions/1",
        "/changes/:api/revisions/1/rollback",
        "/changes/:api/drift",
    ],
)
def test_pages_say_that_no_file_defines_it(
    path: str, made: Response, client: TestClient, sign: Sign
) -> None:
    assert made.status_code == 201
    page = client.get(path, headers=sign("admin")).text
    assert "the API" in page
    assert "api:1" not in page
    assert ":api" not in page.replace("/changes/:api/", "")


@pytest.fixture
def sealing(engine: Engine) -> TestClient:
    """Of an app with a key for sensitive arguments."""
    app = make_app(Web(SETTINGS, engine, keyring=Keyring([KEY])))
    return TestClient(app, base_url="http://127.0.0.1")


SECRET = {**JOB, "kwargs": {"token": "hush hush", "customer": 42}, "sensitive": ["token"]}


def test_a_sensitive_argument_is_sealed_and_never_shown(
    sealing: TestClient, admin: Headers, engine: Engine
) -> None:
    told = sealing.post(SCHEDULES, json=SECRET, headers=admin)
    assert told.status_code == 201
    assert "hush" not in told.text
    assert "hush" not in str(_rows(engine))


def test_what_is_shown_in_place_of_a_sensitive_argument_is_not_taken_for_it(
    sealing: TestClient, admin: Headers
) -> None:
    shown = sealing.post(SCHEDULES, json=SECRET, headers=admin).json()["definition"]
    answer = sealing.put(REMINDER, json=shown, headers=admin)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == "/kwargs/token"


def test_a_job_with_sensitive_arguments_is_switched_and_not_patched(
    sealing: TestClient, admin: Headers
) -> None:
    sealing.post(SCHEDULES, json=SECRET, headers=admin)
    off = sealing.patch(REMINDER, json={"enabled": False}, headers=admin)
    assert (off.status_code, off.json()["enabled"]) == (200, False)
    assert sealing.patch(REMINDER, json={"queue": "mail"}, headers=admin).status_code == 409
