"""The page of a job, and what is done there."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from httpx2 import Response
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from jobrunner.db import tables
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.pauses import pauses_in_force
from jobrunner.settings import Settings
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from tests.ledger import Ledger
from tests.seeding import put_job
from tests.web.conftest import Headers

Sign = Callable[..., Headers]
Post = Callable[..., Response]


@pytest.fixture
def post(client: TestClient, sign: Sign) -> Post:
    """Sends a form of the job's page as an operator does: `post("run", once="1")`."""
    headers = sign("operator")

    def send(act: str, **fields: str) -> Response:
        return client.post(
            f"/jobs/test/job/{act}", data=fields, headers=headers, follow_redirects=False
        )

    return send


def test_a_job_begins_with_its_schedule_in_words_and_its_next_times(
    client: TestClient, sign: Sign, engine: Engine
) -> None:
    put_job(engine, schedules=[{"cron": "30 5 * * mon-fri", "timezone": "Europe/Berlin"}])
    shown = client.get(
        "/jobs/test/job", headers=sign("viewer") | {"Cookie": "jobrunner_zone=Europe%2FBerlin"}
    ).text
    assert "At 05:30 on weekdays, Europe/Berlin time" in shown
    assert (shown.count(" 05:30 CET<span"), shown.count(" 05:30 CEST<span")) in {(5, 0), (0, 5)}


def test_who_may_only_read_sees_no_form(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    ledger.add_job()
    assert '<form method="post"' not in client.get("/jobs/test/job", headers=sign("viewer")).text


def test_a_job_of_another_namespace_is_none(client: TestClient, sign: Sign, ledger: Ledger) -> None:
    ledger.add_job()
    headers = sign("viewer", namespaces=["other"]) | {"Accept": "text/html"}
    theirs = client.get("/jobs/test/job", headers=headers)
    nobodys = client.get("/jobs/test/none", headers=headers)
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    told = theirs.text.replace("test/job", "test/none").replace("test%2Fjob", "test%2Fnone")
    assert told == nobodys.text


def test_a_run_is_given_what_the_form_changes(post: Post, ledger: Ledger) -> None:
    ledger.add_job(kwargs={"limit": 5, "country": "DE"})
    started = post("run", **{"argument.limit": "7", "argument.country": "DE"})
    [run_id] = ledger.run_ids()
    assert started.headers["location"] == f"/runs/{run_id}?said=triggered"
    assert (ledger.run(run_id)["kwargs"], ledger.run(run_id)["created_by"]) == ({"limit": 7}, "ada")


def test_a_form_that_is_sent_twice_is_one_run(post: Post, ledger: Ledger) -> None:
    ledger.add_job()
    assert post("run", once="a").headers["location"] == post("run", once="a").headers["location"]
    assert len(ledger.run_ids()) == 1


def test_what_cannot_be_read_is_told_beside_what_was_written(post: Post, ledger: Ledger) -> None:
    ledger.add_job(kwargs={"limit": 5})
    refused = post("run", once="a", **{"argument.limit": "many"})
    assert refused.status_code == 422
    assert "limit is &#39;many&#39;, which is no whole number." in refused.text
    assert 'name="argument.limit" value="many"' in refused.text


def test_a_run_that_overlap_skips_is_told_of(post: Post, ledger: Ledger) -> None:
    ledger.add_job(overlap="skip")
    post("run", once="a")
    assert post("run", once="b").headers["location"] == "/jobs/test/job?said=skipped"


def test_a_pause_has_its_reason_and_its_end(post: Post, ledger: Ledger, engine: Engine) -> None:
    ledger.add_job()
    assert post("pause", reason="disk swap", until="2076-12-24 18:00Z").status_code == 303
    with transaction(engine) as connection:
        [pause] = pauses_in_force(connection)
    assert (pause.target, pause.reason, pause.paused_by) == ("test/job", "disk swap", "ada")
    assert pause.until == datetime(2076, 12, 24, 18, 0, tzinfo=UTC)


def test_an_end_that_cannot_be_read_keeps_the_reason(post: Post, ledger: Ledger) -> None:
    ledger.add_job()
    refused = post("pause", reason="disk swap", until="soon")
    assert (refused.status_code, 'value="disk swap"' in refused.text) == (422, True)


def test_a_resumed_job_is_paused_no_more(post: Post, ledger: Ledger, engine: Engine) -> None:
    ledger.add_job()
    post("pause", reason="")
    assert post("resume").headers["location"] == "/jobs/test/job?said=resumed"
    with transaction(engine) as connection:
        assert pauses_in_force(connection) == ()


def test_what_is_done_is_in_the_audit(post: Post, ledger: Ledger, engine: Engine) -> None:
    ledger.add_job()
    for act in ("run", "pause", "resume"):
        post(act)
    with engine.begin() as connection:
        acts = connection.execute(select(tables.audit.c.actor, tables.audit.c.action)).all()
    assert [act for act in acts if act.actor == "ada"] == [
        ("ada", "run.trigger"),
        ("ada", "pause"),
        ("ada", "resume"),
    ]


def test_a_line_of_a_file_is_linked_where_the_settings_say(
    database_url: str, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    ledger.add_job()
    with engine.begin() as connection:
        connection.execute(tables.definitions.update().values(git_commit="abc123"))
    settings = Settings(web_source_link="https://git.example/{commit}/{file}#L{line}")
    linked = make_engine(database_url, application_name="tests")
    with TestClient(make_app(Web(settings, linked)), base_url="http://127.0.0.1") as client:
        shown = client.get("/jobs/test/job", headers=sign("viewer")).text
    linked.dispose()
    assert 'href="https://git.example/abc123/jobs.d/test.yaml#L1"' in shown


def test_a_definition_that_this_version_cannot_read_is_told_of(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.spoil_definition(ledger.add_job(), from_the_future=1)
    shown = client.get("/jobs/test/job", headers=sign("operator"))
    assert (shown.status_code, "cannot be read by this version" in shown.text) == (200, True)
