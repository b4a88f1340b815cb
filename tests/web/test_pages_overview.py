"""The first page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from jobrunner.db.engine import transaction
from jobrunner.db.pauses import pause
from jobrunner.db.processes import sign_in
from jobrunner.web.static_files import static_files
from tests.ledger import Ledger
from tests.seeding import put_job
from tests.web.conftest import Headers

Sign = Callable[..., Headers]


@pytest.fixture
def at_work(engine: Engine) -> None:
    """A beat, a worker and a watcher whose files are in force."""
    with transaction(engine) as connection:
        sign_in(connection, "beat")
        sign_in(connection, "worker", details={"queues": ["default"], "concurrency": 4})
        sign_in(connection, "watch", details={"root": "/srv/jobs", "config": "in_force"})


@pytest.mark.usefixtures("at_work")
def test_all_is_ticking_when_nothing_is_late_and_everybody_is_at_work(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    shown = client.get("/", headers=sign("viewer")).text
    assert "<h1>All is ticking</h1>" in shown
    assert "0 of 4" in shown


def test_who_is_not_at_work_is_named_with_his_command(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    ledger.add_job()
    shown = client.get("/", headers=sign("viewer")).text
    assert "<code>jobrunner beat</code>" in shown
    assert "<code>jobrunner worker</code>" in shown


@pytest.mark.usefixtures("at_work")
def test_a_queue_that_nobody_serves_is_told_of(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    ledger.add_job(name="usual")
    ledger.add_run(ledger.add_job(name="heavy", queue="reports"))
    with transaction(engine) as connection:
        sign_in(connection, "worker", details={"queues": ["reports"], "stopping": True})
    shown = client.get("/", headers=sign("viewer")).text
    assert "No worker takes from the queue reports: runs wait there." in shown
    assert "<code>jobrunner worker -Q reports</code>" in shown
    others = client.get("/", headers=sign("viewer", namespaces=["other"])).text
    assert "No worker takes" not in others


@pytest.mark.usefixtures("at_work")
def test_files_that_are_refused_are_told_of(client: TestClient, sign: Sign, engine: Engine) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "watch", details={"config": "refused", "message": "deletes 3 of 4"})
    assert "waits for a person: deletes 3 of 4" in client.get("/", headers=sign("viewer")).text


@pytest.mark.usefixtures("at_work")
@pytest.mark.parametrize("config", ["refused", "invalid"])
def test_what_a_watcher_says_of_other_namespaces_is_not_told(
    client: TestClient, sign: Sign, engine: Engine, config: str
) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "watch", details={"config": config, "message": "hidden/job is deleted"})
    shown = client.get("/", headers=sign("viewer", namespaces=["test"])).text
    assert "Something needs a look" in shown
    assert "hidden/job" not in shown


@pytest.mark.usefixtures("at_work")
def test_an_app_that_a_beat_cannot_send_to_is_told_and_its_name_only_to_who_sees_all(
    client: TestClient, sign: Sign, engine: Engine
) -> None:
    with transaction(engine) as connection:
        sign_in(connection, "beat", details={"cannot_send": ["The app shop.app is away."]})
    shown = client.get("/", headers=sign("viewer")).text
    assert "The app shop.app is away; its runs wait." in shown
    others = client.get("/", headers=sign("viewer", namespaces=["test"])).text
    assert "A Celery app cannot be sent to; its runs wait." in others
    assert "shop.app" not in others


@pytest.mark.usefixtures("at_work")
def test_what_is_late_is_told_with_its_job(client: TestClient, sign: Sign, engine: Engine) -> None:
    put_job(engine, "slow", due=datetime.now(UTC) - timedelta(minutes=4))
    shown = client.get("/", headers=sign("viewer")).text
    assert "<h1>Something needs a look</h1>" in shown
    assert '<a class="address" href="/jobs/test/slow">' in shown


def test_a_job_that_failed_and_has_succeeded_since_is_well_again(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    now = datetime.now(UTC)
    for name in ("mended", "broken"):
        ended = {"scheduled_for": now - timedelta(hours=2), "finished_at": now}
        ledger.add_run(ledger.add_job(name=name), state="failed", error=f"no {name}", **ended)
    mended = ledger.run(ledger.run_ids()[0])["job_id"]
    ledger.add_run(mended, state="succeeded", scheduled_for=now, finished_at=now)
    shown = client.get("/", headers=sign("viewer")).text
    assert (shown.count("well again"), "no mended" in shown, "no broken" in shown) == (
        1,
        True,
        True,
    )


def test_who_is_of_another_namespace_sees_nothing_of_it(
    client: TestClient, sign: Sign, ledger: Ledger, engine: Engine
) -> None:
    put_job(engine, "slow", due=datetime.now(UTC) - timedelta(minutes=4))
    run_id = ledger.add_run(ledger.add_job(name="bad"))
    ledger.end_run(run_id, "failed", error="their secret trouble")
    with transaction(engine) as connection:
        pause(
            connection, "job", "test/slow", reason="their moving house", paused_by="ada", until=None
        )
    shown = client.get("/", headers=sign("viewer", namespaces=["other"])).text
    assert [word for word in ("test/", "trouble", "moving house") if word in shown] == []


def test_who_sees_his_own_runs_counts_his_own(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    job_id = ledger.add_job()
    for subject in ("ada", "bob", "bob"):
        ledger.end_run(ledger.add_run(job_id, created_by=subject), "failed", error=f"of {subject}")
    shown = client.get("/", headers=sign("viewer", own_runs_only=True)).text
    assert ("of ada" in shown, "of bob" in shown) == (True, False)


@pytest.mark.usefixtures("at_work")
def test_the_first_page_and_all_it_loads_are_small(
    client: TestClient, sign: Sign, ledger: Ledger
) -> None:
    for number in range(12):
        run_id = ledger.add_run(ledger.add_job(name=f"job-{number}"))
        ledger.end_run(run_id, "failed", error="a rather long sentence " * 10)
    shown = client.get("/", headers=sign("viewer")).content
    loaded = ("style.css", "pages.js", "favicon.svg", "vendor/htmx.min.js")
    assert len(shown) + sum(len(static_files()[name].content) for name in loaded) < 100_000
